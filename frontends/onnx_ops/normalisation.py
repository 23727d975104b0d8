"""Means, variances and what is made of them; softmax."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from frontends.array_builder import Tensor, known
from frontends.array_sums import Builder, Windows
from frontends.elements import lowest
from frontends.onnx_ops.registry import axes_of, axis_of, expect, operator
from frontends.scalar import Scalar


def mean(b: Builder, x: Tensor, axes: Sequence[int]) -> Tensor:
    """Over some axes, which stay with size 1"""
    count = prod(x.shape[d] for d in axes)
    total = b.reduce(x, axes, 0, lambda x, total: total + x, keep=True)
    return b.map(lambda t: t / count, total)


def variance(b: Builder, x: Tensor, middle: Tensor, axes: Sequence[int]) -> Tensor:
    """The mean of (x - middle)^2"""
    distance = b.map(lambda x, m: (x - m) * (x - m), x, middle)
    return mean(b, distance, axes)


def normalised(
    b: Builder, x: Tensor, axes: Sequence[int], epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(x - mean) / sqrt(variance + epsilon), the mean, 1 / sqrt(variance + epsilon)"""
    middle = mean(b, x, axes)
    scale = b.map(lambda v: 1 / (v + epsilon).sqrt(), variance(b, x, middle, axes))
    return b.map(lambda x, m, s: (x - m) * s, x, middle, scale), middle, scale


