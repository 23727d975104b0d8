"""The casts of arith and vector -> llvm."""

from __future__ import annotations

from xdsl.dialects import llvm
from xdsl.dialects.builtin import Float32Type, IntegerType
from xdsl.ir import Operation

from brdialect.errors import unsupported
from brdialect.llvm_ops import FPToSIOp, FPToUIOp, UIToFPOp
from passes.llvm.emitter import element_of, is_bf16, round_to_bf16, widen
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


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(CASTS, cast_op),
    "arith.truncf": truncf,
    "arith.bitcast": bitcast,
    "vector.bitcast": bitcast,
    "arith.index_cast": index_cast,
    "arith.index_castui": index_cast,
}
