"""Operators that compute each element by itself; shapes broadcast as numpy's."""

from __future__ import annotations

import math as python_math
from collections.abc import Callable
from functools import reduce

import numpy as np
from xdsl.dialects import math

from frontends.array_builder import Tensor
from frontends.array_sums import Builder
from frontends.elements import is_float
from frontends.onnx_ops.registry import operator
from frontends.scalar import Scalar

UNARY: dict[str, Callable[[Scalar], Scalar]] = {
    "Abs": lambda x: x.abs(),
    "Acos": lambda x: x.of(math.AcosOp),
    "Acosh": lambda x: x.of(math.AcoshOp),
    "Asin": lambda x: x.of(math.AsinOp),
    "Asinh": lambda x: x.of(math.AsinhOp),
    "Atan": lambda x: x.of(math.AtanOp),
    "Atanh": lambda x: x.of(math.AtanhOp),
    "BitwiseNot": lambda x: ~x,
    "Ceil": lambda x: x.of(math.CeilOp),
    "Cos": lambda x: x.of(math.CosOp),
    "Cosh": lambda x: x.of(math.CoshOp),
    "Erf": lambda x: x.of(math.ErfOp),
    "Exp": lambda x: x.exp(),
    "Floor": lambda x: x.of(math.FloorOp),
    "HardSwish": lambda x: x * (x / 6 + 0.5).at_least(0).at_most(1),
    "IsNaN": lambda x: x.is_nan(),
    "Log": lambda x: x.log(),
    "Mish": lambda x: x * softplus(x).tanh(),
    "Neg": lambda x: -x,
    "Not": lambda x: x == 0,
    "Reciprocal": lambda x: 1 / x,
    "Relu": lambda x: x.at_least(0),
    "Round": lambda x: x.of(math.RoundEvenOp),
    "Sigmoid": lambda x: x.sigmoid(),
    "Sign": lambda x: (x > 0).choose(x.constant(1), (x < 0).choose(x.constant(-1), x)),
    "Sin": lambda x: x.of(math.SinOp),
    "Sinh": lambda x: x.of(math.SinhOp),
    "Softplus": lambda x: softplus(x),
    "Softsign": lambda x: x / (1 + x.abs()),
    "Sqrt": lambda x: x.sqrt(),
    "Tan": lambda x: x.of(math.TanOp),
    "Tanh": lambda x: x.tanh(),
}
"""Operators of one input without attributes."""

BINARY: dict[str, Callable[[Scalar, Scalar], Scalar]] = {
    "Add": lambda x, y: x + y,
    "And": lambda x, y: x & y,
    "BitwiseAnd": lambda x, y: x & y,
    "BitwiseOr": lambda x, y: x | y,
    "BitwiseXor": lambda x, y: x ^ y,
    "Div": lambda x, y: x / y,
    "Equal": lambda x, y: x == y,
    "Greater": lambda x, y: x > y,
    "GreaterOrEqual": lambda x, y: x >= y,
    "Less": lambda x, y: x < y,
    "LessOrEqual": lambda x, y: x <= y,
    "Mul": lambda x, y: x * y,
    "Or": lambda x, y: x | y,
    "PRelu": lambda x, slope: (x < 0).choose(x * slope, x),
    "Sub": lambda x, y: x - y,
    "Xor": lambda x, y: x ^ y,
}
"""Operators of two inputs without attributes."""


def softplus(x: Scalar) -> Scalar:
    """log(1 + exp(x)), without exp(x) where that is beyond all floats."""
    return x.at_least(0) + (-x.abs()).exp().of(math.Log1pOp)


def _register() -> None:
    def unary(body: Callable[[Scalar], Scalar]) -> Callable[[Builder, Tensor], Tensor]:
        return lambda b, x: b.map(body, x)

    def binary(
        body: Callable[[Scalar, Scalar], Scalar],
    ) -> Callable[[Builder, Tensor, Tensor], Tensor]:
        return lambda b, x, y: b.map(body, x, y)

    for name, body in UNARY.items():
        operator(name)(unary(body))
    for name, body in BINARY.items():
        operator(name, since=7 if name != "PRelu" else 1)(binary(body))


_register()


# With attributes


