"""arith and math -> llvm, on scalars and 1-D vectors alike.

Most operations map one to one and stand in tables; the functions below them are the
rest. `math` operations without an exact instruction have been expanded before.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, llvm
from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    VectorType,
    f32,
    i1,
    i16,
    i32,
    i64,
)
from xdsl.dialects.utils import FastMathAttrBase
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.llvm_ops import FCmpOp, FPToSIOp, FPToUIOp, SelectOp, UIToFPOp
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.types import convert_type

INTEGER_BINARY: dict[str, type[Operation]] = {
    "arith.divui": llvm.UDivOp,
    "arith.divsi": llvm.SDivOp,
    "arith.remui": llvm.URemOp,
    "arith.remsi": llvm.SRemOp,
    "arith.andi": llvm.AndOp,
    "arith.ori": llvm.OrOp,
    "arith.xori": llvm.XOrOp,
    "arith.shrui": llvm.LShrOp,
    "arith.shrsi": llvm.AShrOp,
}
OVERFLOWING: dict[str, type[Operation]] = {
    "arith.addi": llvm.AddOp,
    "arith.subi": llvm.SubOp,
    "arith.muli": llvm.MulOp,
    "arith.shli": llvm.ShlOp,
}
FLOAT: dict[str, type[Operation]] = {
    "arith.addf": llvm.FAddOp,
    "arith.subf": llvm.FSubOp,
    "arith.mulf": llvm.FMulOp,
    "arith.divf": llvm.FDivOp,
    "arith.negf": llvm.FNegOp,
}
FLOAT_INTRINSICS = {
    # maximumf hands on a NaN of either side, maxnumf the side that is none
    "arith.maximumf": "llvm.maximum",
    "arith.minimumf": "llvm.minimum",
    "arith.maxnumf": "llvm.maxnum",
    "arith.minnumf": "llvm.minnum",
    "math.absf": "llvm.fabs",
    "math.ceil": "llvm.ceil",
    "math.copysign": "llvm.copysign",
    "math.floor": "llvm.floor",
    "math.fma": "llvm.fma",
    "math.round": "llvm.round",
    "math.roundeven": "llvm.roundeven",
    "math.sqrt": "llvm.sqrt",
    "math.trunc": "llvm.trunc",
    "vector.fma": "llvm.fma",
}
INTEGER_INTRINSICS = {
    "arith.maxsi": "llvm.smax",
    "arith.maxui": "llvm.umax",
    "arith.minsi": "llvm.smin",
    "arith.minui": "llvm.umin",
    "math.ctpop": "llvm.ctpop",
}
# These take a flag that makes the odd input (the lowest integer, zero) poison: no.
FLAGGED_INTRINSICS = {
    "math.absi": "llvm.abs",
    "math.ctlz": "llvm.ctlz",
    "math.cttz": "llvm.cttz",
}
CASTS: dict[str, type[Operation]] = {
    "arith.extf": llvm.FPExtOp,
    "arith.extsi": llvm.SExtOp,
    "arith.extui": llvm.ZExtOp,
    "arith.fptosi": FPToSIOp,
    "arith.fptoui": FPToUIOp,
    "arith.sitofp": llvm.SIToFPOp,
    "arith.trunci": llvm.TruncOp,
    "arith.uitofp": UIToFPOp,
}

# The three properties that an operation cannot do without
_NO_OVERFLOW_FLAGS: dict[str, Attribute] = {"overflowFlags": IntegerAttr(0, i32)}
_NO_FLAGS = llvm.FastMathAttr(None)


def element_of(t: Attribute) -> Attribute:
    """The element type of a vector, or the scalar type itself."""
    return t.element_type if isinstance(t, VectorType) else t


def like(t: Attribute, element: Attribute) -> Attribute:
    """`t` with another element type."""
    return VectorType(element, t.shape) if isa(t, VectorType) else element


def uniform(value: int | float, t: Attribute) -> Attribute:
    """The constant `value` of type `t`, in all lanes of a vector."""
    element = element_of(t)
    if isa(t, VectorType):
        count = t.get_shape()[0]
        return DenseIntOrFPElementsAttr.from_list(t, [value] * count)  # pyright: ignore
    if isinstance(element, IntegerType):
        return IntegerAttr(int(value), element)
    return FloatAttr(value, element)  # pyright: ignore


def fastmath(op: Operation) -> llvm.FastMathAttr:
    """The fast-math flags of `op`, as the llvm dialect spells them."""
    flags = op.properties.get("fastmath", op.attributes.get("fastmath"))
    if isinstance(flags, FastMathAttrBase) and flags.data:
        return llvm.FastMathAttr(flags.data)
    return _NO_FLAGS


class Emitter:
    """Short names for the handful of operations that the expansions below emit."""

    def __init__(self, low: FunctionLowering, t: Attribute) -> None:
        self.low, self.type = low, t

    def constant(self, value: int | float) -> SSAValue:
        return self.low.constant(uniform(value, self.type), self.type)

    def binary(self, cls: type[Operation], x: SSAValue, y: SSAValue) -> SSAValue:
        overflow = cls in (llvm.AddOp, llvm.SubOp, llvm.MulOp, llvm.ShlOp)
        return self.low.compute(
            cls, (x, y), x.type, _NO_OVERFLOW_FLAGS if overflow else None
        )

    def compare(self, predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
        number = llvm.ICmpPredicateFlag(predicate).to_int()
        return self.low.compute(
            llvm.ICmpOp,
            (x, y),
            like(x.type, i1),
            {"predicate": IntegerAttr(number, i64)},
        )

    def cast(self, cls: type[Operation], x: SSAValue, element: Attribute) -> SSAValue:
        return self.low.compute(cls, (x,), like(x.type, element))

    def select(self, cond: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
        return self.low.compute(
            SelectOp, (cond, x, y), x.type, {"fastmathFlags": _NO_FLAGS}
        )


# bf16: no common CPU computes in it, and LLVM would call the compiler's run-time library


def widen(low: FunctionLowering, x: SSAValue) -> SSAValue:
    """A bf16 as f32: its bits are the upper half of the f32's."""
    return low.compute(llvm.FPExtOp, (x,), like(x.type, f32))


