"""The derivative of each scalar operation: one line for each.

A rule takes the operation, the number `i` of an operand, the gradient `g` of the result
and `of`, which gives a value of the body where the derivative is computed; it returns
the gradient of the operand, None where that is zero everywhere. All of them emit into
the enclosing `ImplicitBuilder`.

Where a clamp such as ReLU lets a gradient pass is read off its result if that lies in
memory: x > 0 where max(x, 0) > 0. Then nobody has to keep x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log as ln
from math import pi
from typing import Protocol

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AnyFloat, FloatAttr
from xdsl.ir import Operation, SSAValue

from brdialect.linalg.bodies import convert
from brdialect.xdsl_repairs import CmpfOp, ExtFOp, SelectOp, TruncFOp


class Of(Protocol):
    """The values of a body where the derivative is computed."""

    def __call__(self, value: SSAValue, /) -> SSAValue:
        """The value, computed again if need be."""
        ...

    def stored(self, value: SSAValue) -> SSAValue | None:
        """The value as it lies in memory, if it does."""
        ...


Rule = Callable[[Operation, int, SSAValue, Of], SSAValue | None]


def number(value: float, like: SSAValue) -> SSAValue:
    """A constant of the type of `like`."""
    assert isinstance(like.type, AnyFloat)
    return arith.ConstantOp(FloatAttr(value, like.type)).result


def add(x: SSAValue, y: SSAValue) -> SSAValue:
    """x + y"""
    return arith.AddfOp(x, y).result


def sub(x: SSAValue, y: SSAValue) -> SSAValue:
    """x - y"""
    return arith.SubfOp(x, y).result


def mul(x: SSAValue, y: SSAValue) -> SSAValue:
    """x * y"""
    return arith.MulfOp(x, y).result


def div(x: SSAValue, y: SSAValue) -> SSAValue:
    """x / y"""
    return arith.DivfOp(x, y).result


def neg(x: SSAValue) -> SSAValue:
    """-x"""
    return arith.NegfOp(x).result


def scale(factor: float, x: SSAValue) -> SSAValue:
    """factor * x"""
    return mul(number(factor, x), x)


def where(condition: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
    """x where the condition holds, else y"""
    return SelectOp(condition, x, y).result


def compare(predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
    """`arith.cmpf`"""
    return CmpfOp(x, y, predicate).result


def _zero(op: Operation, i: int, g: SSAValue, of: Of) -> None:
    return None


def _cast(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    return convert(g, op.operands[0].type)


def _mul(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    return mul(g, of(op.operands[1 - i]))


def _div(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    share = div(g, of(op.operands[1]))
    return share if i == 0 else neg(mul(share, of(op.results[0])))


def _extremum(predicate: str) -> Rule:
    """To the operand that wins. Of two equal ones each gets half, as in PyTorch; a
    constant is a bound, as in ReLU, at which the derivative is 0."""

    def rule(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
        bound = is_bound(op.operands[1 - i])
        kept = of.stored(op.results[0]) if bound else None
        x, y = kept or of(op.operands[i]), of(op.operands[1 - i])
        won = where(compare(predicate, x, y), g, number(0.0, g))
        if bound:
            return won
        return where(compare("oeq", x, y), scale(0.5, g), won)

    return rule


def _select(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue | None:
    if i == 0:
        return None
    assert isinstance(op, SelectOp)
    zero = number(0.0, g)
    chosen = (g, zero) if i == 1 else (zero, g)
    kept = of.stored(op.result) if is_clamp(op) else None
    if kept is None:
        return where(of(op.cond), *chosen)
    condition = op.cond.owner
    assert isinstance(condition, CmpfOp)
    x, y = (kept if v is op.lhs else of(v) for v in condition.operands)
    return where(CmpfOp(x, y, condition.predicate.value.data).result, *chosen)


STRICT = frozenset((2, 4, 6, 9, 11, 13))
"""The predicates of arith.cmpf that do not hold of two equal numbers: ogt, olt, one,
ugt, ult, une."""


def is_bound(value: SSAValue) -> bool:
    """Whether it is a constant number, no NaN."""
    constant = value.owner
    if not isinstance(constant, arith.ConstantOp):
        return False
    literal = constant.value
    return isinstance(literal, FloatAttr) and literal.value.data == literal.value.data


def is_clamp(op: SelectOp) -> bool:
    """Whether it is x where a comparison of x with a constant holds, which does not
    hold of the constant itself, and else the constant: the comparison then says of the
    result what it says of x."""
    compared = op.cond.owner
    return (
        isinstance(compared, CmpfOp)
        and compared.predicate.value.data in STRICT
        and is_bound(op.rhs)
        and not is_bound(op.lhs)
        and {*compared.operands} == {op.lhs, op.rhs}
    )


def _fma(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    return g if i == 2 else mul(g, of(op.operands[1 - i]))


def _abs(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    x, zero = of(op.operands[0]), number(0.0, g)
    negative = where(compare("olt", x, zero), neg(g), zero)
    return where(compare("ogt", x, zero), g, negative)


def _copysign(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue | None:
    if i == 1:
        return None
    x, result, zero = of(op.operands[0]), of(op.results[0]), number(0.0, g)
    kept = where(compare("oeq", x, result), g, neg(g))
    return where(compare("oeq", x, zero), zero, kept)


def _powf(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    """0 where the exact derivative is, though a factor of it is infinite."""
    x, y = of(op.operands[0]), of(op.operands[1])
    zero = number(0.0, g)
    if i == 0:
        lower = math.PowFOp(x, sub(y, number(1.0, g))).result
        slope = mul(g, mul(y, lower))
        return where(compare("oeq", y, zero), zero, slope)
    slope = mul(mul(g, of(op.results[0])), math.LogOp(x).result)
    return where(compare("oeq", x, zero), zero, slope)


def _fpowi(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue | None:
    if i == 1:
        return None
    x = of(op.operands[0])
    n = convert(of(op.operands[1]), g.type)
    lower = math.PowFOp(x, sub(n, number(1.0, g))).result
    slope = mul(g, mul(n, lower))
    return where(compare("oeq", n, number(0.0, g)), number(0.0, g), slope)


def _atan2(op: Operation, i: int, g: SSAValue, of: Of) -> SSAValue:
    y, x = of(op.operands[0]), of(op.operands[1])
    share = div(g, add(mul(x, x), mul(y, y)))
    return mul(share, x) if i == 0 else neg(mul(share, y))


Slope = Callable[[SSAValue, SSAValue], SSAValue]
"""From the gradient of a result, and the operand or the result."""


def _of_operand(slope: Slope) -> Rule:
    return lambda op, i, g, of: slope(g, of(op.operands[0]))


def _of_result(slope: Slope) -> Rule:
    return lambda op, i, g, of: slope(g, of(op.results[0]))


def _one_plus(x: SSAValue) -> SSAValue:
    return add(number(1.0, x), x)


def _one_minus(x: SSAValue) -> SSAValue:
    return sub(number(1.0, x), x)


def _square(x: SSAValue) -> SSAValue:
    return mul(x, x)


def _root(x: SSAValue) -> SSAValue:
    return math.SqrtOp(x).result


def _gauss(x: SSAValue) -> SSAValue:
    """The slope of erf, 2 / sqrt(pi) * exp(-x^2)."""
    return scale(2 / pi**0.5, math.ExpOp(neg(_square(x))).result)


def _tan(g: SSAValue, y: SSAValue) -> SSAValue:
    return mul(g, _one_plus(_square(y)))


RULES: Mapping[type[Operation], Rule] = {
    arith.AddfOp: lambda op, i, g, of: g,
    arith.SubfOp: lambda op, i, g, of: g if i == 0 else neg(g),
    arith.MulfOp: _mul,
    arith.DivfOp: _div,
    arith.NegfOp: lambda op, i, g, of: neg(g),
    arith.MaximumfOp: _extremum("ogt"),
    arith.MaxnumfOp: _extremum("ogt"),
    arith.MinimumfOp: _extremum("olt"),
    arith.MinnumfOp: _extremum("olt"),
    SelectOp: _select,
    ExtFOp: _cast,
    TruncFOp: _cast,
    math.FmaOp: _fma,
    math.AbsFOp: _abs,
    math.CopySignOp: _copysign,
    math.PowFOp: _powf,
    math.FPowIOp: _fpowi,
    math.Atan2Op: _atan2,
    math.ExpOp: _of_result(mul),
    math.Exp2Op: _of_result(lambda g, y: mul(g, scale(ln(2), y))),
    math.ExpM1Op: _of_result(lambda g, y: mul(g, _one_plus(y))),
    math.LogOp: _of_operand(div),
    math.Log2Op: _of_operand(lambda g, x: div(scale(1 / ln(2), g), x)),
    math.Log10Op: _of_operand(lambda g, x: div(scale(1 / ln(10), g), x)),
    math.Log1pOp: _of_operand(lambda g, x: div(g, _one_plus(x))),
    math.SqrtOp: _of_result(lambda g, y: div(scale(0.5, g), y)),
    math.CbrtOp: _of_result(lambda g, y: div(g, scale(3.0, _square(y)))),
    math.RsqrtOp: _of_result(lambda g, y: mul(scale(-0.5, g), mul(y, _square(y)))),
    math.TanhOp: _of_result(lambda g, y: mul(g, _one_minus(_square(y)))),
    math.ErfOp: _of_operand(lambda g, x: mul(g, _gauss(x))),
    math.SinOp: _of_operand(lambda g, x: mul(g, math.CosOp(x).result)),
    math.CosOp: _of_operand(lambda g, x: neg(mul(g, math.SinOp(x).result))),
    math.TanOp: _of_result(_tan),
    math.AsinOp: _of_operand(lambda g, x: div(g, _root(_one_minus(_square(x))))),
    math.AcosOp: _of_operand(lambda g, x: neg(div(g, _root(_one_minus(_square(x)))))),
    math.AtanOp: _of_operand(lambda g, x: div(g, _one_plus(_square(x)))),
    math.SinhOp: _of_operand(lambda g, x: mul(g, math.CoshOp(x).result)),
    math.CoshOp: _of_operand(lambda g, x: mul(g, math.SinhOp(x).result)),
    math.AsinhOp: _of_operand(lambda g, x: div(g, _root(_one_plus(_square(x))))),
    math.AcoshOp: _of_operand(
        lambda g, x: div(g, _root(sub(_square(x), number(1.0, x))))
    ),
    math.AtanhOp: _of_operand(lambda g, x: div(g, _one_minus(_square(x)))),
    math.CeilOp: _zero,
    math.FloorOp: _zero,
    math.RoundOp: _zero,
    math.RoundEvenOp: _zero,
    math.TruncOp: _zero,
}
"""Every scalar operation on floats that has a derivative."""
