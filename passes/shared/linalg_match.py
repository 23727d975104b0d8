"""What a `linalg.generic` is, as far as rewriting asks, and how copies are made: shared
by the passes on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeGuard

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AffineMapAttr,
    AnyFloat,
    ArrayAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    TensorType,
    i64,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.utils.hints import isa

from brdialect.destination_op import shaped
from passes.shared.build import Index, shape_of, tensor_type


def maps_of(op: linalg.GenericOp) -> tuple[AffineMap, ...]:
    """Its indexing maps, inputs first."""
    return tuple(m.data for m in op.indexing_maps)


def is_all_parallel(op: linalg.GenericOp) -> bool:
    """Whether no iterator reduces."""
    return all(t.data is IteratorType.PARALLEL for t in op.iterator_types)


def is_permutation(map_: AffineMap) -> bool:
    """Whether the results are all iterators, each once, in some order."""
    dims = [e.position for e in map_.results if isinstance(e, AffineDimExpr)]
    return len(dims) == len(map_.results) and sorted(dims) == list(range(map_.num_dims))


def reads_output(op: linalg.GenericOp) -> bool:
    """Whether the body uses the old contents of an output."""
    inputs = len(op.inputs)
    return any(arg.uses for arg in op.body.block.args[inputs:])


def has_index(block: Block) -> bool:
    """Whether the body asks for its position."""
    return any(isinstance(op, linalg.IndexOp) for op in block.ops)


def is_elementwise(op: object) -> TypeGuard[linalg.GenericOp]:
    """One result, all parallel, every element computed from the inputs alone."""
    return (
        isinstance(op, linalg.GenericOp)
        and len(op.res) == 1
        and is_all_parallel(op)
        and is_permutation(maps_of(op)[-1])
        and not reads_output(op)
        and not has_index(op.body.block)
        and not any(o.regions or not o.results for o in list(op.body.block.ops)[:-1])
    )


def is_copy(op: object) -> TypeGuard[linalg.GenericOp]:
    """An element-wise op that yields its one input: a transpose or a broadcast."""
    if not isinstance(op, linalg.GenericOp) or len(op.operands) != 2:
        return False
    block = op.body.block
    last = block.last_op
    return (
        isinstance(last, linalg.YieldOp)
        and list(last.operands) == [block.args[0]]
        and len(op.inputs) == 1
        and is_elementwise(op)
    )


def multiply_add(block: Block) -> bool:
    """Whether the body is `out + a * b` over floats, in any order of operands; a and b
    may be extended to the type of `out` first."""
    ops = list(block.ops)
    if len(block.args) != 3:
        return False
    a, b, out = block.args
    if len(ops) == 5 and all(isinstance(op, arith.ExtFOp) for op in ops[:2]):
        if not same([op.operands[0] for op in ops[:2]], (a, b)):
            return False
        (a, b), ops = (op.results[0] for op in ops[:2]), ops[2:]
    if len(ops) != 3:
        return False
    multiply, sum_, yield_ = ops
    return (
        isinstance(multiply, arith.MulfOp)
        and isinstance(sum_, arith.AddfOp)
        and isinstance(yield_, linalg.YieldOp)
        and isa(out.type, AnyFloat)
        and same(multiply.operands, (a, b))
        and same(sum_.operands, (multiply.result, out))
        and yield_.arguments[0] is sum_.result
    )


def same(found: Sequence[SSAValue], want: Sequence[SSAValue]) -> bool:
    """Whether two pairs hold the same values in either order."""
    x, y = found
    a, b = want
    return (x is a and y is b) or (x is b and y is a)


def only_user(value: SSAValue) -> Operation | None:
    """The one operation that uses a value, however often; None if there are others, or
    if it stands in a loop or branch that the value does not stand in."""
    users = {use.operation for use in value.uses}
    user = users.pop() if len(users) == 1 else None
    owner = value.owner
    block = owner if isinstance(owner, Block) else owner.parent
    return user if user is not None and user.parent is block else None


def fill_value(value: SSAValue) -> SSAValue | None:
    """The scalar that a tensor is filled with, if it is filled."""
    fill = value.owner
    return fill.inputs[0] if isinstance(fill, linalg.FillOp) else None


def zero_fill(value: SSAValue) -> bool:
    """Whether the value is a tensor filled with zero."""
    number = fill_value(value)
    if number is None or not isinstance(number.owner, arith.ConstantOp):
        return False
    literal = number.owner.value
    return isinstance(literal, FloatAttr) and literal.value.data == 0


def copy_permutation(value: SSAValue) -> list[int] | None:
    """`order`, if the value is `transpose(source, order)`: its dimension i is the
    source's dimension order[i]."""
    copy = value.owner
    if not is_copy(copy):
        return None
    source, target = maps_of(copy)
    if not is_permutation(source):
        return None
    read = [e.position for e in source.results if isinstance(e, AffineDimExpr)]
    written = [e.position for e in target.results if isinstance(e, AffineDimExpr)]
    return [read.index(d) for d in written]


