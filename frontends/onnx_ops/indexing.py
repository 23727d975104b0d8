"""Operators that read or write elements at computed positions.

Positions that lie beyond an array are moved to its edge: what is read is always inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from frontends.array_builder import Tensor, dims_map, identity, position
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import (
    LARGEST,
    axis_of,
    expect,
    integers,
    numbers,
    operator,
)
from frontends.scalar import Scalar

INT64 = np.dtype(np.int64)


def inside(index: Scalar, size: int) -> Scalar:
    """A position counted from the front, and inside."""
    at = index.index()
    return (at < 0).choose(at + size, at).at_least(0).at_most(size - 1)


def wrapped(b: Builder, indices: Tensor, size: int) -> list[int] | None:
    """Known positions along one axis, checked; None if they are not known."""
    if not indices.known:
        return None
    found = indices.array.ravel()
    if found.size:
        lowest, highest = found.min(), found.max()
        expect(
            bool(lowest >= -size and highest < size),
            f"expected indices of at least {-size} and below {size}, got {lowest} to "
            f"{highest}",
        )
    return [int(i) for i in np.where(found < 0, found + size, found)]


@operator("Gather", moves=True)
def gather(b: Builder, x: Tensor, indices: Tensor, *, axis: int) -> Tensor:
    """[.., axis, ..] at positions [i..] -> [.., i.., ..]"""
    axis = axis_of(axis, x.rank)
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    rows = wrapped(b, indices, x.shape[axis])
    if rows is not None and (x.rank > 1 or len(rows) == 1):
        return b.reshape(b.take(x, axis, rows), shape)
    expect(
        x.shape[axis] > 0 or 0 in shape,
        f"expected an axis that has elements to read, got {x} along {axis}",
    )
    new = axis + indices.rank

    def where(index: Scalar) -> list[Scalar]:
        before = [position(d) for d in range(axis)]
        after = [position(new + d) for d in range(x.rank - axis - 1)]
        return [*before, inside(index, x.shape[axis]), *after]

    return b.gather(x, shape, where, (indices, dims_map(len(shape), range(axis, new))))


@operator("GatherElements", moves=True)
def gather_elements(b: Builder, x: Tensor, indices: Tensor, *, axis: int) -> Tensor:
    """result[i][j] = x[indices[i][j]][j] for axis 0"""
    axis = axis_of(axis, x.rank)

    def where(index: Scalar) -> list[Scalar]:
        return [
            inside(index, n) if d == axis else position(d)
            for d, n in enumerate(x.shape)
        ]

    return b.gather(x, indices.shape, where, (indices, identity(x.rank)))


def columns(b: Builder, indices: Tensor) -> list[Tensor]:
    """[.., k] -> k tensors [..]"""
    last = indices.rank - 1
    return [
        b.without(b.part(indices, last, i, 1), [last])
        for i in range(indices.shape[last])
    ]


@operator("GatherND", moves=True)
def gather_nd(
    b: Builder, x: Tensor, indices: Tensor, *, batch_dims: int | None
) -> Tensor:
    """[.., k] positions of k dimensions -> what stands there"""
    batch = batch_dims or 0
    depth = indices.shape[-1]
    outer = indices.shape[:-1]
    shape = (*outer, *x.shape[batch + depth :])
    rank = len(shape)
    read = dims_map(rank, range(len(outer)))

    def where(*index: Scalar) -> list[Scalar]:
        rest = range(len(outer), rank)
        return [
            *(position(d) for d in range(batch)),
            *(inside(i, x.shape[batch + d]) for d, i in enumerate(index)),
            *(position(d) for d in rest),
        ]

    return b.gather(x, shape, where, *((c, read) for c in columns(b, indices)))


# Writing: each element of the result looks for the updates that mean it

COMBINE: dict[str, Callable[[Scalar, Scalar], Scalar]] = {
    "none": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": lambda old, new: old.maximum(new),
    "min": lambda old, new: old.minimum(new),
}


def scattered(
    b: Builder,
    x: Tensor,
    updates: Tensor,
    targets: list[tuple[int, Tensor]],
    own: dict[int, int],
    reduction: str,
) -> Tensor:
    """x with each update put where it belongs: along the dimensions of `targets` at the
    positions that they say, tensors of the updates' shape or of its first dimensions;
    along those of `own` where the update's own dimension stands."""
    combine = COMBINE[reduction]
    along = [d for d, _ in targets]
    # the loops: those of the result, then the others of the updates
    extra = [e for e in range(updates.rank) if e not in own.values()]
    rank = x.rank + len(extra)
    place = {e: d for d, e in own.items()} | {
        e: x.rank + i for i, e in enumerate(extra)
    }

    def body(update: Scalar, *rest: Scalar) -> Scalar:
        *indices, total = rest
        hit: Scalar | None = None
        for d, index in zip(along, indices, strict=True):
            at = index.index()
            at = (at < 0).choose(at + x.shape[d], at)
            same = at == position(d)
            hit = same if hit is None else hit & same
        new = combine(total, update)
        return new if hit is None else hit.choose(new, total)

    maps = [
        dims_map(rank, [place[e] for e in range(y.rank)])
        for y in (updates, *(t for _, t in targets))
    ]
    return b.generic(
        body,
        x.shape,
        [*maps, dims_map(rank, range(x.rank))],
        updates,
        *(t for _, t in targets),
        start=x,
    )


