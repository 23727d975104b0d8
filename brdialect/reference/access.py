"""Reads and writes operands through affine maps, for all loop iterations at once.

An operand read through its map becomes an array with one axis for each loop: of the
loop's extent where the map uses it, of size 1 where it does not. A linear map is a
strided view (a convolution's windows overlap in it, nothing is copied); a map with
`floordiv` or `mod` is a gather.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)

from brdialect.errors import BrError
from brdialect.reference.values import Array

Kind = AffineBinaryOpKind


def linear(expr: AffineExpr, dims: int) -> tuple[list[int], int] | None:
    """`2 * d0 + d2 + 5` over three dims -> `([2, 0, 1], 5)`; None if not linear."""
    if isinstance(expr, AffineConstantExpr):
        return [0] * dims, expr.value
    if isinstance(expr, AffineDimExpr):
        return [int(d == expr.position) for d in range(dims)], 0
    if not isinstance(expr, AffineBinaryOpExpr):
        return None
    left, right = linear(expr.lhs, dims), linear(expr.rhs, dims)
    if left is None or right is None:
        return None
    if expr.kind == Kind.Add:
        coefficients = [x + y for x, y in zip(left[0], right[0], strict=True)]
        return coefficients, left[1] + right[1]
    if expr.kind == Kind.Mul and not any(right[0]):
        return [x * right[1] for x in left[0]], left[1] * right[1]
    return None


def evaluate(expr: AffineExpr, grid: Sequence[Array]) -> Array:
    """The expression's value for every point of an open grid, one array for a dim."""
    if isinstance(expr, AffineConstantExpr):
        return np.asarray(expr.value)
    if isinstance(expr, AffineDimExpr):
        return grid[expr.position]
    if not isinstance(expr, AffineBinaryOpExpr):
        raise BrError(f"expected an indexing map without symbols, got {expr}")
    left, right = evaluate(expr.lhs, grid), evaluate(expr.rhs, grid)
    match expr.kind:
        case Kind.Add:
            return np.asarray(left + right)
        case Kind.Mul:
            return np.asarray(left * right)
        case Kind.Mod:
            return np.asarray(left % right)
        case Kind.FloorDiv:
            return np.asarray(left // right)
        case Kind.CeilDiv:
            return np.asarray(-(-left // right))


def open_grid(extents: Sequence[int]) -> list[Array]:
    """For each loop its iterations, along its own axis."""
    rank = len(extents)
    return [
        np.arange(n).reshape([-1 if i == d else 1 for i in range(rank)])
        for d, n in enumerate(extents)
    ]


def loop_extents(
    maps: Sequence[AffineMap], shapes: Sequence[Sequence[int]]
) -> tuple[int, ...]:
    """How often each loop runs: the size of the dimension that the loop alone indexes.

    A loop that is only seen packed, `(d0 floordiv 16, d0 mod 16)`, fills its panels.
    """
    dims = maps[0].num_dims
    plain: list[int | None] = [None] * dims
    packed: list[int | None] = [None] * dims
    for map_, shape in zip(maps, shapes, strict=True):
        for expr, size in zip(map_.results, shape, strict=True):
            match expr:
                case AffineDimExpr():
                    known = plain[expr.position]
                    if known is not None and known != size:
                        raise BrError(
                            f"expected one size for loop d{expr.position}, "
                            f"got {known} and {size}"
                        )
                    plain[expr.position] = size
                case AffineBinaryOpExpr(
                    kind=Kind.FloorDiv,
                    lhs=AffineDimExpr() as dim,
                    rhs=AffineConstantExpr() as block,
                ):
                    packed[dim.position] = size * block.value
                case _:
                    pass
    extents: list[int] = []
    for d, (direct, blocked) in enumerate(zip(plain, packed, strict=True)):
        extent = direct if direct is not None else blocked
        if extent is None:
            raise BrError(
                f"expected an operand dimension that loop d{d} alone indexes, "
                f"got maps {', '.join(map(str, maps))}"
            )
        extents.append(extent)
    return tuple(extents)


def _check_range(map_: AffineMap, axis: int, low: int, high: int, size: int) -> None:
    if low < 0 or high >= size:
        raise BrError(
            f"expected indices within 0..{size - 1} in dimension {axis}, "
            f"got {low}..{high} through {map_}"
        )


def reach_of(
    coefficients: Sequence[int], constant: int, extents: Sequence[int]
) -> tuple[int, int]:
    """The smallest and the largest value of a linear expression."""
    reach = [c * (n - 1) for c, n in zip(coefficients, extents, strict=True)]
    low = constant + sum(min(0, x) for x in reach)
    return low, constant + sum(max(0, x) for x in reach)


def _used(map_: AffineMap, extents: Sequence[int]) -> list[int]:
    """The shape of an operand read through the map: 1 for loops it does not use."""
    used = map_.used_dims()
    return [n if d in used else 1 for d, n in enumerate(extents)]


def _strided(array: Array, map_: AffineMap, extents: Sequence[int]) -> Array | None:
    """The view through a linear map; None for others."""
    strides = [0] * len(extents)
    start: list[slice] = []
    for axis, (expr, size) in enumerate(zip(map_.results, array.shape, strict=True)):
        form = linear(expr, len(extents))
        if form is None:
            return None
        coefficients, constant = form
        low, high = reach_of(coefficients, constant, extents)
        _check_range(map_, axis, low, high, size)
        start.append(slice(constant, None))
        for d, c in enumerate(coefficients):
            strides[d] += c * array.strides[axis]
    return as_strided(array[(*start, ...)], _used(map_, extents), strides)


def _gather_indices(
    array: Array, map_: AffineMap, extents: Sequence[int]
) -> tuple[Array, ...]:
    grid = open_grid(extents)
    indices = tuple(evaluate(expr, grid) for expr in map_.results)
    for axis, (index, size) in enumerate(zip(indices, array.shape, strict=True)):
        _check_range(map_, axis, int(index.min()), int(index.max()), size)
    return indices


def read(array: Array, map_: AffineMap, extents: Sequence[int]) -> Array:
    """`array[map(loops)]` for all loops; bounds are checked. Not to be written to."""
    if 0 in extents:
        return np.zeros(_used(map_, extents), array.dtype)
    view = _strided(array, map_, extents)
    if view is not None:
        return view
    return array[_gather_indices(array, map_, extents)].reshape(_used(map_, extents))


def surrounded_by_zeros(
    array: Array, map_: AffineMap, extents: Sequence[int]
) -> tuple[Array, AffineMap]:
    """The array with as many zeros around it as a linear map reads beyond it, and the
    map to read it through."""
    widths: list[tuple[int, int]] = []
    moved: list[AffineExpr] = []
    for expr, size in zip(map_.results, array.shape, strict=True):
        before = after = 0
        form = linear(expr, len(extents))
        if form is not None and 0 not in extents:
            low, high = reach_of(*form, extents)
            before, after = max(0, -low), max(0, high + 1 - size)
        widths.append((before, after))
        moved.append(expr + before if before else expr)
    if not any(map(any, widths)):
        return array, map_
    return np.pad(array, widths), AffineMap(map_.num_dims, 0, tuple(moved))


def write(array: Array, map_: AffineMap, extents: Sequence[int], values: Array) -> None:
    """`array[map(loops)] = values`; no element may be written twice."""
    if 0 in extents:
        return
    shape = _used(map_, extents)
    values = np.broadcast_to(values, shape)
    positions = [e.position for e in map_.results if isinstance(e, AffineDimExpr)]
    if len(positions) == len(map_.results) == len(set(positions)):
        view = _strided(array, map_, extents)
        assert view is not None
        view[...] = values
        return
    indices = _gather_indices(array, map_, extents)
    flat = np.ravel_multi_index(indices, array.shape)
    if np.unique(flat).size != math.prod(shape):
        raise BrError(f"expected {map_} to write each element once, it does not")
    array[np.unravel_index(np.broadcast_to(flat, shape), array.shape)] = values


def at_point(x: Array, dims: Sequence[int], point: Sequence[int]) -> Array:
    """`x` at one iteration of some loops, whose axes stay with size 1."""
    where: list[slice] = [slice(None)] * x.ndim
    for d, i in zip(dims, point, strict=True):
        if x.shape[d] != 1:
            where[d] = slice(i, i + 1)
    return x[(*where, ...)]  # of no loops: an array, not a number
