"""Sums of products, and from them the meaning of the `br` operations.

These are plain functions on numpy arrays: a kernel or a lowering is right if it agrees
with them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from xdsl.ir.affine import AffineMap

from brdialect.errors import BrError
from brdialect.reference.access import (
    at_point,
    loop_extents,
    read,
    surrounded_by_zeros,
    write,
)
from brdialect.reference.values import Array

Epilogue = Callable[..., Array]
"""(accumulated elements, elements of each extra operand...) -> stored elements."""

WINDOW_COPY_LIMIT = 1 << 24
"""Elements to which the overlapping windows of an operand may be spread out in memory
(128 MiB of float64) before the reduction runs in steps."""


def batch_reduce_gemm(
    a: Array,
    b: Array,
    c: Array,
    *,
    count: int | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transpose_a: bool = False,
    transpose_b: bool = False,
    epilogue: Epilogue | None = None,
    extras: Sequence[Array] = (),
) -> Array:
    """The new value of C: `epilogue(alpha * sum_i A_i B_i + beta * C, extras...)`.

    | operand | shape | |
    |---|---|---|
    | a | `[batch..., m, k]` | `[batch..., k, m]` with `transpose_a` |
    | b | `[batch..., k, n]` | `[batch..., n, k]` with `transpose_b` |
    | c, extras | `[m, n]` | c is not read if beta is 0 |

    With one dimension more, `[batch..., m, k, n]`, a has a matrix for each column.
    Several dimensions may count the rows, in a, c and the extras alike. `count` limits
    the first batch dimension. Products are summed in C's type.
    """
    if transpose_a:
        a = a.swapaxes(-1, -2)
    if transpose_b:
        b = b.swapaxes(-1, -2)
    if c.ndim > 2:  # rows that several dimensions count
        n, at = c.shape[-1], b.ndim - 2
        flat = batch_reduce_gemm(
            a.reshape(*a.shape[:at], -1, *a.shape[at + c.ndim - 1 :]),
            b,
            c.reshape(-1, n),
            count=count,
            alpha=alpha,
            beta=beta,
            epilogue=epilogue,
            extras=[extra.reshape(-1, n) for extra in extras],
        )
        return flat.reshape(c.shape)
    if count is not None:
        if not 0 <= count <= a.shape[0]:
            raise BrError(f"expected a count within 0..{a.shape[0]}, got {count}")
        a, b = a[:count], b[:count]
    check_matrices(a, b, c, extras)
    total = sum_of_matrices(a.astype(c.dtype), b.astype(c.dtype))
    if alpha != 1.0:
        total = total * _factor(alpha, c.dtype)
    if beta != 0.0:
        total = total + (c if beta == 1.0 else c * _factor(beta, c.dtype))
    if epilogue is not None:
        total = epilogue(total, *extras)
    return np.broadcast_to(total, c.shape).astype(c.dtype)


def check_matrices(a: Array, b: Array, c: Array, extras: Sequence[Array]) -> None:
    """Refuses operands of `batch_reduce_gemm` whose sizes differ."""
    own = a.ndim == b.ndim + 1
    *batch, m, k = a.shape[:-1] if own else a.shape
    n = b.shape[-1]
    if (*batch, k) != b.shape[:-1] or (own and a.shape[-1] not in (1, n)):
        raise BrError(
            f"expected a as [batch..., m, k] and b as [batch..., k, n], "
            f"got {list(a.shape)} and {list(b.shape)}"
        )
    for what, array in (("c", c), *(("extra", extra) for extra in extras)):
        if array.shape != (m, n):
            raise BrError(
                f"expected {what} as [m, n] = [{m}, {n}], got {list(array.shape)}"
            )


def sum_of_matrices(a: Array, b: Array) -> Array:
    """`sum_i A_i B_i`: [batch..., m, k] or, with a matrix for each column,
    [batch..., m, k, n], times [batch..., k, n] -> [m, n]."""
    batch = tuple(range(b.ndim - 2))
    if a.ndim > b.ndim:
        return (a * np.expand_dims(b, -3)).sum((*batch, -2))
    return np.tensordot(a, b, ((*batch, -1), (*batch, -2)))


def _factor(value: float, dtype: np.dtype[Any]) -> Array:
    if dtype.kind in "iu" and value != int(value):
        raise BrError(f"expected a whole alpha and beta for integers, got {value}")
    return np.asarray(value, dtype)


def contract(
    a: Array,
    b: Array,
    c: Array,
    maps: Sequence[AffineMap],
    *,
    beta: float = 1.0,
    epilogue: Epilogue | None = None,
    extras: Sequence[Array] = (),
) -> Array:
    """The new value of C: `C[..] = epilogue(beta * C[..] + sum A[..] * B[..], ...)`.

    `maps` index a, b, c and the extras by the loops; loops that c's map does not use
    are summed over. Packed operands have maps with `floordiv` and `mod`. Where a's map
    leads out of a, it reads zeros.
    """
    arrays = (a.astype(c.dtype), b.astype(c.dtype), c, *extras)
    extents = loop_extents(maps, [x.shape for x in arrays])
    with_zeros, map_a = surrounded_by_zeros(arrays[0], maps[0], extents)
    arrays, maps = (with_zeros, *arrays[1:]), (map_a, *maps[1:])
    view_a, view_b, view_c, *view_extras = (
        read(x, m, extents) for x, m in zip(arrays, maps, strict=True)
    )
    out_dims = maps[2].used_dims()
    for map_ in maps[3:]:
        if not map_.used_dims() <= out_dims:
            raise BrError(
                f"expected the epilogue's operands to use the loops of c, got {map_}"
            )
    total = sum_of_products(view_a, view_b, extents, out_dims)
    if beta != 0.0:
        total = total + view_c * _factor(beta, c.dtype)
    if epilogue is not None:
        total = epilogue(total, *view_extras)
    # Elements outside the loops (the padding of a packed c) keep their value
    result = c.copy()
    write(result, maps[2], extents, total)
    return result


def sum_of_products(
    a: Array, b: Array, extents: Sequence[int], out_dims: Collection[int]
) -> Array:
    """`sum a * b` over the loops that are not in `out_dims`.

    a, b and the result have an axis for each loop, of size 1 where they do not depend
    on it. Everything is brought to one batched matrix product:
    [batch, m, k] x [batch, k, n] -> [batch, m, n].
    """
    reduced = [d for d in range(len(extents)) if d not in out_dims]
    steps = _steps(a, b, extents, reduced)
    if steps:
        total: Array | None = None
        for point in np.ndindex(*(extents[d] for d in steps)):
            part = sum_of_products(
                at_point(a, steps, point),
                at_point(b, steps, point),
                [1 if d in steps else n for d, n in enumerate(extents)],
                out_dims,
            )
            total = part if total is None else total + part
        assert total is not None
        return total
    for d in reduced:
        if a.shape[d] != b.shape[d]:  # one of them does not depend on the loop
            if b.shape[d] == 1:
                a = a.sum(axis=d, keepdims=True, dtype=a.dtype)
            else:
                b = b.sum(axis=d, keepdims=True, dtype=b.dtype)
    return _matrix_product(a, b, reduced)


def _matrix_product(a: Array, b: Array, reduced: Sequence[int]) -> Array:
    rank = a.ndim
    k = [d for d in reduced if a.shape[d] != 1]
    kept = [d for d in range(rank) if d not in k]
    batch = [d for d in kept if a.shape[d] != 1 and b.shape[d] != 1]
    m = [d for d in kept if a.shape[d] != 1 and b.shape[d] == 1]
    n = [d for d in kept if a.shape[d] == 1]

    def sizes(x: Array, dims: Sequence[int]) -> list[int]:
        return [x.shape[d] for d in dims]

    def flat(x: Array, *groups: Sequence[int]) -> Array:
        shape = [int(np.prod(sizes(x, group), dtype=np.int64)) for group in groups]
        rest = [d for d in range(rank) if not any(d in group for group in groups)]
        order = [d for group in groups for d in group] + rest
        return x.transpose(order).reshape(shape)

    product = np.matmul(flat(a, batch, m, k), flat(b, batch, k, n))
    order = [*batch, *m, *n, *k]
    product = product.reshape(
        sizes(a, batch) + sizes(a, m) + sizes(b, n) + [1] * len(k)
    )
    return product.transpose(np.argsort(order))


def _steps(
    a: Array, b: Array, extents: Sequence[int], reduced: Sequence[int]
) -> list[int]:
    """The reduction loops to run one by one: shortest first (a window's positions),
    until no operand's windows need too large a copy."""
    steps: list[int] = []
    sizes = [
        x.size if x.size > 2 * _memory_size(x) else 0 for x in (a, b)
    ]  # without overlap there is hardly a copy to save
    for d in sorted(reduced, key=lambda d: extents[d]):
        if max(sizes) <= WINDOW_COPY_LIMIT:
            break
        if extents[d] > 1:
            steps.append(d)
            sizes = [s // x.shape[d] for s, x in zip(sizes, (a, b), strict=True)]
    return steps


def _memory_size(x: Array) -> int:
    """The number of distinct elements a strided view can reach, at most."""
    reach = sum((n - 1) * abs(s) for n, s in zip(x.shape, x.strides, strict=True))
    return 1 + reach // x.itemsize


def softmax(x: Array, dimension: int) -> Array:
    """`exp(x - max x) / sum exp(x - max x)` along one dimension."""
    shifted = np.exp(x - x.max(axis=dimension, keepdims=True))
    return shifted / shifted.sum(axis=dimension, keepdims=True)