def round_to_bf16(low: FunctionLowering, x: SSAValue) -> SSAValue:
    """An f32 as the nearest bf16, ties to even:

    bits + 0x7fff + (bits >> 16 & 1)) >> 16, and a quiet NaN for a NaN
    """
    wide = like(x.type, i32)
    e = Emitter(low, wide)
    bits = low.compute(llvm.BitcastOp, (x,), wide)
    sixteen = e.constant(16)
    upper = e.binary(llvm.LShrOp, bits, sixteen)
    odd = e.binary(llvm.AndOp, upper, e.constant(1))
    bias = e.binary(llvm.AddOp, odd, e.constant(0x7FFF))
    rounded = e.binary(llvm.LShrOp, e.binary(llvm.AddOp, bits, bias), sixteen)
    quiet = e.binary(llvm.OrOp, upper, e.constant(0x40))
    is_nan = low.compute(
        FCmpOp,
        (x, x),
        like(x.type, i1),
        {
            "predicate": IntegerAttr(llvm.FCmpPredicateFlag("uno").to_int(), i64),
            "fastmathFlags": _NO_FLAGS,
        },
    )
    half = e.cast(llvm.TruncOp, e.select(is_nan, quiet, rounded), i16)
    return low.compute(llvm.BitcastOp, (half,), like(x.type, BFloat16Type()))


def is_bf16(t: Attribute) -> bool:
    """Whether the elements are bf16."""
    return isinstance(element_of(t), BFloat16Type)


# One function for each kind of operation


def integer_binary(low: FunctionLowering, op: Operation) -> None:
    """x / y, x & y, ..."""
    values = low.operands(op)
    low.replace(op, low.compute(INTEGER_BINARY[op.name], values, values[0].type))


def overflowing(low: FunctionLowering, op: Operation) -> None:
    """x + y, ... with the flags that promise no overflow"""
    values = low.operands(op)
    properties = _NO_OVERFLOW_FLAGS
    flags = op.properties.get("overflowFlags")
    if isinstance(flags, arith.IntegerOverflowAttr) and flags.data:
        bits = sum({"nsw": 1, "nuw": 2}[flag.value] for flag in flags.data)
        properties = {"overflowFlags": IntegerAttr(bits, i32)}
    low.replace(
        op, low.compute(OVERFLOWING[op.name], values, values[0].type, properties)
    )


def _float_operands(low: FunctionLowering, op: Operation) -> list[SSAValue]:
    values = low.operands(op)
    return [widen(low, v) for v in values] if is_bf16(values[0].type) else values


