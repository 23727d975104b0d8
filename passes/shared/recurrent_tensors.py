"""Tensors in other shapes, and rows of them: what the lowerings of recurrent layers
make of their operands. Everything emits into the enclosing `ImplicitBuilder`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    TensorType,
    i64,
)
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.ir import Block, SSAValue
from xdsl.ir.affine import AffineMap

from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import parallel_generic, reassociation, zero_fill
from passes.shared.load_time import splat_value


def reshape(v: SSAValue, shape: Sequence[int]) -> SSAValue:
    """A static tensor in another shape, by way of a flat one."""
    type_ = tensor_type(v)
    if type_.get_shape() == tuple(shape):
        return v
    rank = type_.get_num_dims()
    if rank > 1:
        flat = TensorType(type_.element_type, [prod(type_.get_shape())])
        v = tensor.CollapseShapeOp(
            operands=[v],
            result_types=[flat],
            properties={"reassociation": reassociation([range(rank)])},
        ).result
    if len(shape) == 1:
        return v
    return tensor.ExpandShapeOp(
        v,
        (),
        reassociation([range(len(shape))]),
        DenseArrayBase.from_list(i64, list(shape)),
        TensorType(type_.element_type, list(shape)),
    ).result


def row(v: SSAValue, index: int, shape: Sequence[int]) -> SSAValue:
    """`v[index]` in another shape."""
    type_ = tensor_type(v)
    first, *rest = type_.get_shape()
    if first > 1:
        offsets = [index, *[0] * len(rest)]
        result = TensorType(type_.element_type, rest)
        ones = [1] * (len(rest) + 1)
        v = tensor.ExtractSliceOp(v, offsets, [1, *rest], ones, result).result
    return reshape(v, shape)


def with_row(v: SSAValue, index: int, into: SSAValue) -> SSAValue:
    """`into` with v as `into[index]`."""
    shape = shape_of(v)
    offsets = [index, *[0] * len(shape)]
    return tensor.InsertSliceOp.from_static_parameters(
        v, into, offsets, [1, *shape]
    ).result


def stack(rows: Sequence[SSAValue]) -> SSAValue:
    """The tensor that has these, of one type, as its rows."""
    type_ = tensor_type(rows[0])
    shape = (len(rows), *type_.get_shape())
    if len(rows) == 1:
        return reshape(rows[0], shape)
    whole = tensor.EmptyOp((), TensorType(type_.element_type, shape)).tensor
    for i, v in enumerate(rows):
        whole = with_row(v, i, whole)
    return whole


def zeros(shape: Sequence[int], element: AnyFloat) -> SSAValue:
    """A tensor of zeros."""
    type_ = TensorType(element, shape)
    return arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(type_, [0.0])).result


def is_zero(v: SSAValue) -> bool:
    """Whether a tensor is known to have no other elements."""
    while isinstance(
        v.owner,
        tensor.CollapseShapeOp | tensor.ExpandShapeOp | tensor.ExtractSliceOp,
    ):
        v = v.owner.operands[0]
    number = splat_value(v.owner)
    return zero_fill(v) or (number is not None and number.value.data == 0)


def sum_of(x: SSAValue, y: SSAValue) -> SSAValue:
    """x + y."""
    type_ = tensor_type(x)
    block = Block(arg_types=[type_.element_type] * 3)
    with ImplicitBuilder(block) as (a, b, _):
        YieldOp(arith.AddfOp(a, b).result)
    maps = [AffineMap.identity(type_.get_num_dims())] * 2
    out = tensor.EmptyOp((), type_).tensor
    return parallel_generic([x, y], out, maps, block).res[0]
