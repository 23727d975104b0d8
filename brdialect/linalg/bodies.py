"""What a named linalg operation does to one element of each operand.

A *body kind* is a name; `make_body` writes its region:

    ^bb0(%a: bf16, %b: bf16, %c: f32):      kind "mul_add"
      %0 = arith.extf %a : bf16 to f32
      %1 = arith.extf %b : bf16 to f32
      %2 = arith.mulf %0, %1 : f32
      %3 = arith.addf %c, %2 : f32
      linalg.yield %3 : f32
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    AnyFloat,
    FixedBitwidthType,
    FloatAttr,
    IntegerAttr,
    IntegerType,
)
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

Maker = Callable[..., Operation]


def convert(value: SSAValue, to: Attribute, unsigned: bool = False) -> SSAValue:
    """`value` as type `to`, as upstream's `linalg` casts: signed unless told."""
    source = value.type
    if source == to:
        return value
    if isinstance(source, AnyFloat) and isinstance(to, AnyFloat):
        wider = to.bitwidth > source.bitwidth
        op = (arith.ExtFOp if wider else arith.TruncFOp)(value, to)
    elif isa(source, IntegerType) and isa(to, IntegerType):
        if to.bitwidth < source.bitwidth:
            op = arith.TruncIOp(value, to)
        else:
            op = (arith.ExtUIOp if unsigned else arith.ExtSIOp)(value, to)
    elif isa(source, IntegerType) and isinstance(to, AnyFloat):
        op = (arith.UIToFPOp if unsigned else arith.SIToFPOp)(value, to)
    elif isinstance(source, AnyFloat) and isa(to, IntegerType):
        op = (arith.FPToUIOp if unsigned else arith.FPToSIOp)(value, to)
    else:
        raise VerifyException(f"expected numbers, got a cast of {source} to {to}")
    return op.results[0]


def _constant(value: float, type: Attribute) -> SSAValue:
    if isinstance(type, AnyFloat):
        return arith.ConstantOp(FloatAttr(value, type)).result
    assert isa(type, IntegerType)
    return arith.ConstantOp(IntegerAttr(int(value), type)).result


def _square(x: SSAValue) -> Operation:
    return (arith.MulfOp if isinstance(x.type, AnyFloat) else arith.MuliOp)(x, x)


def _reciprocal(x: SSAValue) -> Operation:
    return arith.DivfOp(_constant(1.0, x.type), x)


# kind: (on floats, on signed integers, on unsigned integers); None = not defined there
BINARY: dict[str, tuple[Maker | None, Maker | None, Maker | None]] = {
    "add": (arith.AddfOp, arith.AddiOp, arith.AddiOp),
    "sub": (arith.SubfOp, arith.SubiOp, arith.SubiOp),
    "mul": (arith.MulfOp, arith.MuliOp, arith.MuliOp),
    "div": (arith.DivfOp, arith.DivSIOp, arith.DivUIOp),
    "div_unsigned": (None, arith.DivUIOp, arith.DivUIOp),
    "max": (arith.MaximumfOp, arith.MaxSIOp, arith.MaxUIOp),
    "min": (arith.MinimumfOp, arith.MinSIOp, arith.MinUIOp),
    "max_signed": (arith.MaximumfOp, arith.MaxSIOp, arith.MaxSIOp),
    "min_signed": (arith.MinimumfOp, arith.MinSIOp, arith.MinSIOp),
    "max_unsigned": (None, arith.MaxUIOp, arith.MaxUIOp),
    "min_unsigned": (None, arith.MinUIOp, arith.MinUIOp),
    "powf": (math.PowFOp, None, None),
}
UNARY: dict[str, Maker] = {
    "exp": math.ExpOp,
    "log": math.LogOp,
    "abs": math.AbsFOp,
    "ceil": math.CeilOp,
    "floor": math.FloorOp,
    "negf": arith.NegfOp,
    "reciprocal": _reciprocal,
    "round": math.RoundOp,
    "sqrt": math.SqrtOp,
    "rsqrt": math.RsqrtOp,
    "square": _square,
    "tanh": math.TanhOp,
    "erf": math.ErfOp,
}


def binary(kind: str, a: SSAValue, b: SSAValue, unsigned: bool = False) -> SSAValue:
    """`kind` of two values of one type."""
    is_float = isinstance(a.type, AnyFloat)
    make = BINARY[kind][0 if is_float else 1 + unsigned]
    if make is None:
        raise VerifyException(f"'{kind}' is not defined on {a.type}")
    if isinstance(a.type, IntegerType) and a.type.width.data == 1:
        # one-bit arithmetic is boolean: upstream's `linalg` writes it so too
        booleans: dict[str, Maker] = {"add": arith.OrIOp, "mul": arith.AndIOp}
        make = booleans.get(kind, make)
    return make(a, b).results[0]


def _unary(kind: str, x: SSAValue) -> SSAValue:
    if not isinstance(x.type, AnyFloat) and kind != "square":
        raise VerifyException(f"'{kind}' is defined on floats, got {x.type}")
    return UNARY[kind](x).results[0]


def _element(kind: str, args: Sequence[SSAValue], unsigned: bool) -> SSAValue:
    """The element that body `kind` yields."""
    out = args[-1]
    if kind == "mul_add":
        a, b = (convert(x, out.type, unsigned) for x in args[:2])
        return binary("add", out, binary("mul", a, b))
    if kind.startswith("accumulate_"):
        x = convert(args[0], out.type, unsigned or kind.endswith("_unsigned"))
        return binary(kind.removeprefix("accumulate_"), out, x, unsigned)
    if kind == "mul_add_zero_points":
        # (a - a_zero) * (b - b_zero), in the accumulator's type
        a, b, a_zero, b_zero = (convert(x, out.type, unsigned) for x in args[:4])
        product = binary("mul", binary("sub", a, a_zero), binary("sub", b, b_zero))
        return binary("add", out, product)
    if kind == "copy":
        return convert(args[0], out.type, unsigned)
    if kind == "select":
        return arith.SelectOp(args[0], args[1], args[2]).result
    if kind in UNARY:
        return _unary(kind, convert(args[0], out.type, unsigned))
    a, b = (convert(x, out.type, unsigned) for x in args[:2])
    return binary(kind, a, b, unsigned)


INPUTS: dict[str, int] = {"mul_add_zero_points": 4, "select": 3, "copy": 1}


def number_of_inputs(kind: str) -> int:
    """How many inputs body `kind` takes; the window of a pooling is its second."""
    return INPUTS.get(kind, 1 if kind in UNARY else 2)


def make_body(kind: str, types: Sequence[Attribute], unsigned: bool = False) -> Region:
    """The region of body `kind` for operands with these element types."""
    if len(types) != number_of_inputs(kind) + 1:
        raise VerifyException(
            f"expected {number_of_inputs(kind)} inputs and 1 output, "
            f"got {len(types)} operands"
        )
    for type in types:
        if not isinstance(type, FixedBitwidthType):
            raise VerifyException(f"expected numbers as elements, got {type}")
    block = Block(arg_types=types)
    with ImplicitBuilder(block):
        YieldOp(_element(kind, block.args, unsigned))
    return Region(block)