def _float_result(low: FunctionLowering, op: Operation, result: SSAValue) -> None:
    if is_bf16(op.results[0].type):
        result = round_to_bf16(low, result)
    low.replace(op, result)


def float_op(low: FunctionLowering, op: Operation) -> None:
    """x + y, ... with fast-math flags; bf16 goes through f32"""
    values = _float_operands(low, op)
    flags: dict[str, Attribute] = {"fastmathFlags": fastmath(op)}
    _float_result(low, op, low.compute(FLOAT[op.name], values, values[0].type, flags))


def float_intrinsic(low: FunctionLowering, op: Operation) -> None:
    """max, sqrt, fma, ... with fast-math flags; bf16 goes through f32"""
    values = _float_operands(low, op)
    name = FLOAT_INTRINSICS[op.name]
    call = low.intrinsic(name, values, values[0].type, fastmath(op))
    _float_result(low, op, call.results[0])


def integer_intrinsic(low: FunctionLowering, op: Operation) -> None:
    """max, ctpop, ..."""
    values = low.operands(op)
    call = low.intrinsic(INTEGER_INTRINSICS[op.name], values, values[0].type)
    low.replace(op, *call.results)


def flagged_intrinsic(low: FunctionLowering, op: Operation) -> None:
    """abs, ctlz, cttz"""
    (value,) = low.operands(op)
    no = low.constant(IntegerAttr(0, i1), i1)
    call = low.intrinsic(FLAGGED_INTRINSICS[op.name], (value, no), value.type)
    low.replace(op, *call.results)


def cast_op(low: FunctionLowering, op: Operation) -> None:
    """All casts that are one instruction"""
    (value,) = low.operands(op)
    result = convert_type(op.results[0].type, op)
    if is_bf16(result) and op.name in ("arith.sitofp", "arith.uitofp"):
        unsupported(
            op,
            "convert-to-llvm: expected a cast to f32 or wider, got bf16; "
            "cast to f32, then arith.truncf",
        )
    if is_bf16(value.type):
        value = widen(low, value)
    if value.type != result:
        value = low.compute(CASTS[op.name], (value,), result)
    low.replace(op, value)


def truncf(low: FunctionLowering, op: Operation) -> None:
    """arith.truncf -> llvm.fptrunc, or bit arithmetic for bf16"""
    (value,) = low.operands(op)
    result = convert_type(op.results[0].type, op)
    if not is_bf16(result):
        low.replace(op, low.compute(llvm.FPTruncOp, (value,), result))
    elif isinstance(element_of(value.type), Float32Type):
        low.replace(op, round_to_bf16(low, value))
    else:
        unsupported(
            op,
            f"convert-to-llvm: expected f32 to round to bf16, got {value.type}; "
            "go through f32 (which rounds twice)",
        )


def bitcast(low: FunctionLowering, op: Operation) -> None:
    """arith.bitcast, vector.bitcast -> llvm.bitcast"""
    (value,) = low.operands(op)
    result = convert_type(op.results[0].type, op)
    if value.type != result:
        value = low.compute(llvm.BitcastOp, (value,), result)
    low.replace(op, value)


def index_cast(low: FunctionLowering, op: Operation) -> None:
    """arith.index_cast -> llvm.sext or llvm.trunc; index_castui -> llvm.zext"""
    (value,) = low.operands(op)
    result = convert_type(op.results[0].type, op)
    old, new = element_of(value.type), element_of(result)
    assert isinstance(old, IntegerType) and isinstance(new, IntegerType)
    if old.width.data > new.width.data:
        value = low.compute(llvm.TruncOp, (value,), result)
    elif old.width.data < new.width.data:
        signed = op.name == "arith.index_cast"
        value = low.compute(llvm.SExtOp if signed else llvm.ZExtOp, (value,), result)
    low.replace(op, value)


def compare_integers(low: FunctionLowering, op: Operation) -> None:
    """arith.cmpi -> llvm.icmp, whose predicates have the same numbers"""
    low.replace(
        op,
        low.compute(
            llvm.ICmpOp,
            low.operands(op),
            op.results[0].type,
            {"predicate": op.properties["predicate"]},
        ),
    )


