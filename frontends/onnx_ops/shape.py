"""Operators that arrange elements anew, or tell of shapes."""

from __future__ import annotations

from math import prod

import numpy as np

from frontends.array_builder import Tensor, dims_map, few, known, position
from frontends.array_builder import identity as identity_map
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import (
    LARGEST,
    axes_of,
    axis_of,
    expect,
    integers,
    numbers,
    operator,
)
from frontends.scalar import Scalar
from frontends.tensor_builder import broadcast_shape


def sizes_of(x: Tensor, what: str) -> list[int]:
    """The shape that a known tensor says."""
    sizes = integers(x, what)
    expect(
        all(n >= 0 for n in sizes) and prod(sizes) <= LARGEST,
        f"expected '{what}' of at least 0 and of at most {LARGEST} elements in all, "
        f"got {sizes}",
    )
    return sizes


@operator("Identity", moves=True)
def identity(b: Builder, x: Tensor) -> Tensor:
    """x"""
    return x


@operator("Shape", moves=True)
def shape(b: Builder, x: Tensor, *, start: int, end: int | None) -> Tensor:
    """The sizes from `start` to `end`"""
    return known(x.shape[start or 0 : end], np.dtype(np.int64))


@operator("Size", moves=True)
def size(b: Builder, x: Tensor) -> Tensor:
    """How many elements there are"""
    return known(x.size, np.dtype(np.int64))


@operator("Reshape", since=5, moves=True)
def reshape(b: Builder, x: Tensor, shape: Tensor, *, allowzero: int | None) -> Tensor:
    """The same elements; -1 is what is left, 0 the size of x there"""
    sizes = integers(shape, "shape")
    if not allowzero:
        expect(
            all(n != 0 or d < x.rank for d, n in enumerate(sizes)),
            f"expected a size that x has for each 0 in {sizes}, got {x}",
        )
        sizes = [x.shape[d] if n == 0 else n for d, n in enumerate(sizes)]
    expect(
        sizes.count(-1) <= 1 and min(sizes, default=0) >= -1,
        f"expected sizes of at least 0 and at most one -1, got {sizes}",
    )
    return b.reshape(x, tuple(sizes))


@operator("Flatten", moves=True)
def flatten(b: Builder, x: Tensor, *, axis: int) -> Tensor:
    """[.., axis.., ..] -> [product before the axis, product from it on]"""
    axis = axis if axis == x.rank else axis_of(axis, x.rank)
    return b.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


