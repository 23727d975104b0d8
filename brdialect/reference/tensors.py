"""tensor operations on numpy arrays. A tensor never changes: writing makes a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects import tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Operation, SSAValue

from brdialect.errors import BrError
from brdialect.reference.access import open_grid
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.values import Array, Value, empty, static_shape


def mixed(
    frame: Frame, static: Sequence[int], dynamic: Sequence[SSAValue]
) -> list[int]:
    """Numbers of which some are written down and the others operands, in order."""
    rest = iter(dynamic)
    return [int(frame.values[next(rest)]) if n == DYNAMIC_INDEX else n for n in static]


def sizes_of(frame: Frame, op: Operation, dynamic: Sequence[SSAValue]) -> list[int]:
    """The result's shape, its open dimensions filled in from operands."""
    return mixed(frame, static_shape(op.results[0].type), dynamic)


def integers(attribute: DenseArrayBase[Any]) -> list[int]:
    """A dense array attribute as a list."""
    return [int(x) for x in attribute.iter_values()]


def empty_tensor(
    frame: Frame, op: tensor.EmptyOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Unwritten memory: NaN, so that a result that depends on it shows."""
    shape = sizes_of(frame, op, op.dynamic_sizes)
    return (empty(shape, op.tensor.type, frame.machine.precise),)


def cast(frame: Frame, op: tensor.CastOp, args: Sequence[Value]) -> Sequence[Value]:
    """The same tensor; the sizes its new type states must be those it has."""
    want = static_shape(op.dest.type)
    got: tuple[int, ...] = args[0].shape
    if want and any(
        w not in (DYNAMIC_INDEX, g) for w, g in zip(want, got, strict=True)
    ):
        raise BrError(f"expected a tensor of shape {list(want)}, got {list(got)}")
    return (args[0],)


def dim(frame: Frame, op: tensor.DimOp, args: Sequence[Value]) -> Sequence[Value]:
    """The size of one dimension."""
    return (np.int64(args[0].shape[int(args[1])]),)


def concat(frame: Frame, op: tensor.ConcatOp, args: Sequence[Value]) -> Sequence[Value]:
    """The operands one after the other along one dimension."""
    return (np.concatenate(args, axis=op.dim.value.data),)


def collapse_shape(
    frame: Frame, op: tensor.CollapseShapeOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Each group of dimensions becomes their product."""
    shape: tuple[int, ...] = args[0].shape
    groups = [[int(d.value.data) for d in group] for group in op.reassociation]
    return (args[0].reshape([int(np.prod([shape[d] for d in g])) for g in groups]),)


def expand_shape(
    frame: Frame, op: tensor.ExpandShapeOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The stated output shape; the elements stay in row-major order."""
    shape = mixed(frame, integers(op.static_output_shape), op.dynamic_output_shape)
    if int(np.prod(shape)) != args[0].size:
        raise BrError(f"expected {args[0].size} elements, got shape {shape}")
    return (args[0].reshape(shape),)


def reshape(
    frame: Frame, op: tensor.ReshapeOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The shape that the second operand holds."""
    return (args[0].reshape([int(n) for n in args[1]]),)


def slices(
    frame: Frame,
    op: tensor.ExtractSliceOp | tensor.InsertSliceOp,
    shape: Sequence[int],
) -> tuple[slice, ...]:
    """The numpy slices of offsets, sizes and strides, checked against `shape`."""
    offsets = mixed(frame, integers(op.static_offsets), op.offsets)
    sizes = mixed(frame, integers(op.static_sizes), op.sizes)
    strides = mixed(frame, integers(op.static_strides), op.strides)
    found: list[slice] = []
    for axis, (o, n, s, size) in enumerate(
        zip(offsets, sizes, strides, shape, strict=True)
    ):
        if n and (o < 0 or s < 1 or o + (n - 1) * s >= size):
            raise BrError(
                f"expected a slice within 0..{size - 1} of dimension {axis}, "
                f"got offset {o}, size {n}, stride {s}"
            )
        found.append(slice(o, o + n * s, s))
    return tuple(found)


def extract_slice(
    frame: Frame, op: tensor.ExtractSliceOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A part of a tensor; a result of lower rank lost dimensions of size 1."""
    part: Array = args[0][slices(frame, op, args[0].shape)]
    return (part.reshape(_reduced_shape(part.shape, static_shape(op.result.type))),)


def _reduced_shape(shape: Sequence[int], want: Sequence[int]) -> list[int]:
    """Drops dimensions of size 1 until the rank fits, from the left."""
    kept: list[int] = []
    drop = len(shape) - len(want)
    for n in shape:
        here = want[len(kept)] if len(kept) < len(want) else 0
        if drop and n == 1 and here != 1:
            drop -= 1
        else:
            kept.append(n)
    return kept


def insert_slice(
    frame: Frame, op: tensor.InsertSliceOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A copy of the destination with one part replaced."""
    result = args[1].copy()
    part = result[(*slices(frame, op, result.shape), ...)]
    part[...] = args[0].reshape(part.shape)
    return (result,)


def pad(frame: Frame, op: tensor.PadOp, args: Sequence[Value]) -> Sequence[Value]:
    """The source with `low` elements before and `high` after it in each dimension; the
    region gives the new elements from their indices."""
    source: Array = args[0]
    low = mixed(frame, integers(op.static_low), op.low)
    high = mixed(frame, integers(op.static_high), op.high)
    if min((*low, *high), default=0) < 0:
        raise BrError(f"expected padding of 0 or more, got low {low} and high {high}")
    shape = [n + a + b for n, a, b in zip(source.shape, low, high, strict=True)]
    # an open grid: where the value does not depend on the indices it is computed once
    (value,) = frame.run(op.region.block, open_grid(shape))
    result = np.empty(shape, source.dtype)
    result[...] = value
    inner = tuple(slice(a, a + n) for a, n in zip(low, source.shape, strict=True))
    result[inner] = source
    return (result,)


def checked_indices(
    shape: Sequence[int], indices: Sequence[Value]
) -> tuple[Array, ...]:
    """Element indices as arrays; none may be out of bounds."""
    arrays = tuple(np.asarray(i) for i in indices)
    for axis, (index, size) in enumerate(zip(arrays, shape, strict=True)):
        if index.size and (index.min() < 0 or index.max() >= size):
            raise BrError(
                f"expected indices within 0..{size - 1} in dimension {axis}, "
                f"got {int(index.min())}..{int(index.max())}"
            )
    return arrays


def extract(
    frame: Frame, op: tensor.ExtractOp, args: Sequence[Value]
) -> Sequence[Value]:
    """One element; in the body of a structured operation a gather of many."""
    return (args[0][checked_indices(args[0].shape, args[1:])],)


def insert(frame: Frame, op: tensor.InsertOp, args: Sequence[Value]) -> Sequence[Value]:
    """A copy with one element replaced."""
    result = args[1].copy()
    result[checked_indices(result.shape, args[2:])] = args[0]
    return (result,)


def from_elements(
    frame: Frame, op: tensor.FromElementsOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The operands in row-major order."""
    type_ = op.result.type
    values = np.asarray(args, frame.dtype(type_))
    return (values.reshape(static_shape(type_)),)


def splat(frame: Frame, op: tensor.SplatOp, args: Sequence[Value]) -> Sequence[Value]:
    """One value everywhere."""
    shape = sizes_of(frame, op, op.dynamicSizes)
    return (np.full(shape, args[0], frame.dtype(op.result.type)),)


HANDLERS: dict[str, Handler] = {
    "tensor.empty": empty_tensor,
    "tensor.cast": cast,
    "tensor.dim": dim,
    "tensor.concat": concat,
    "tensor.collapse_shape": collapse_shape,
    "tensor.expand_shape": expand_shape,
    "tensor.reshape": reshape,
    "tensor.extract_slice": extract_slice,
    "tensor.insert_slice": insert_slice,
    "tensor.pad": pad,
    "tensor.extract": extract,
    "tensor.insert": insert,
    "tensor.from_elements": from_elements,
    "tensor.splat": splat,
}