@operator("LeakyRelu")
def leaky_relu(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
    """x, or alpha x below 0"""
    return b.map(lambda x: (x < 0).choose(x * alpha, x), x)


@operator("Elu")
def elu(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
    """x, or alpha (exp(x) - 1) below 0"""
    return b.map(lambda x: (x < 0).choose(alpha * x.of(math.ExpM1Op), x), x)


@operator("Celu")
def celu(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
    """x, or alpha (exp(x / alpha) - 1) below 0"""
    return b.map(lambda x: (x < 0).choose(alpha * (x / alpha).of(math.ExpM1Op), x), x)


@operator("Selu")
def selu(b: Builder, x: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """gamma x, or gamma alpha (exp(x) - 1) below 0"""
    return b.map(lambda x: gamma * (x <= 0).choose(alpha * x.of(math.ExpM1Op), x), x)


@operator("ThresholdedRelu")
def thresholded_relu(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
    """x where it is above alpha, else 0"""
    return b.map(lambda x: (x > alpha).choose(x, 0), x)


@operator("HardSigmoid")
def hard_sigmoid(b: Builder, x: Tensor, *, alpha: float, beta: float) -> Tensor:
    """alpha x + beta, cut to 0 .. 1"""
    return b.map(lambda x: (x * alpha + beta).at_least(0).at_most(1), x)


@operator("Shrink")
def shrink(b: Builder, x: Tensor, *, bias: float, lambd: float) -> Tensor:
    """x moved by `bias` towards 0, which is what is nearer than `lambd`"""
    result = x.dtype
    x = x if is_float(result) else b.cast(x, np.dtype(np.float64))
    y = b.map(
        lambda x: (x < -lambd).choose(x + bias, (x > lambd).choose(x - bias, 0 * x)),
        x,
    )
    return b.cast(y, result)


@operator("Swish")
def swish(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
    """x sigmoid(alpha x)"""
    return b.map(lambda x: x * (alpha * x).sigmoid(), x)


@operator("Gelu")
def gelu(b: Builder, x: Tensor, *, approximate: str) -> Tensor:
    """x times the probability that a normal number is below x"""
    if approximate == "tanh":
        scale = python_math.sqrt(2 / python_math.pi)
        return b.map(
            lambda x: x * 0.5 * (1 + (scale * (x + 0.044715 * x * x * x)).tanh()), x
        )
    root = python_math.sqrt(0.5)
    return b.map(lambda x: x * 0.5 * (1 + (x * root).of(math.ErfOp)), x)


@operator("IsInf")
def is_inf(
    b: Builder, x: Tensor, *, detect_negative: int, detect_positive: int
) -> Tensor:
    """Whether it is an infinity of the signs asked for"""
    infinity = python_math.inf

    def body(x: Scalar) -> Scalar:
        found = (x == infinity) if detect_positive else (x == -infinity)
        if detect_positive and detect_negative:
            found = x.abs() == infinity
        return found if detect_positive or detect_negative else found & 0

    return b.map(body, x)


@operator("Mod", since=10)
def mod(b: Builder, x: Tensor, y: Tensor, *, fmod: int) -> Tensor:
    """What a division leaves, with the sign of the divisor; of x with `fmod`"""
    if fmod:
        return b.map(lambda x, y: x.remainder(y), x, y)
    return b.map(lambda x, y: x.modulo(y), x, y)


@operator("Pow", since=7)
def power(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """x to the power of y, in the type of x"""
    if y.known and y.size == 1 and y.array.item() in (2, 3) and y.rank <= x.rank:
        cube = y.array.item() == 3
        return b.map(lambda x: x * x * x if cube else x * x, x)
    if x.dtype.kind in "iu" and y.dtype.kind not in "iu":
        return b.cast(power(b, b.cast(x, y.dtype), y), x.dtype)
    return b.map(lambda x, y: x.power(y.cast(x.dtype)), x, y)


@operator("BitShift", since=11)
def bit_shift(b: Builder, x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    """x shifted by y bits"""
    left = direction == "LEFT"
    return b.map(lambda x, y: x.shifted(y, left=left), x, y)


# Of any number of inputs


@operator("Sum", since=6)
def add_all(b: Builder, *xs: Tensor) -> Tensor:
    """Their sum"""
    return b.map(lambda *e: reduce(lambda x, y: x + y, e), *xs)


@operator("Mean", since=6)
def mean_of_all(b: Builder, *xs: Tensor) -> Tensor:
    """Their mean"""
    return b.map(lambda *e: reduce(lambda x, y: x + y, e) / len(xs), *xs)


@operator("Max", since=6)
def maximum(b: Builder, *xs: Tensor) -> Tensor:
    """The largest of them; NaN if one is"""
    return b.map(lambda *e: reduce(lambda x, y: x.maximum(y), e), *xs)


@operator("Min", since=6)
def minimum(b: Builder, *xs: Tensor) -> Tensor:
    """The smallest of them; NaN if one is"""
    return b.map(lambda *e: reduce(lambda x, y: x.minimum(y), e), *xs)


@operator("Clip", since=6)
def clip(
    b: Builder, x: Tensor, min_: Tensor | None = None, max_: Tensor | None = None
) -> Tensor:
    """x cut to min .. max"""
    for bound, lower in ((min_, True), (max_, False)):
        if bound is not None and bound.known and bound.size == 1:
            number = bound.array.item()
            x = b.map(
                lambda x, n=number, low=lower: x.at_least(n) if low else x.at_most(n), x
            )
        elif bound is not None:
            x = b.map(
                lambda x, y, low=lower: x.maximum(y) if low else x.minimum(y), x, bound
            )
    return x


@operator("Where", since=9, moves=True)
def where(b: Builder, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """x where the condition holds, else y"""
    return b.map(lambda c, x, y: c.choose(x, y), condition, x, y)
