"""The casts of arith and vector -> llvm."""

from __future__ import annotations

from xdsl.dialects import llvm
from xdsl.dialects.builtin import IntegerType, f32, f64, i64
from xdsl.ir import Attribute, Operation, SSAValue

from brdialect.errors import unsupported
from brdialect.llvm_ops import FPToSIOp, FPToUIOp, UIToFPOp
from passes.llvm.emitter import (
    element_of,
    is_bf16,
    like,
    round_to_bf16,
    round_to_odd,
    widen,
)
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.types import convert_type

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


def cast_op(low: FunctionLowering, op: Operation) -> None:
    """All casts that are one instruction; to bf16 by f64, which holds an i32"""
    (value,) = low.operands(op)
    result = convert_type(op.results[0].type, op)
    narrow = is_bf16(result) and op.name in ("arith.sitofp", "arith.uitofp")
    if narrow and element_of(value.type) == i64:
        unsupported(
            op,
            f"convert-to-llvm: expected a cast from at most i32 to bf16, got "
            f"{op.operands[0].type}; cast to f32, then arith.truncf (which rounds "
            "twice)",
        )
    if is_bf16(value.type):
        value = widen(low, value)
    target = like(result, f64) if narrow else result
    if value.type != target:
        value = low.compute(CASTS[op.name], (value,), target)
    low.replace(op, rounded(low, value, result))


def truncf(low: FunctionLowering, op: Operation) -> None:
    """arith.truncf -> llvm.fptrunc, or bit arithmetic"""
    (value,) = low.operands(op)
    low.replace(op, rounded(low, value, convert_type(op.results[0].type, op)))


def rounded(low: FunctionLowering, value: SSAValue, result: Attribute) -> SSAValue:
    """The nearest number of a type that is not wider."""
    if value.type == result:
        return value
    if element_of(value.type) == f64 and element_of(result) != f32:
        value = round_to_odd(low, value)
    if is_bf16(result):
        return round_to_bf16(low, value)
    return low.compute(llvm.FPTruncOp, (value,), result)


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


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(CASTS, cast_op),
    "arith.truncf": truncf,
    "arith.bitcast": bitcast,
    "vector.bitcast": bitcast,
    "arith.index_cast": index_cast,
    "arith.index_castui": index_cast,
}