@operator("Squeeze", moves=True)
def squeeze(b: Builder, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Without dimensions of size 1: all of them, or those named"""
    if axes is None:
        dims = [d for d, n in enumerate(x.shape) if n == 1]
    else:
        dims = axes_of(integers(axes, "axes"), x.rank)
    expect(
        all(x.shape[d] == 1 for d in dims),
        f"expected axes of size 1, got axes {dims} of {x}",
    )
    return b.without(x, dims)


@operator("Unsqueeze", moves=True)
def unsqueeze(b: Builder, x: Tensor, axes: Tensor) -> Tensor:
    """With new dimensions of size 1, which then have the numbers `axes`"""
    wanted = integers(axes, "axes")
    rank = x.rank + len(wanted)
    dims, sizes = axes_of(wanted, rank), iter(x.shape)
    return b.reshape(x, tuple(1 if d in dims else next(sizes) for d in range(rank)))


@operator("Transpose", moves=True)
def transpose(b: Builder, x: Tensor, *, perm: list[int] | None) -> Tensor:
    """Dimension i of the result is dimension perm[i] of x"""
    order = perm if perm is not None else [*reversed(range(x.rank))]
    expect(
        sorted(order) == [*range(x.rank)],
        f"expected a permutation of {x.rank} dimensions, got {order}",
    )
    return b.transpose(x, order)


@operator("Expand", since=8, moves=True)
def expand(b: Builder, x: Tensor, shape: Tensor) -> Tensor:
    """x broadcast against a shape"""
    return b.expand(x, broadcast_shape([x.shape, sizes_of(shape, "shape")]))


@operator("Tile", since=6, moves=True)
def tile(b: Builder, x: Tensor, repeats: Tensor) -> Tensor:
    """x again and again, repeats[d] times along dimension d"""
    times = sizes_of(repeats, "repeats")
    expect(len(times) == x.rank, f"expected {x.rank} repeats, got {len(times)}")
    return b.tile(x, times)


@operator("Concat", since=4, moves=True)
def concat(b: Builder, *xs: Tensor, axis: int) -> Tensor:
    """All of them behind each other"""
    return b.concat(xs, axis_of(axis, xs[0].rank))


@operator("Split", moves=True)
def split(
    b: Builder,
    x: Tensor,
    split: Tensor | None = None,
    *,
    axis: int,
    num_outputs: int | None,
    outputs: int,
) -> tuple[Tensor, ...]:
    """Parts of x along one axis: of the sizes `split`, or of one size"""
    axis = axis_of(axis, x.rank)
    total = x.shape[axis]
    if split is None:
        count = num_outputs or outputs
        size = -(-total // count)
        # the last ones may be smaller, or empty
        sizes = [max(0, min(size, total - i * size)) for i in range(count)]
    else:
        sizes = integers(split, "split")
    expect(
        sum(sizes) == total and min(sizes, default=0) >= 0 and len(sizes) >= outputs,
        f"expected {outputs} parts of {total} in all, got {sizes}",
    )
    starts = np.cumsum([0, *sizes]).tolist()
    return tuple(
        b.part(x, axis, start, size) for start, size in zip(starts, sizes, strict=False)
    )


@operator("Slice", moves=True)
def slice_(
    b: Builder,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """x[starts:ends:steps] along the axes"""
    begin, end = integers(starts, "starts"), integers(ends, "ends")
    step = integers(steps, "steps") if steps is not None else [1] * len(begin)
    dims = integers(axes, "axes") if axes is not None else [*range(len(begin))]
    expect(
        len(begin) == len(end) == len(step) == len(dims) and 0 not in step,
        f"expected as many starts, ends, axes and steps, none of them 0, got {begin}, "
        f"{end}, {dims} and {step}",
    )
    axes_of(dims, x.rank)
    first, sizes, strides = [0] * x.rank, [*x.shape], [1] * x.rank
    for d, start, stop, stride in zip(dims, begin, end, step, strict=True):
        span = span_of(x.shape[d], start, stop, stride)
        first[d], sizes[d], strides[d] = span.start, len(span), stride
    return b.slice(x, first, sizes, strides)


def span_of(size: int, start: int, stop: int, step: int) -> range:
    """What a slice reads of `size` elements: Python's, but one that walks back begins
    at 0 where Python's would begin before it."""
    if step < 0 and start < -size:
        start = 0
    return range(size)[start:stop:step]


@operator("Pad", since=2, moves=True)
def pad(
    b: Builder,
    x: Tensor,
    pads: Tensor,
    value: Tensor | None = None,
    axes: Tensor | None = None,
    *,
    mode: str,
) -> Tensor:
    """x with a border: of one value, or of its own elements"""
    amounts = integers(pads, "pads")
    dims = axes_of_pad(axes, x.rank)
    expect(
        len(amounts) == 2 * len(dims),
        f"expected {2 * len(dims)} pads, got {len(amounts)}",
    )
    low, high = [0] * x.rank, [0] * x.rank
    for i, d in enumerate(dims):
        low[d], high[d] = amounts[i], amounts[i + len(dims)]
    if mode == "constant":
        number = 0 if value is None else numbers(value, "constant_value").item()
        return b.pad(x, low, high, number)
    expect(
        mode in ("edge", "reflect", "wrap"),
        f"expected a mode out of constant, edge, reflect and wrap, got '{mode}'",
    )
    for d in range(x.rank):
        if low[d] or high[d]:
            few(low[d] + x.shape[d] + high[d])
            rows = np.arange(-low[d], x.shape[d] + high[d])
            x = b.take(x, d, bordered(rows, x.shape[d], mode))
    return x


def axes_of_pad(axes: Tensor | None, rank: int) -> list[int]:
    """The axes in the order in which they are given."""
    if axes is None:
        return [*range(rank)]
    wanted = integers(axes, "axes")
    axes_of(wanted, rank)
    return [axis_of(d, rank) for d in wanted]


def bordered(rows: np.ndarray, size: int, mode: str) -> np.ndarray:
    """Which of `size` rows stands at each place, of which some lie outside."""
    expect(size > 0, "expected an axis that has elements, got none to repeat")
    if mode == "edge" or size == 1:
        return rows.clip(0, size - 1)
    if mode == "wrap":
        return rows % size
    period = 2 * size - 2
    rows = np.abs(rows) % period
    return np.where(rows < size, rows, period - rows)


@operator("DepthToSpace", moves=True)
def depth_to_space(
    b: Builder, x: Tensor, *, blocksize: int, mode: str | None
) -> Tensor:
    """[n, c * s * s, h, w] -> [n, c, h * s, w * s]; s before c, but in the mode CRD"""
    n, channels, h, w = x.shape
    c, s = channels // blocksize**2, blocksize
    if mode == "CRD":
        x = b.transpose(b.reshape(x, (n, c, s, s, h, w)), (0, 1, 4, 2, 5, 3))
    else:
        x = b.transpose(b.reshape(x, (n, s, s, c, h, w)), (0, 3, 4, 1, 5, 2))
    return b.reshape(x, (n, c, h * s, w * s))


@operator("SpaceToDepth", moves=True)
def space_to_depth(
    b: Builder, x: Tensor, *, blocksize: int, mode: str | None = None
) -> Tensor:
    """[n, c, h * s, w * s] -> [n, s * s * c, h, w]; c before s with the mode CRD"""
    n, c, h, w = x.shape
    s = blocksize
    x = b.reshape(x, (n, c, h // s, s, w // s, s))
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    return b.reshape(b.transpose(x, order), (n, c * s * s, h // s, w // s))


@operator("Cast", "CastLike", moves=True)
def cast(
    b: Builder,
    x: Tensor,
    like: Tensor | None = None,
    *,
    to: np.dtype | None,
    saturate: int | None,
    round_mode: str | None = None,
) -> Tensor:
    """The same numbers in another type"""
    dtype = like.dtype if like is not None else to
    assert dtype is not None
    return b.cast(x, dtype)


@operator("BitCast", moves=True)
def bit_cast(b: Builder, x: Tensor, *, to: np.dtype) -> Tensor:
    """The same bits as a type of as many"""
    expect(
        x.dtype.itemsize == to.itemsize and np.dtype(np.bool_) != to,
        f"expected types of as many bits, got {x.dtype} and {to}",
    )
    return b.map(lambda x: x.bits(to), x)


@operator("ConstantOfShape", moves=True)
def constant_of_shape(b: Builder, shape: Tensor, *, value: np.ndarray | None) -> Tensor:
    """One value throughout"""
    model = np.zeros((), np.float32) if value is None else value.reshape(())
    return b.filled(model.item(), tuple(sizes_of(shape, "input")), model.dtype)


@operator("Constant", moves=True)
def constant(
    b: Builder,
    *,
    value: np.ndarray | None,
    value_float: float | None,
    value_floats: list[float] | None,
    value_int: int | None,
    value_ints: list[int] | None,
) -> Tensor:
    """The value that the node carries"""
    floats = value_float if value_float is not None else value_floats
    ints = value_int if value_int is not None else value_ints
    if value is not None:
        return known(value)
    if floats is not None:
        return known(floats, np.dtype(np.float32))
    expect(ints is not None, "expected a value of numbers, got none or another kind")
    return known(ints, np.dtype(np.int64))


@operator("Dropout", since=7)
def dropout(
    b: Builder,
    x: Tensor,
    ratio: Tensor | None = None,
    training_mode: Tensor | None = None,
    *,
    seed: int | None,
    version: int,
) -> tuple[Tensor, Tensor]:
    """x, and which elements are kept: all of them; in training, those that the
    generator of the standard's own evaluator keeps, the same ones in each call"""
    training = training_mode is not None and bool(numbers(training_mode, "mode").item())
    chance = 0.5 if ratio is None or not training else numbers(ratio, "ratio").item()
    if not training or chance == 0:
        kept = np.dtype(np.bool_) if version >= 10 else x.dtype
        return x, b.filled(1, x.shape, kept)
    expect(
        seed is not None and 0 < chance < 1,
        "expected inference, or training with a seed and a ratio from 0 to below 1, "
        f"got training with seed {seed} and ratio {chance}",
    )
    kept = known(np.random.RandomState(seed).uniform(size=x.shape) >= chance)
    scale = known(kept.array / (1 - chance), x.dtype)
    return b.map(lambda x, s: x * s, x, scale), kept


@operator("EyeLike", moves=True)
def eye_like(b: Builder, x: Tensor, *, dtype: np.dtype | None, k: int) -> Tensor:
    """1 on a diagonal, else 0"""
    to = dtype if dtype is not None else x.dtype

    def body(_: Scalar) -> Scalar:
        return (position(1) == position(0) + k).cast(to)

    return b.generic(body, x.shape, [identity_map(2), identity_map(2)], x)


@operator("ReverseSequence", moves=True)
def reverse_sequence(
    b: Builder, x: Tensor, sequence_lens: Tensor, *, batch_axis: int, time_axis: int
) -> Tensor:
    """The first sequence_lens[i] steps of sequence i backwards"""

    def where(length: Scalar) -> list[Scalar]:
        step, n = position(time_axis), length.index()
        turned = (step < n).choose(n - 1 - step, step)
        return [turned if d == time_axis else position(d) for d in range(x.rank)]

    row = (sequence_lens, dims_map(x.rank, [batch_axis]))
    return b.gather(x, x.shape, where, row)


@operator("Trilu", moves=True)
def trilu(b: Builder, x: Tensor, k: Tensor | None = None, *, upper: int) -> Tensor:
    """What lies above (else below) the k-th diagonal; 0 elsewhere"""
    shift = 0 if k is None else numbers(k, "k").item()

    def body(x: Scalar) -> Scalar:
        row, column = position(rank - 2) + shift, position(rank - 1)
        keep = column >= row if upper else column <= row
        return keep.choose(x, 0)

    rank = x.rank
    return b.generic(body, x.shape, [identity_map(rank), identity_map(rank)], x)