def transpose(source: SSAValue, order: Sequence[int]) -> SSAValue:
    """Emits the copy whose dimension i is the source's dimension order[i]."""
    type_ = tensor_type(source)
    shape = type_.get_shape()
    result = TensorType(type_.element_type, [shape[i] for i in order])
    rank = len(shape)
    dims = [AffineExpr.dimension(order.index(i)) for i in range(rank)]
    empty = tensor.EmptyOp((), result).tensor
    return emit_copy(source, empty, AffineMap(rank, 0, tuple(dims))).res[0]


@dataclass(frozen=True)
class ZeroPadding:
    """A tensor with zeros before and after each dimension."""

    source: SSAValue
    low: tuple[int, ...]
    high: tuple[int, ...]


def zero_padding(value: SSAValue) -> ZeroPadding | None:
    """What a tensor is padded with, if it is by known numbers of zeros."""
    pad = value.owner
    if not isinstance(pad, tensor.PadOp) or pad.low or pad.high:
        return None
    *body, last = pad.region.block.ops
    fill = last.operands[0].owner
    if body or not isinstance(fill, arith.ConstantOp):
        return None
    if not isinstance(fill.value, FloatAttr | IntegerAttr) or fill.value.value.data:
        return None
    low, high = pad.static_low.get_values(), pad.static_high.get_values()
    return None if min((*low, *high)) < 0 else ZeroPadding(pad.source, low, high)


def pad_with_zeros(
    source: SSAValue, low: Sequence[int], high: Sequence[int]
) -> SSAValue:
    """Emits the tensor with zeros before and after each dimension: itself, if none."""
    if not any((*low, *high)):
        return source
    type_ = tensor_type(source)
    element = type_.element_type
    if isinstance(element, AnyFloat):
        zero = arith.ConstantOp(FloatAttr(0.0, element)).result
    else:
        assert isa(element, IntegerType)
        zero = arith.ConstantOp(IntegerAttr(0, element)).result
    block = Block(arg_types=[IndexType()] * len(low))
    with ImplicitBuilder(block):
        tensor.YieldOp(zero)
    shape = [
        before + n + after
        for before, n, after in zip(low, type_.get_shape(), high, strict=True)
    ]
    region, new = Region(block), TensorType(element, shape)
    return tensor.PadOp(source, (), (), region, low, high, new).result


def extract_slice(
    source: SSAValue, offsets: Sequence[Index], sizes: Sequence[int]
) -> SSAValue:
    """Emits the part of a tensor; itself, if it is all of it."""
    if tuple(sizes) == shape_of(source):
        return source
    type_ = TensorType(tensor_type(source).element_type, sizes)
    ones = [1] * len(sizes)
    return tensor.ExtractSliceOp(source, offsets, list(sizes), ones, type_).result


def insert_slice(
    part: SSAValue, whole: SSAValue, offsets: Sequence[Index], sizes: Sequence[int]
) -> SSAValue:
    """Emits `whole` with the elements of `part` in a part of these sizes."""
    static = [x if isinstance(x, int) else DYNAMIC_INDEX for x in offsets]
    dynamic = [x for x in offsets if isinstance(x, SSAValue)]
    return tensor.InsertSliceOp.get(
        part, whole, list(sizes), static, offsets=dynamic
    ).result