def scaled(b: Builder, x: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """x * scale + bias"""
    if bias is None:
        return b.map(lambda x, s: x * s, x, scale)
    return b.map(lambda x, s, bias: x * s + bias, x, scale, bias)


@operator("BatchNormalization", since=7)
def batch_normalization(
    b: Builder,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    middle: Tensor,
    spread: Tensor,
    *,
    epsilon: float,
    momentum: float,
    training_mode: int | None,
    outputs: int,
    version: int,
    spatial: int | None = None,
) -> tuple[Tensor, ...]:
    """(x - mean) / sqrt(variance + epsilon) scale + bias, for each channel of
    [n, c, ..]; when training with the mean and variance of x, and running ones"""
    expect(spatial in (None, 1), "expected statistics for each channel, spatial = 1")
    axes = [0, *range(2, x.rank)]
    more: tuple[Tensor, ...] = ()
    if training_mode:
        now = mean(b, x, axes)
        apart = variance(b, x, now, axes)
        more = tuple(
            b.map(
                lambda old, new: old * momentum + new * (1 - momentum),
                old,
                b.reshape(new, old.shape),
            )
            for old, new in ((middle, now), (spread, apart))
        )
        middle, spread = now, apart
    else:
        expect(
            outputs == 1 or version < 14,
            "expected one result, got more; set training_mode to have them",
        )
    rank = max(x.rank, 2)
    if all(v.known for v in (scale, bias, middle, spread)):
        factor, offset = affine(scale, bias, middle, spread, epsilon)
        rows = [b.column(v, 1, rank) for v in (factor, offset)]
        return (b.map(lambda x, f, o: x * f + o, x, *rows), *more)
    rows = [b.column(v, 1, rank) for v in (middle, scale, bias)]
    root = b.map(lambda v: 1 / (v + epsilon).sqrt(), b.column(spread, 1, rank))
    y = b.map(
        lambda x, m, r, s, c: (x - m) * r * s + c, x, rows[0], root, rows[1], rows[2]
    )
    return (y, *more)


def affine(
    scale: Tensor, bias: Tensor, middle: Tensor, spread: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """The factor and the offset that a batch-norm of known statistics comes to."""
    factor = scale.array / np.sqrt(spread.array.astype(np.float64) + epsilon)
    offset = bias.array - middle.array * factor
    return known(factor, bias.dtype), known(offset, bias.dtype)


@operator("InstanceNormalization", since=6)
def instance_normalization(
    b: Builder, x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float
) -> Tensor:
    """Each image of [n, c, ..] by itself, then scale and bias for each channel"""
    y, _, _ = normalised(b, x, range(2, x.rank), epsilon)
    return scaled(b, y, b.column(scale, 1, x.rank), b.column(bias, 1, x.rank))


@operator("GroupNormalization", since=21)
def group_normalization(
    b: Builder,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    *,
    epsilon: float,
    num_groups: int,
    stash_type: int | None,
) -> Tensor:
    """Each group of channels of [n, g * c, ..] by itself, then scale and bias for each
    channel"""
    n, channels, *sizes = x.shape
    expect(
        num_groups > 0 and channels % num_groups == 0,
        f"expected channels in {num_groups} groups, got {channels}",
    )
    groups = b.reshape(x, (n, num_groups, channels // num_groups, *sizes))
    y, _, _ = normalised(b, groups, range(2, groups.rank), epsilon)
    y = b.reshape(y, x.shape)
    return scaled(b, y, b.column(scale, 1, x.rank), b.column(bias, 1, x.rank))


@operator("LayerNormalization")
def layer_normalization(
    b: Builder,
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int,
    epsilon: float,
    stash_type: int | None,
) -> tuple[Tensor, ...]:
    """The dimensions from `axis` on, then scale and bias; and the statistics"""
    axes = range(axis_of(axis, x.rank), x.rank)
    y, middle, root = normalised(b, x, axes, epsilon)
    return scaled(b, y, scale, bias), middle, root


@operator("RMSNormalization")
def rms_normalization(
    b: Builder,
    x: Tensor,
    scale: Tensor,
    *,
    axis: int,
    epsilon: float,
    stash_type: int | None,
) -> Tensor:
    """x / sqrt(mean x^2 + epsilon) scale, over the dimensions from `axis` on"""
    axes = range(axis_of(axis, x.rank), x.rank)
    count = prod(x.shape[d] for d in axes)
    total = b.reduce(x, axes, 0, lambda x, total: total + x * x, keep=True)
    return b.map(lambda x, t, s: x / (t / count + epsilon).sqrt() * s, x, total, scale)


@operator("MeanVarianceNormalization", since=9)
def mean_variance_normalization(b: Builder, x: Tensor, *, axes: list[int]) -> Tensor:
    """(x - mean) / (standard deviation + 1e-9)"""
    dims = axes_of(axes, x.rank)
    middle = mean(b, x, dims)
    apart = variance(b, x, middle, dims)
    return b.map(lambda x, m, v: (x - m) / (v.sqrt() + 1e-9), x, middle, apart)


@operator("LpNormalization")
def lp_normalization(b: Builder, x: Tensor, *, axis: int, p: int) -> Tensor:
    """x divided by its norm along an axis; 0 where that is 0"""
    from frontends.onnx_ops.pooling import powered, rooted

    along = [axis_of(axis, x.rank)]
    total = b.reduce(x, along, 0, lambda x, t: t + powered(x, p), keep=True)
    return b.map(lambda x, t: (t == 0).choose(x, x / rooted(t, p)), x, total)


@operator("LRN")
def local_response_normalization(
    b: Builder, x: Tensor, *, alpha: float, beta: float, bias: float, size: int
) -> Tensor:
    """x / (bias + alpha / size sum of squares of the channels around)^beta"""
    # channels last: they are what the windows lie over
    order = [0, *range(2, x.rank), 1]
    back = [0, x.rank - 1, *range(1, x.rank - 1)]
    low = (size - 1) // 2
    windows = Windows([size], [1], [1], [low], [size - 1 - low])
    squares = b.fold_windows(
        b.transpose(x, order), windows, 0, lambda x, total: total + x * x
    )
    return b.map(
        lambda x, t: x / (bias + t * (alpha / size)).power(x.constant(beta)),
        x,
        b.transpose(squares, back),
    )


# Softmax


def along_axis(
    b: Builder, x: Tensor, axis: int, version: int
) -> tuple[Tensor, list[int]]:
    """x, and the axes that a softmax runs over: until opset 13 all from `axis` on."""
    axis = axis_of(axis, x.rank) if axis != x.rank else axis
    return x, [axis] if version >= 13 else [*range(axis, x.rank)]


def largest(b: Builder, x: Tensor, axes: Sequence[int]) -> Tensor:
    """Along some axes, which stay with size 1"""
    start = lowest(x.dtype)
    return b.reduce(x, axes, start, lambda x, top: top.maximum(x), keep=True)


def total_exp(x: Scalar, total: Scalar) -> Scalar:
    """The sum of exp(x) so far."""
    return total + x.exp()


@operator("Softmax")
def softmax(b: Builder, x: Tensor, *, axis: int, version: int) -> Tensor:
    """exp(x - max x) / sum exp(x - max x)"""
    x, axes = along_axis(b, x, axis, version)
    power = b.map(lambda x, top: (x - top).exp(), x, largest(b, x, axes))
    total = b.reduce(power, axes, 0, lambda x, total: total + x, keep=True)
    return b.map(lambda p, t: p / t, power, total)


@operator("LogSoftmax")
def log_softmax(b: Builder, x: Tensor, *, axis: int, version: int) -> Tensor:
    """x - max x - log sum exp(x - max x)"""
    x, axes = along_axis(b, x, axis, version)
    lowered = b.map(lambda x, top: x - top, x, largest(b, x, axes))
    total = b.reduce(lowered, axes, 0, total_exp, keep=True)
    return b.map(lambda x, t: x - t.log(), lowered, total)


@operator("Hardmax")
def hardmax(b: Builder, x: Tensor, *, axis: int, version: int) -> Tensor:
    """1 where the largest element stands first, else 0"""
    from frontends.array_builder import identity, position
    from frontends.onnx_ops.reduction import INT64, arg_max
    from frontends.tensor_builder import broadcast_map

    shape = x.shape
    if version < 13:
        axis = axis_of(axis, x.rank)
        x = b.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
        axis = 1
    axis = axis_of(axis, x.rank)
    place = arg_max(b, x, axis=axis, keepdims=1, select_last_index=0)

    def body(at: Scalar) -> Scalar:
        return (at == position(axis).cast(INT64)).cast(x.dtype)

    maps = [broadcast_map(place.shape, x.shape), identity(x.rank)]
    return b.reshape(b.generic(body, x.shape, maps, place), shape)