@operator("ScatterElements", "Scatter")
def scatter_elements(
    b: Builder,
    x: Tensor,
    indices: Tensor,
    updates: Tensor,
    *,
    axis: int,
    reduction: str | None = None,
) -> Tensor:
    """result[indices[i][j]][j] = updates[i][j] for axis 0"""
    axis = axis_of(axis, x.rank)
    # the dimensions beside the axis: updates may have fewer elements than x there
    own = [d for d in range(x.rank) if d != axis]
    sizes = [n if d == axis else updates.shape[d] for d, n in enumerate(x.shape)]
    inner = b.slice(x, [0] * x.rank, sizes)
    found = scattered(
        b, inner, updates, [(axis, indices)], {d: d for d in own}, reduction or "none"
    )
    if found.shape == x.shape:
        return found
    made = b.tensors.insert_slice(
        b.value(found), b.value(x), [0] * x.rank, [1] * x.rank
    )
    return Tensor(x.shape, x.dtype, made)


@operator("ScatterND")
def scatter_nd(
    b: Builder,
    x: Tensor,
    indices: Tensor,
    updates: Tensor,
    *,
    reduction: str | None = None,
) -> Tensor:
    """result[indices[i]] = updates[i], where indices[i] are k positions"""
    depth = indices.shape[-1]
    outer = indices.rank - 1
    own = {d: outer + d - depth for d in range(depth, x.rank)}
    targets = list(enumerate(columns(b, indices)))
    return scattered(b, x, updates, targets, own, reduction or "none")


@operator("OneHot", since=9)
def one_hot(
    b: Builder, indices: Tensor, depth: Tensor, values: Tensor, *, axis: int
) -> Tensor:
    """values[1] where the new dimension stands at the index, else values[0]"""
    size = int(numbers(depth, "depth").item())
    expect(0 <= size <= LARGEST, f"expected a depth of at least 0, got {size}")
    rank = indices.rank + 1
    axis = axis_of(axis, rank)
    shape = [*indices.shape]
    shape.insert(axis, size)
    others = [d for d in range(rank) if d != axis]
    off, on = (b.reshape(b.part(values, 0, i, 1), ()) for i in (0, 1))

    def body(index: Scalar, off: Scalar, on: Scalar) -> Scalar:
        at = index.cast(INT64).index()
        at = (at < 0).choose(at + size, at)
        return (at == position(axis)).choose(on, off)

    scalar = dims_map(rank, [])
    maps = [dims_map(rank, others), scalar, scalar, identity(rank)]
    return b.generic(body, tuple(shape), maps, indices, off, on)


@operator("TopK")
def top_k(
    b: Builder,
    x: Tensor,
    k: Tensor,
    *,
    axis: int,
    largest: int | None = 1,
    sorted_: int | None = 1,
) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) elements along an axis, and where they stand

    The rank of an element is how many others come before it.
    """
    axis = axis_of(axis, x.rank)
    (count,) = integers(k, "k")
    size = x.shape[axis]
    expect(0 <= count <= size, f"expected a k of 0 to {size}, got {count}")
    order = [*(d for d in range(x.rank) if d != axis), axis]
    back = [order.index(d) for d in range(x.rank)]
    rows = b.transpose(x, order)
    rank, last = rows.rank + 1, rows.rank - 1
    this, other = identity(rows.rank), dims_map(rank, [*range(last), rank - 1])
    this = dims_map(rank, range(rows.rank))

    def before(mine: Scalar, theirs: Scalar, total: Scalar) -> Scalar:
        better = theirs < mine if largest == 0 else theirs > mine
        first = (theirs == mine) & (position(rank - 1) < position(last))
        return total + (better | first).cast(INT64)

    ranks = b.generic(
        before,
        rows.shape,
        [this, other, this],
        rows,
        rows,
        start=b.filled(0, rows.shape, INT64),
    )
    # [.., j] = sum over i of x[.., i] where rank[.., i] = j
    shape = (*rows.shape[:-1], count)

    def pick(value: Scalar, rank_: Scalar, total: Scalar) -> Scalar:
        return (rank_ == position(last).cast(INT64)).choose(value, total)

    def places(_: Scalar, rank_: Scalar, total: Scalar) -> Scalar:
        here = position(rank - 1).cast(INT64)
        return (rank_ == position(last).cast(INT64)).choose(here, total)

    maps = [other, other, this]
    values = b.generic(
        pick, shape, maps, rows, ranks, start=b.filled(0, shape, x.dtype)
    )
    where = b.generic(places, shape, maps, rows, ranks, start=b.filled(0, shape, INT64))
    return b.transpose(values, back), b.transpose(where, back)


@operator("Range", since=11, moves=True)
def range_(b: Builder, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    """start, start + delta, .. up to limit, which is left out"""
    first, last, step = (
        numbers(x, name).item()
        for x, name in ((start, "start"), (limit, "limit"), (delta, "delta"))
    )
    expect(step != 0, "expected a delta other than 0")
    count = max(int(np.ceil((last - first) / step)), 0)
    expect(count <= LARGEST, f"expected at most {LARGEST} elements, got {count}")

    def body(*_: Scalar) -> Scalar:
        return position(0).cast(INT64).cast(start.dtype) * step + first

    return b.generic(body, (count,), [identity(1)])
