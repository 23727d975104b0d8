"""Windows over images [n, c, sizes..] -> [n, c, counts..], and whole images."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from frontends.array_builder import Tensor, dims_map, few, known, position
from frontends.array_sums import Builder, Windows, windows_map
from frontends.elements import element_type, lowest
from frontends.onnx_ops.convolution import windows_of
from frontends.onnx_ops.registry import operator
from frontends.scalar import Scalar

INT64 = np.dtype(np.int64)


def pool_windows(
    x: Tensor,
    kernel: list[int],
    strides: list[int] | None,
    dilations: list[int] | None,
    pads: list[int] | None,
    auto_pad: str,
    ceil_mode: int | None,
) -> Windows:
    """The windows of a pooling. With `ceil_mode` a last one may reach beyond the
    padding, unless it lies there altogether."""
    sizes = x.shape[2:]
    w = windows_of(sizes, kernel, strides, dilations, pads, auto_pad)
    if not ceil_mode or auto_pad.startswith("SAME"):
        return w
    high: list[int] = []
    for d, n in enumerate(sizes):
        reach = (w.kernel[d] - 1) * w.dilations[d] + 1
        free = n + w.low[d] + w.high[d] - reach
        count = -(-free // w.strides[d]) + 1
        if (count - 1) * w.strides[d] >= n + w.low[d]:
            count -= 1
        high.append(max((count - 1) * w.strides[d] + reach - n - w.low[d], w.high[d]))
    return replace(w, high=high)


@operator("MaxPool")
def max_pool(
    b: Builder,
    x: Tensor,
    *,
    auto_pad: str,
    ceil_mode: int | None,
    dilations: list[int] | None,
    kernel_shape: list[int],
    pads: list[int] | None,
    storage_order: int | None,
    strides: list[int] | None,
    outputs: int,
) -> tuple[Tensor, ...]:
    """The largest element of each window, and where it stands in x"""
    w = pool_windows(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    largest = b.fold_windows(x, w, lowest(x.dtype), lambda x, total: total.maximum(x))
    if outputs == 1:
        return (largest,)
    return largest, places(b, x, largest, w, bool(storage_order))


def places(
    b: Builder, x: Tensor, largest: Tensor, w: Windows, column_major: bool
) -> Tensor:
    """Where in x, counted through all of it, the largest of a window stands first."""
    rank, none = x.rank, np.iinfo(np.int64).max
    sizes = [1] * rank  # of the steps of each dimension
    order = [*range(rank)]
    if column_major:
        order[2:] = reversed(order[2:])
    for i in reversed(range(rank - 1)):
        sizes[order[i]] = sizes[order[i + 1]] * x.shape[order[i + 1]]

    def body(x_: Scalar, extent: Scalar, top: Scalar, total: Scalar) -> Scalar:
        at = position(0) * sizes[0] + position(1) * sizes[1]
        for d in range(2, rank):
            i = d - 2
            step = position(d) * w.strides[i] + position(rank + i) * w.dilations[i]
            at = at + (step - w.low[i]) * sizes[d]
        return (x_ == top).choose(total.minimum(at.cast(INT64)), total)

    zeros = [0, 0]
    padded = b.pad(x, [*zeros, *w.low], [*zeros, *w.high], lowest(x.dtype))
    loops = rank + len(w.kernel)
    element = element_type(x.dtype)
    extent = Tensor(tuple(w.kernel), x.dtype, b.tensors.empty(w.kernel, element))
    out = dims_map(loops, range(rank))
    maps = [
        windows_map(loops, [0, 1], 2, rank, w),
        dims_map(loops, range(rank, loops)),
        out,
        out,
    ]
    start = b.filled(none, largest.shape, INT64)
    return b.generic(body, largest.shape, maps, padded, extent, largest, start=start)


def valid_counts(x: Tensor, w: Windows, padded: list[int]) -> Tensor:
    """How many elements of x, and of `padded` around it, each window covers."""
    spatial = len(w.kernel)
    total = np.ones((1,) * spatial, np.int64)
    counts = w.counts(x.shape[2:])
    for d, n in enumerate(x.shape[2:]):
        low = w.low[d] if padded else 0
        high = padded[d] if padded else 0
        few(counts[d] * w.kernel[d])
        first = np.arange(counts[d]) * w.strides[d] - w.low[d]
        taps = first[:, None] + np.arange(w.kernel[d]) * w.dilations[d]
        inside = ((taps >= -low) & (taps < n + high)).sum(axis=1)
        shape = [1] * spatial
        shape[d] = counts[d]
        total = total * inside.reshape(shape)
    return known(total.astype(x.dtype))


@operator("AveragePool", since=7)
def average_pool(
    b: Builder,
    x: Tensor,
    *,
    auto_pad: str,
    ceil_mode: int | None,
    count_include_pad: int,
    dilations: list[int] | None,
    kernel_shape: list[int],
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """The mean of each window, of what lies in x or in its padding too"""
    w = pool_windows(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    # padding that only ceil_mode adds never counts
    given = windows_of(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    total = b.fold_windows(x, w, 0, lambda x, total: total + x)
    counts = valid_counts(x, w, list(given.high) if count_include_pad else [])
    if counts.size and (counts.array == counts.array.flat[0]).all():
        counts = known(counts.array.flat[0])
    return b.map(lambda t, n: t / n, total, counts)


@operator("LpPool")
def lp_pool(
    b: Builder,
    x: Tensor,
    *,
    auto_pad: str,
    ceil_mode: int | None = None,
    dilations: list[int] | None = None,
    kernel_shape: list[int],
    p: int,
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """The p-norm of each window"""
    w = pool_windows(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    total = b.fold_windows(x, w, 0, lambda x, total: total + powered(x, p))
    return b.map(lambda t: rooted(t, p), total)


def powered(x: Scalar, p: int) -> Scalar:
    """|x|^p"""
    if p == 1:
        return x.abs()
    return x * x if p == 2 else x.abs().power(x.constant(p))


def rooted(x: Scalar, p: int) -> Scalar:
    """The p-th root of x"""
    if p == 1:
        return x
    return x.sqrt() if p == 2 else x.power(x.constant(1 / p))


@operator("GlobalAveragePool")
def global_average_pool(b: Builder, x: Tensor) -> Tensor:
    """The mean of each image"""
    axes = range(2, x.rank)
    total = b.reduce(x, axes, 0, lambda x, total: total + x, keep=True)
    return b.map(lambda t: t / prod(x.shape[2:]), total)


@operator("GlobalMaxPool")
def global_max_pool(b: Builder, x: Tensor) -> Tensor:
    """The largest element of each image"""
    axes, start = range(2, x.rank), lowest(x.dtype)
    return b.reduce(x, axes, start, lambda x, top: top.maximum(x), keep=True)


@operator("GlobalLpPool", since=2)
def global_lp_pool(b: Builder, x: Tensor, *, p: int) -> Tensor:
    """The p-norm of each image"""
    axes = range(2, x.rank)
    total = b.reduce(x, axes, 0, lambda x, t: t + powered(x, p), keep=True)
    return b.map(lambda t: rooted(t, p), total)