def transposed_init(value: SSAValue, order: Sequence[int]) -> SSAValue:
    """A destination in another order: a fill is filled anew, the rest transposed."""
    type_ = tensor_type(value)
    new = TensorType(type_.element_type, [type_.get_shape()[i] for i in order])
    if isinstance(value.owner, tensor.EmptyOp):
        return tensor.EmptyOp((), new).tensor
    if (number := fill_value(value)) is not None:
        empty = tensor.EmptyOp((), new)
        return linalg.FillOp([number], [empty.tensor], [new]).res[0]
    return transpose(value, order)


def transposed(value: SSAValue) -> tuple[SSAValue, list[int]] | None:
    """The source and the order of a tensor that is a transpose."""
    order = copy_permutation(value)
    if order is None:
        return None
    copy = value.owner
    assert isinstance(copy, linalg.GenericOp)
    return copy.inputs[0], order


def inverse_of(order: Sequence[int]) -> list[int]:
    """The order that undoes `order`."""
    return [order.index(i) for i in range(len(order))]


def reassociation(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    """Which dimensions of the larger shape are one of the smaller, as reshapes carry
    it."""
    return ArrayAttr(ArrayAttr(IntegerAttr(i, i64) for i in g) for g in groups)


def collapse(source: SSAValue, groups: Sequence[Sequence[int]]) -> SSAValue:
    """The tensor with each group of dimensions as one."""
    type_ = tensor_type(source)
    shape = [prod(type_.get_shape()[d] for d in group) for group in groups]
    return tensor.CollapseShapeOp(
        operands=[source],
        properties={"reassociation": reassociation(groups)},
        result_types=[TensorType(type_.element_type, shape)],
    ).result


def parallel_generic(
    inputs: Sequence[SSAValue], out: SSAValue, maps: Sequence[AffineMap], body: Block
) -> linalg.GenericOp:
    """Emits a `linalg.generic` that computes each element of `out`, a tensor or a
    memref; `maps` are those of the inputs."""
    return parallel_generics(inputs, [out], maps, body)


def parallel_generics(
    inputs: Sequence[SSAValue],
    outs: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    body: Block,
) -> linalg.GenericOp:
    """The same of several `outs` of one shape."""
    types = [shaped(out) for out in outs]
    rank = types[0].get_num_dims()
    every = (*maps, *[AffineMap.identity(rank)] * len(outs))
    return linalg.GenericOp(
        inputs,
        outs,
        Region(body),
        ArrayAttr(AffineMapAttr(m) for m in every),
        ArrayAttr([IteratorTypeAttr.parallel()] * rank),
        [t for t in types if isinstance(t, TensorType)],
    )


def sum_of_copies(copies: SSAValue, start: SSAValue) -> SSAValue:
    """Emits `start[..] + sum over t of copies[t, ..]`."""
    type_ = tensor_type(start)
    rank = type_.get_num_dims()
    dims = [AffineExpr.dimension(d) for d in range(rank + 1)]
    block = Block(arg_types=[type_.element_type] * 2)
    with ImplicitBuilder(block) as (part, so_far):
        linalg.YieldOp(arith.AddfOp(so_far, part).result)
    maps = [
        AffineMap(rank + 1, 0, (dims[rank], *dims[:rank])),
        AffineMap(rank + 1, 0, tuple(dims[:rank])),
    ]
    kinds = [IteratorTypeAttr.parallel()] * rank + [IteratorTypeAttr.reduction()]
    return linalg.GenericOp(
        [copies],
        [start],
        Region(block),
        [AffineMapAttr(m) for m in maps],
        kinds,
        [type_],
    ).res[0]


def emit_copy(source: SSAValue, target: SSAValue, read: AffineMap) -> linalg.GenericOp:
    """Emits `target[i, ..] = source[read(i, ..)]`, on tensors or on memrefs."""
    block = Block(arg_types=[shaped(target).element_type] * 2)
    with ImplicitBuilder(block) as (x, _):
        linalg.YieldOp(x)
    return parallel_generic([source], target, [read], block)
