"""arith and math -> llvm, on scalars and 1-D vectors alike.

Most operations map one to one and stand in tables; the functions below them are the
rest. `math` operations without an exact instruction have been expanded before.
"""

from __future__ import annotations

from xdsl.dialects import arith, llvm
from xdsl.dialects.builtin import IndexType, IntegerAttr, IntegerType, i1, i32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.llvm_ops import FCmpOp
from passes.llvm.emitter import (
    NO_OVERFLOW_FLAGS,
    Emitter,
    element_of,
    fastmath,
    is_bf16,
    like,
    round_to_bf16,
    widen,
)
from passes.llvm.lowering import FunctionLowering, Handler

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
# Done once in a block; addresses then know what was added to an index
INDEX = {"arith.addi": FunctionLowering.add, "arith.muli": FunctionLowering.mul}
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


# One function for each kind of operation


def integer_binary(low: FunctionLowering, op: Operation) -> None:
    """x / y, x & y, ..."""
    values = low.operands(op)
    low.replace(op, low.compute(INTEGER_BINARY[op.name], values, values[0].type))


def overflowing(low: FunctionLowering, op: Operation) -> None:
    """x + y, ... with the flags that promise no overflow"""
    flags = op.properties.get("overflowFlags")
    if isinstance(flags, arith.IntegerOverflowAttr) and flags.data:
        bits = sum({"nsw": 1, "nuw": 2}[flag.value] for flag in flags.data)
        properties = {"overflowFlags": IntegerAttr(bits, i32)}
    elif isinstance(op.results[0].type, IndexType) and op.name in INDEX:
        x, y = (low.index(operand) for operand in op.operands)
        low.replace(op, low.int64(INDEX[op.name](low, x, y)))
        return
    else:
        properties = NO_OVERFLOW_FLAGS
    values = low.operands(op)
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
    """q = n / d towards zero, corrected by one if r = n % d is not 0 and

    floordivsi: r and d differ in sign: q - 1
    ceildivsi:  r and d have the same sign: q + 1
    """
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
    assert isa(element, IntegerType)
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


HANDLERS: dict[str, Handler] = {
    "arith.constant": constant,
    **dict.fromkeys(INTEGER_BINARY, integer_binary),
    **dict.fromkeys(OVERFLOWING, overflowing),
    **dict.fromkeys(FLOAT, float_op),
    **dict.fromkeys(FLOAT_INTRINSICS, float_intrinsic),
    **dict.fromkeys(INTEGER_INTRINSICS, integer_intrinsic),
    **dict.fromkeys(FLAGGED_INTRINSICS, flagged_intrinsic),
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
