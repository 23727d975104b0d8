"""vector -> llvm, for vectors of one dimension."""

from __future__ import annotations

from typing import cast

from xdsl.dialects import llvm, vector
from xdsl.dialects.builtin import (
    IntegerAttr,
    VectorType,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.llvm_ops import ExtractElementOp, MaskedLoadOp, MaskedStoreOp
from passes.llvm.emitter import (
    Emitter,
    dense,
    element_of,
    fastmath,
    is_bf16,
    round_to_bf16,
    uniform,
    widen,
)
from passes.llvm.lowering import FunctionLowering, Handler, View
from passes.llvm.memory import (
    alignment_of,
    bytes_of,
    emit_load,
    emit_store,
    indices_of,
)
from passes.llvm.types import convert_type, int32s
from passes.shared.build import vector_of


def vector_type(t: Attribute, op: Operation) -> VectorType:
    """The lowered type of a vector; stops at `op` unless it is a 1-D vector."""
    result = convert_type(t, op)
    if not isa(result, VectorType):
        unsupported(op, f"convert-to-llvm: expected a vector, got {t}")
    return result


def _access(
    low: FunctionLowering, op: Operation, base: int, indices: int, masked: bool = False
) -> tuple[View, SSAValue]:
    """The memref operand `base` of an access, and the address of its first lane.

    A masked access may start outside of the memory.
    """
    view = low.view(op.operands[base], op)
    bytes_of(
        view.element, op
    )  # vectors of smaller elements are packed, memrefs are not
    if view.strides and view.strides[-1] != 1:
        unsupported(
            op,
            "convert-to-llvm: expected the last dimension to have stride 1, got "
            f"{op.operands[base].type}; load element by element",
        )
    old = op.operands[base + 1 : base + 1 + indices]
    return view, low.address(view, indices_of(low, old), inbounds=not masked)


def load(low: FunctionLowering, op: Operation) -> None:
    """vector.load -> llvm.load, aligned like one element"""
    view, pointer = _access(low, op, 0, len(op.operands) - 1)
    result = vector_type(op.results[0].type, op)
    alignment = alignment_of(op, view.element)
    low.replace(op, emit_load(low, pointer, result, alignment))


def store(low: FunctionLowering, op: Operation) -> None:
    """vector.store -> llvm.store, aligned like one element"""
    view, pointer = _access(low, op, 1, len(op.operands) - 2)
    value = low.value(op.operands[0])
    emit_store(low, value, pointer, op, alignment_of(op, view.element))


def _masked_alignment(op: Operation, view: View) -> dict[str, Attribute]:
    return {"alignment": IntegerAttr(alignment_of(op, view.element).value.data, i32)}


def masked_load(low: FunctionLowering, op: Operation) -> None:
    """vector.maskedload -> llvm.intr.masked.load"""
    view, pointer = _access(low, op, 0, len(op.operands) - 3, masked=True)
    mask, rest = (low.value(v) for v in op.operands[-2:])
    result = vector_type(op.results[0].type, op)
    properties = _masked_alignment(op, view)
    low.replace(
        op, low.compute(MaskedLoadOp, (pointer, mask, rest), result, properties)
    )


def masked_store(low: FunctionLowering, op: Operation) -> None:
    """vector.maskedstore -> llvm.intr.masked.store"""
    view, pointer = _access(low, op, 0, len(op.operands) - 3, masked=True)
    mask, value = (low.value(v) for v in op.operands[-2:])
    operands = (value, pointer, mask)
    low.emit(MaskedStoreOp, operands, properties=_masked_alignment(op, view))


def _transfer_problem(op: vector.VectorTransferOperation, rank: int) -> str | None:
    """What is not as simple as a load or store, if anything."""
    if not op.permutation_map.data.is_minor_identity() or not rank:
        return f"the last dimension in order, got {op.permutation_map}"
    if not all(bool(b) for b in op.in_bounds):
        return (
            "in_bounds = [true]; use vector.maskedload or vector.maskedstore at edges"
        )
    return None


def transfer_read(low: FunctionLowering, op: Operation) -> None:
    """vector.transfer_read within bounds -> a load, masked if it has a mask"""
    assert isinstance(op, vector.TransferReadOp)
    if problem := _transfer_problem(op, len(op.indices)):
        unsupported(op, f"convert-to-llvm: expected {problem}")
    result = vector_type(op.result.type, op)
    view, pointer = _access(low, op, 0, len(op.indices), masked=op.mask is not None)
    if op.mask is None:
        new = emit_load(low, pointer, result, alignment_of(op, view.element))
    else:
        rest = low.splat(low.value(op.padding), result)
        operands = (pointer, low.value(op.mask), rest)
        new = low.compute(MaskedLoadOp, operands, result, _masked_alignment(op, view))
    low.replace(op, new)


def transfer_write(low: FunctionLowering, op: Operation) -> None:
    """vector.transfer_write within bounds -> a store, masked if it has a mask"""
    assert isinstance(op, vector.TransferWriteOp)
    if problem := _transfer_problem(op, len(op.indices)):
        unsupported(op, f"convert-to-llvm: expected {problem}")
    value = low.value(op.vector)
    view, pointer = _access(low, op, 1, len(op.indices), masked=op.mask is not None)
    if op.mask is None:
        emit_store(low, value, pointer, op, alignment_of(op, view.element))
    else:
        operands = (value, pointer, low.value(op.mask))
        low.emit(MaskedStoreOp, operands, properties=_masked_alignment(op, view))


def broadcast(low: FunctionLowering, op: Operation) -> None:
    """vector.broadcast of a scalar or a vector of one -> insert, then shuffle"""
    (old,) = op.operands
    result = vector_type(op.results[0].type, op)
    if old in low.known and not isinstance(old.type, VectorType):
        number = cast(IntegerAttr, low.known[old]).value.data
        low.replace(op, low.constant(uniform(number, result), result))
        return
    value = low.value(old)
    if isa(value.type, VectorType) and value.type != result:
        value = _element(low, value, low.int64(0))
    low.replace(op, value if value.type == result else low.splat(value, result))


def _iota(low: FunctionLowering, t: VectorType) -> SSAValue:
    return low.constant(dense(range(t.get_shape()[0]), t), t)


def create_mask(low: FunctionLowering, op: Operation) -> None:
    """vector.create_mask n -> [0, 1, 2, ..] < n, in i32 lanes

    n is clamped to 0 .. lanes, so that it fits; i64 lanes would need more registers.
    """
    result = vector_type(op.results[0].type, op)
    lanes = result.get_shape()[0]
    (old,) = op.operands
    n = low.index(old)
    if isinstance(n, int):
        bits = [i < n for i in range(lanes)]
        low.replace(op, low.constant(dense(bits, result), result))
        return
    n = low.intrinsic("llvm.smin", (n, low.int64(lanes)), i64).results[0]
    n = low.intrinsic("llvm.smax", (n, low.int64(0)), i64).results[0]
    e = Emitter(low, i32)
    wide = VectorType(i32, (lanes,))
    limit = low.splat(e.cast(llvm.TruncOp, n, i32), wide)
    low.replace(op, e.compare("slt", _iota(low, wide), limit))


def _element(low: FunctionLowering, value: SSAValue, position: SSAValue) -> SSAValue:
    return low.compute(ExtractElementOp, (value, position), element_of(value.type))


def extract(low: FunctionLowering, op: Operation) -> None:
    """vector.extract of a scalar -> llvm.extractelement"""
    assert isinstance(op, vector.ExtractOp)
    vector_type(op.vector.type, op)
    (position,) = low.mixed(op.static_position, op.dynamic_position)
    low.replace(op, _element(low, low.value(op.vector), low.int64(position)))


def insert(low: FunctionLowering, op: Operation) -> None:
    """vector.insert of a scalar -> llvm.insertelement"""
    assert isinstance(op, vector.InsertOp)
    result = vector_type(op.result.type, op)
    (position,) = low.mixed(op.static_position, op.dynamic_position)
    operands = (low.value(op.dest), low.value(op.source), low.int64(position))
    low.replace(op, low.compute(llvm.InsertElementOp, operands, result))


def shuffle(low: FunctionLowering, op: Operation) -> None:
    """vector.shuffle -> llvm.shufflevector, after both sides have the same length"""
    assert isinstance(op, vector.ShuffleOp)
    result = vector_type(op.result.type, op)
    sides = low.operands(op)
    mask = list(op.mask.get_values())
    left, right = (vector_type(side.type, op).get_shape()[0] for side in sides)
    longest = max(left, right)
    if left < longest:
        mask = [i + longest - left if i >= left else i for i in mask]
    padded = [
        _shuffled(low, side, side, [*range(n), *[-1] * (longest - n)])
        if n < longest
        else side
        for side, n in zip(sides, (left, right), strict=True)
    ]
    low.replace(op, _shuffled(low, padded[0], padded[1], mask))
    assert low.value(op.result).type == result


def _shuffled(
    low: FunctionLowering, x: SSAValue, y: SSAValue, mask: list[int]
) -> SSAValue:
    result = vector_of(element_of(x.type), len(mask))
    properties = {"mask": int32s(*mask)}
    return low.compute(llvm.ShuffleVectorOp, (x, y), result, properties)


# How each kind of vector.reduction folds the lanes, and then the accumulator
_REDUCTIONS = {
    "mul": ("llvm.vector.reduce.mul", llvm.MulOp),
    "add": ("llvm.vector.reduce.add", llvm.AddOp),
    "and": ("llvm.vector.reduce.and", llvm.AndOp),
    "or": ("llvm.vector.reduce.or", llvm.OrOp),
    "xor": ("llvm.vector.reduce.xor", llvm.XOrOp),
    "minui": ("llvm.vector.reduce.umin", "llvm.umin"),
    "minsi": ("llvm.vector.reduce.smin", "llvm.smin"),
    "maxui": ("llvm.vector.reduce.umax", "llvm.umax"),
    "maxsi": ("llvm.vector.reduce.smax", "llvm.smax"),
    "minnumf": ("llvm.vector.reduce.fmin", "llvm.minnum"),
    "maxnumf": ("llvm.vector.reduce.fmax", "llvm.maxnum"),
    "minimumf": ("llvm.vector.reduce.fminimum", "llvm.minimum"),
    "maximumf": ("llvm.vector.reduce.fmaximum", "llvm.maximum"),
}
# The value that changes nothing: x + -0.0 is x for all x, x + 0.0 is not for x = -0.0
_ORDERED_REDUCTIONS = {
    "add": ("llvm.vector.reduce.fadd", -0.0),
    "mul": ("llvm.vector.reduce.fmul", 1.0),
}


def reduction(low: FunctionLowering, op: Operation) -> None:
    """vector.reduction -> llvm.vector.reduce.*

    Sums of floats run from lane to lane, unless `fastmath<reassoc>` allows any order.
    """
    assert isinstance(op, vector.ReductionOp)
    vector_type(op.vector.type, op)
    kind = str(op.kind.data)
    value, *acc = low.operands(op)
    narrow = is_bf16(value.type)
    if narrow:
        value, acc = widen(low, value), [widen(low, a) for a in acc]
    element, flags = element_of(value.type), fastmath(op)
    e = Emitter(low, element)
    if not isinstance(uniform(0, element), IntegerAttr) and kind in _ORDERED_REDUCTIONS:
        name, neutral = _ORDERED_REDUCTIONS[kind]
        start = acc[0] if acc else e.constant(neutral)
        result = low.intrinsic(name, (start, value), element, flags).results[0]
    else:
        name, join = _REDUCTIONS[kind]
        result = low.intrinsic(name, (value,), element, flags).results[0]
        if acc and isinstance(join, str):
            result = low.intrinsic(join, (acc[0], result), element, flags).results[0]
        elif acc:
            result = e.binary(cast("type[Operation]", join), acc[0], result)
    low.replace(op, round_to_bf16(low, result) if narrow else result)


HANDLERS: dict[str, Handler] = {
    "vector.load": load,
    "vector.store": store,
    "vector.maskedload": masked_load,
    "vector.maskedstore": masked_store,
    "vector.transfer_read": transfer_read,
    "vector.transfer_write": transfer_write,
    "vector.broadcast": broadcast,
    "vector.create_mask": create_mask,
    "vector.extract": extract,
    "vector.insert": insert,
    "vector.shuffle": shuffle,
    "vector.reduction": reduction,
}
