"""Losses: a number, and the gradient of what the network says, in closed form.

Cross entropy of logits x [n, c] with labels [n], which are integers:

    %m = generic    m[n]  = max over c of x[n, c]
    %s = generic    s[n] += exp(x[n, c] - m[n])                          from 0
    %e = generic    e[n]  = m[n] + log(s[n])
    %l = generic    l    += (c == label[n]) * (e[n] - x[n, c]) / n        from 0
    %dx = generic   dx[n, c] = (exp(x[n, c] - e[n]) - (c == label[n])) / n

Mean squared error of y and t:

    %l = generic    l    += (y[..] - t[..])^2 / size                      from 0
    %dy = generic   dy[..] = (y[..] - t[..]) * 2 / size
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, prod

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, math, tensor
from xdsl.dialects.builtin import TensorType, i64
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap

from brdialect.errors import BrError, unsupported
from passes.gradients.scalar_rules import add, mul, number, scale, sub, where
from passes.gradients.tensors import filled
from passes.normalise.generalise_linalg import dropped_dimensions_map, generic
from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import parallel_generic

Body = Callable[..., SSAValue]


def block_of(inputs: Sequence[SSAValue], out: SSAValue, body: Body) -> Block:
    """A body of `linalg.generic`: from one element of each operand, the output's last,
    to the new element."""
    block = Block(arg_types=[tensor_type(v).element_type for v in (*inputs, out)])
    with ImplicitBuilder(block) as arguments:
        linalg.YieldOp(body(*arguments))
    return block


def elementwise(
    inputs: Sequence[SSAValue], maps: Sequence[AffineMap], like: SSAValue, body: Body
) -> SSAValue:
    """Emits a tensor like `like`, each element by itself."""
    out = tensor.EmptyOp((), tensor_type(like)).tensor
    block = block_of(inputs, out, lambda *elements: body(*elements[:-1]))
    return parallel_generic(inputs, out, maps, block).res[0]


def folded(
    inputs: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    start: SSAValue,
    body: Body,
) -> SSAValue:
    """Emits a sum, or another fold, that begins with `start`; the last map is its."""
    region = Region(block_of(inputs, start, body))
    return generic(inputs, [start], maps, region).res[0]


def is_label(label: SSAValue) -> SSAValue:
    """In the body of a generic over [n, c]: whether c is the label."""
    place = arith.IndexCastOp(linalg.IndexOp(1).result, label.type).result
    return arith.CmpiOp(place, label, "eq").result


def cross_entropy(x: SSAValue, labels: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The mean of -log(softmax(x)[label]); its gradient."""
    element = tensor_type(x).element_type
    n = shape_of(x)[0]
    full, rows = AffineMap.identity(2), dropped_dimensions_map(2, [1])
    row, whole = AffineMap.identity(1), dropped_dimensions_map(2, [0, 1])
    per_row = TensorType(element, [n])

    def larger(e: SSAValue, so_far: SSAValue) -> SSAValue:
        return arith.MaximumfOp(e, so_far).result

    def powers(e: SSAValue, largest: SSAValue, so_far: SSAValue) -> SSAValue:
        return add(so_far, math.ExpOp(sub(e, largest)).result)

    def log_sum(largest: SSAValue, total: SSAValue) -> SSAValue:
        return add(largest, math.LogOp(total).result)

    def term(
        e: SSAValue, level: SSAValue, label: SSAValue, so_far: SSAValue
    ) -> SSAValue:
        missing = scale(1 / n, sub(level, e))
        return add(so_far, where(is_label(label), missing, number(0.0, e)))

    def slope(e: SSAValue, level: SSAValue, label: SSAValue) -> SSAValue:
        wanted = where(is_label(label), number(1.0, e), number(0.0, e))
        return scale(1 / n, sub(math.ExpOp(sub(e, level)).result, wanted))

    largest = folded([x], [full, rows], filled(-inf, per_row), larger)
    zeros = filled(0.0, per_row)
    total = folded([x, largest], [full, rows, rows], zeros, powers)
    level = elementwise([largest, total], [row, row], total, log_sum)
    inputs, maps = [x, level, labels], [full, rows, rows]
    start = filled(0.0, TensorType(element, []))
    loss = folded(inputs, [*maps, whole], start, term)
    return loss, elementwise(inputs, maps, x, slope)


def mean_squared_error(y: SSAValue, t: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The mean of (y - t)^2 over all elements; its gradient."""
    rank, size = len(shape_of(y)), prod(shape_of(y))
    full = AffineMap.identity(rank)
    whole = dropped_dimensions_map(rank, range(rank))

    def term(y: SSAValue, t: SSAValue, so_far: SSAValue) -> SSAValue:
        difference = sub(y, t)
        return add(so_far, scale(1 / size, mul(difference, difference)))

    def slope(y: SSAValue, t: SSAValue) -> SSAValue:
        return scale(2 / size, sub(y, t))

    start = filled(0.0, TensorType(tensor_type(y).element_type, []))
    loss = folded([y, t], [full, full, whole], start, term)
    return loss, elementwise([y, t], [full, full], y, slope)


def labels_type(at: Operation, prediction: TensorType) -> TensorType:
    """Of the labels of logits [n, c]: [n] integers."""
    if prediction.get_num_dims() != 2:
        unsupported(
            at,
            "expected a result of logits [examples, classes] for loss=cross-entropy, "
            f"got {prediction}",
        )
    return TensorType(i64, prediction.get_shape()[:1])


Loss = Callable[[SSAValue, SSAValue], tuple[SSAValue, SSAValue]]
"""From what the network says and what is wanted to the loss and its gradient."""

LOSSES: Mapping[str, tuple[Callable[[Operation, TensorType], TensorType], Loss]] = {
    "cross-entropy": (labels_type, cross_entropy),
    "mean-squared-error": (lambda at, prediction: prediction, mean_squared_error),
}
"""By name: the type of what is wanted, for that of what the network says; the loss."""


def check_loss(name: str | None) -> None:
    """Refuses names of losses that there are not; None is the program's own."""
    if name is not None and name not in LOSSES:
        raise BrError(f"expected a loss out of {', '.join(LOSSES)}, got '{name}'")