def compare_floats(low: FunctionLowering, op: Operation) -> None:
    """arith.cmpf -> llvm.fcmp, whose predicates have the same numbers"""
    low.replace(
        op,
        low.compute(
            FCmpOp,
            _float_operands(low, op),
            op.results[0].type,
            {"predicate": op.properties["predicate"], "fastmathFlags": fastmath(op)},
        ),
    )


def select(low: FunctionLowering, op: Operation) -> None:
    """arith.select -> llvm.select"""
    cond, x, y = low.operands(op)
    low.replace(op, Emitter(low, x.type).select(cond, x, y))


def ceil_div_unsigned(low: FunctionLowering, op: Operation) -> None:
    """n / d + (n % d != 0)"""
    n, d = low.operands(op)
    e = Emitter(low, n.type)
    rest = e.compare("ne", e.binary(llvm.URemOp, n, d), e.constant(0))
    more = e.cast(llvm.ZExtOp, rest, element_of(n.type))
    low.replace(op, e.binary(llvm.AddOp, e.binary(llvm.UDivOp, n, d), more))


def rounded_division(low: FunctionLowering, op: Operation) -> None:
    """floordivsi: q - 1 if n % d and d differ in sign, else q. ceildivsi: q + 1 if n % d
    is not 0 and has the sign of d, else q."""
    n, d = low.operands(op)
    e = Emitter(low, n.type)
    q, rest = e.binary(llvm.SDivOp, n, d), e.binary(llvm.SRemOp, n, d)
    inexact = e.compare("ne", rest, e.constant(0))
    down = op.name == "arith.floordivsi"
    signs = e.binary(llvm.XOrOp, rest, d)
    beside = e.compare("slt" if down else "sge", signs, e.constant(0))
    fix = e.cast(llvm.ZExtOp, e.binary(llvm.AndOp, inexact, beside), element_of(n.type))
    low.replace(op, e.binary(llvm.SubOp if down else llvm.AddOp, q, fix))


def add_extended(low: FunctionLowering, op: Operation) -> None:
    """addui_extended: x + y, and whether it wrapped: x + y < x"""
    x, y = low.operands(op)
    e = Emitter(low, x.type)
    total = e.binary(llvm.AddOp, x, y)
    low.replace(op, total, e.compare("ult", total, x))


def multiply_extended(low: FunctionLowering, op: Operation) -> None:
    """mulsi_extended, mului_extended: both halves of the product in twice the width"""
    x, y = low.operands(op)
    element = element_of(x.type)
    assert isinstance(element, IntegerType)
    width = element.width.data
    extend = llvm.SExtOp if op.name == "arith.mulsi_extended" else llvm.ZExtOp
    double = IntegerType(2 * width)
    e = Emitter(low, like(x.type, double))
    whole = e.binary(llvm.MulOp, e.cast(extend, x, double), e.cast(extend, y, double))
    upper = e.binary(llvm.LShrOp, whole, e.constant(width))
    low.replace(
        op, e.cast(llvm.TruncOp, whole, element), e.cast(llvm.TruncOp, upper, element)
    )


def constant(low: FunctionLowering, op: Operation) -> None:
    """arith.constant: remembered, and made where something asks for it"""
    low.known[op.results[0]] = op.properties["value"]


def _table(
    names: Sequence[str] | dict[str, object], handler: Handler
) -> dict[str, Handler]:
    return dict.fromkeys(names, handler)


HANDLERS: dict[str, Handler] = {
    "arith.constant": constant,
    **_table(list(INTEGER_BINARY), integer_binary),
    **_table(list(OVERFLOWING), overflowing),
    **_table(list(FLOAT), float_op),
    **_table(list(FLOAT_INTRINSICS), float_intrinsic),
    **_table(list(INTEGER_INTRINSICS), integer_intrinsic),
    **_table(list(FLAGGED_INTRINSICS), flagged_intrinsic),
    **_table(list(CASTS), cast_op),
    "arith.truncf": truncf,
    "arith.bitcast": bitcast,
    "vector.bitcast": bitcast,
    "arith.index_cast": index_cast,
    "arith.index_castui": index_cast,
    "arith.cmpi": compare_integers,
    "arith.cmpf": compare_floats,
    "arith.select": select,
    "arith.ceildivui": ceil_div_unsigned,
    "arith.ceildivsi": rounded_division,
    "arith.floordivsi": rounded_division,
    "arith.addui_extended": add_extended,
    "arith.mulsi_extended": multiply_extended,
    "arith.mului_extended": multiply_extended,
}
