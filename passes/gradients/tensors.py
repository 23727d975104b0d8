"""The gradients of operations that only move elements, and the builders for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyFloat,
    DenseArrayBase,
    FloatAttr,
    TensorType,
    i64,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from brdialect.errors import unsupported
from passes.gradients.spaces import Tape
from passes.shared.build import shape_of, tensor_type

Slice = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""Offsets, sizes and steps of a part of a tensor."""


def filled(value: float, type_: TensorType) -> SSAValue:
    """A tensor of one number."""
    assert isinstance(type_.element_type, AnyFloat)
    number = arith.ConstantOp(FloatAttr(value, type_.element_type)).result
    empty = tensor.EmptyOp((), type_).tensor
    return linalg.FillOp([number], [empty], [type_]).res[0]


def extract(source: SSAValue, at: Slice, like: TensorType | None = None) -> SSAValue:
    """A part of a tensor, without its unit dimensions where `like` lacks them."""
    offsets, sizes, steps = at
    type_ = like or TensorType(tensor_type(source).element_type, sizes)
    return tensor.ExtractSliceOp(source, offsets, sizes, steps, type_).result


def insert(source: SSAValue, target: SSAValue, at: Slice) -> SSAValue:
    """The tensor with a part of it replaced."""
    offsets, sizes, steps = at
    return tensor.InsertSliceOp.build(
        operands=[source, target, [], [], []],
        result_types=[target.type],
        properties={
            "static_offsets": DenseArrayBase.from_list(i64, offsets),
            "static_sizes": DenseArrayBase.from_list(i64, sizes),
            "static_strides": DenseArrayBase.from_list(i64, steps),
        },
    ).result


def slice_of(op: tensor.ExtractSliceOp | tensor.InsertSliceOp) -> Slice:
    """The part that an op names, whose place must be known."""
    offsets, sizes, steps = (
        [int(n) for n in a.get_values()]
        for a in (op.static_offsets, op.static_sizes, op.static_strides)
    )
    if DYNAMIC_INDEX in (*offsets, *sizes, *steps):
        unsupported(op, "expected static offsets, sizes and strides to differentiate")
    return offsets, sizes, steps


def padding_of(op: tensor.PadOp) -> tuple[list[int], list[int]]:
    """The elements before and after each dimension."""
    low, high = (
        [int(n) for n in a.get_values()] for a in (op.static_low, op.static_high)
    )
    if DYNAMIC_INDEX in (*low, *high) or min((*low, *high), default=0) < 0:
        unsupported(op, "expected static padding of at least 0 to differentiate")
    return low, high


def _pad(op: tensor.PadOp, g: SSAValue, tape: Tape) -> None:
    low, _ = padding_of(op)
    shape = shape_of(op.source)
    tape.add(op.source, extract(g, (low, shape, [1] * len(low))))


def _extract_slice(op: tensor.ExtractSliceOp, g: SSAValue, tape: Tape) -> None:
    zeros = filled(0.0, tensor_type(op.source))
    tape.add(op.source, insert(g, zeros, slice_of(op)))


def _insert_slice(op: tensor.InsertSliceOp, g: SSAValue, tape: Tape) -> None:
    at, type_ = slice_of(op), tensor_type(op.source)
    if tape.is_active(op.source):
        tape.add(op.source, extract(g, at, type_))
    if tape.is_active(op.dest):
        tape.add(op.dest, insert(filled(0.0, type_), g, at))


def _expand(op: tensor.ExpandShapeOp, g: SSAValue, tape: Tape) -> None:
    back = tensor.CollapseShapeOp(
        operands=[g],
        properties={"reassociation": op.reassociation},
        result_types=[op.src.type],
    )
    tape.add(op.src, back.result)


def _collapse(op: tensor.CollapseShapeOp, g: SSAValue, tape: Tape) -> None:
    type_ = tensor_type(op.src)
    shape = DenseArrayBase.from_list(i64, type_.get_shape())
    back = tensor.ExpandShapeOp(g, (), op.reassociation, shape, type_)
    tape.add(op.src, back.result)


def _concat(op: tensor.ConcatOp, g: SSAValue, tape: Tape) -> None:
    start, dim = 0, op.dim.value.data
    for v in op.inputs:
        shape = shape_of(v)
        offsets = [0] * len(shape)
        offsets[dim] = start
        start += shape[dim]
        if tape.is_active(v):
            tape.add(v, extract(g, (offsets, shape, [1] * len(shape))))


def _cast(op: tensor.CastOp, g: SSAValue, tape: Tape) -> None:
    tape.add(op.source, g)


TensorRule = Callable[..., None]

RULES: Mapping[type[Operation], TensorRule] = {
    tensor.PadOp: _pad,
    tensor.ExtractSliceOp: _extract_slice,
    tensor.InsertSliceOp: _insert_slice,
    tensor.ExpandShapeOp: _expand,
    tensor.CollapseShapeOp: _collapse,
    tensor.ConcatOp: _concat,
    tensor.CastOp: _cast,
}
"""From the operation and the gradient of its result to those of its operands."""
