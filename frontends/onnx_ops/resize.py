"""Resize and Upsample: each element of the result is a weighted sum of a few elements
along one axis, then along the next. Positions and weights are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from brdialect.arrays import Array
from frontends.array_builder import Tensor, dims_map, few, known, position
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import axis_of, expect, integers, numbers, operator
from frontends.scalar import Scalar


@dataclass(frozen=True)
class Axis:
    """How one axis is resized."""

    size: int
    to: int
    scale: float
    low: float = 0
    """The part of the axis that is taken, with tf_crop_and_resize: 0 to 1 is all."""
    high: float = 1


COORDINATES: dict[str, Callable[[Array, Axis], Array]] = {
    "asymmetric": lambda x, a: x / a.scale,
    "half_pixel": lambda x, a: (x + 0.5) / a.scale - 0.5,
    "pytorch_half_pixel": lambda x, a: (
        (x + 0.5) / a.scale - 0.5 if a.to > 1 else np.zeros_like(x)
    ),
    "align_corners": lambda x, a: (
        x * (a.size - 1) / (a.scale * a.size - 1) if a.to > 1 else np.zeros_like(x)
    ),
    "half_pixel_symmetric": lambda x, a: symmetric(x, a),
    "tf_crop_and_resize": lambda x, a: cropped(x, a),
}
"""Where in the source each element of the result lies."""


def symmetric(x: Array, a: Axis) -> Array:
    """half_pixel, moved so that what is cut off is so on both sides alike."""
    wanted = a.scale * a.size
    adjusted = a.to / wanted
    offset = a.size / 2 * (1 - adjusted)
    return offset + (x + 0.5) / a.scale - 0.5


def cropped(x: Array, a: Axis) -> Array:
    """Over a part of the source."""
    span = a.size - 1
    if a.to > 1:
        return a.low * span + x * (a.high - a.low) * span / (a.to - 1)
    return np.full_like(x, 0.5 * (a.low + a.high) * span)


NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
    "simple": np.floor,
}
"""`simple` is for opset 10, which names none: as ONNX Runtime has it, ceil to fewer
elements."""


def triangle(distance: Array) -> Array:
    """The weight of linear interpolation."""
    return np.maximum(1 - np.abs(distance), 0)


def cubic(a: float) -> Callable[[Array], Array]:
    """The weight of cubic interpolation (Keys), with the coefficient a."""

    def weight(distance: Array) -> Array:
        x = np.abs(distance)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x <= 1, near, np.where(x < 2, far, 0))

    return weight


def taps(
    at: Array, reach: int, weight: Callable[[Array], Array], shrink: float, size: int
) -> tuple[Array, Array]:
    """Positions and weights around each place `at`: [to, taps] each. With `shrink`
    below 1 the weights reach further, so that nothing is left out."""
    half = int(np.ceil(reach / shrink))
    first = np.floor(at) - half + 1
    rows = first[:, None] + np.arange(2 * half)
    return rows, weight((at[:, None] - rows) * shrink)


@dataclass(frozen=True)
class Method:
    """How values between elements are found."""

    mode: str
    coordinates: str
    nearest: str
    coefficient: float
    antialias: bool
    exclude_outside: bool

    def rows(self, axis: Axis) -> tuple[Array, Array, Array]:
        """Positions [to, taps], weights [to, taps], and which places lie outside."""
        at = COORDINATES[self.coordinates](np.arange(axis.to, dtype=np.float64), axis)
        beyond = (at < 0) | (at > axis.size - 1)
        if self.mode == "nearest":
            rounded = NEAREST[self.nearest]
            if self.nearest == "simple" and axis.scale < 1:
                rounded = np.ceil
            rows = rounded(at)[:, None]
            return rows.clip(0, axis.size - 1), np.ones_like(rows), beyond
        shrink = min(axis.scale, 1.0) if self.antialias else 1.0
        reach, weight = (
            (1, triangle) if self.mode == "linear" else (2, cubic(self.coefficient))
        )
        rows, weights = taps(at, reach, weight, shrink, axis.size)
        if self.exclude_outside:
            weights = np.where((rows < 0) | (rows >= axis.size), 0, weights)
        if self.exclude_outside or self.antialias:
            weights = weights / weights.sum(axis=1, keepdims=True)
        return rows.clip(0, axis.size - 1), weights, beyond


def resample(b: Builder, x: Tensor, d: int, rows: Array, weights: Array) -> Tensor:
    """Along dimension d, `sum_t weights[i, t] x[rows[i, t]]` for each i."""
    if rows.shape[1] == 1 and (weights == 1).all():
        return b.take(x, d, rows[:, 0].astype(np.int64))
    shape = (*x.shape[:d], rows.shape[0], *x.shape[d + 1 :])
    total: Tensor | None = None
    for t in range(rows.shape[1]):
        if not weights[:, t].any():
            continue
        row = known(rows[:, t].astype(np.int64))
        part = b.gather(
            x,
            shape,
            lambda row: [row if e == d else position(e) for e in range(x.rank)],
            (row, dims_map(x.rank, [d])),
        )
        factor = b.column(known(weights[:, t].astype(x.dtype)), d, x.rank)

        def add(x: Scalar, w: Scalar, *before: Scalar) -> Scalar:
            return before[0] + x * w if before else x * w

        more = [] if total is None else [total]
        total = b.map(add, part, factor, *more)
    return b.filled(0, shape, x.dtype) if total is None else total


@operator("Resize", since=10)
def resize(
    b: Builder,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
    *,
    antialias: int | None = 0,
    axes: list[int] | None = None,
    coordinate_transformation_mode: str | None,
    cubic_coeff_a: float | None = -0.75,
    exclude_outside: int | None = 0,
    extrapolation_value: float | None = 0.0,
    keep_aspect_ratio_policy: str | None = None,
    mode: str,
    nearest_mode: str | None,
    version: int,
) -> Tensor:
    """x with other sizes"""
    if version == 10:  # the region of interest came later
        roi, scales, sizes = None, roi, None
        coordinate_transformation_mode, nearest_mode = "asymmetric", "simple"
    dims = [axis_of(d, x.rank) for d in axes] if axes else [*range(x.rank)]
    shape = [x.shape[d] for d in dims]
    region = region_of(roi, coordinate_transformation_mode, len(dims))
    factors, wanted = targets(
        shape, scales, sizes, keep_aspect_ratio_policy or "stretch"
    )
    method = Method(
        mode,
        coordinate_transformation_mode or "half_pixel",
        nearest_mode or "round_prefer_floor",
        cubic_coeff_a or 0.0,
        bool(antialias),
        bool(exclude_outside),
    )
    expect(
        mode in ("nearest", "linear", "cubic")
        and method.coordinates in COORDINATES
        and method.nearest in NEAREST
        and len(factors) == len(dims),
        f"expected modes of the standard and {len(dims)} scales or sizes, got {mode}, "
        f"{method.coordinates}, {method.nearest} and {factors}",
    )
    for i, d in enumerate(dims):
        low, high = region[i], region[i + len(dims)]
        axis = Axis(shape[i], few(wanted[i]), factors[i], low, high)
        if axis.size == axis.to and factors[i] == 1 and (low, high) == (0, 1):
            continue
        rows, weights, beyond = method.rows(axis)
        x = resample(b, x, d, rows, weights)
        if method.coordinates == "tf_crop_and_resize" and beyond.any():
            outside = b.column(known(beyond), d, x.rank)
            number = extrapolation_value or 0.0
            x = replaced(b, x, outside, number)
    return x


def region_of(roi: Tensor | None, coordinates: str | None, axes: int) -> list[float]:
    """Where on each axis the part that is taken begins, then where each ends."""
    if roi is None or not roi.size or coordinates != "tf_crop_and_resize":
        return [0.0] * axes + [1.0] * axes
    return [float(n) for n in numbers(roi, "roi")]


def replaced(b: Builder, x: Tensor, outside: Tensor, number: float) -> Tensor:
    """x, but a number where it lies outside"""
    return b.map(lambda x, o: o.choose(x.constant(number), x), x, outside)


def targets(
    shape: list[int], scales: Tensor | None, sizes: Tensor | None, policy: str
) -> tuple[list[float], list[int]]:
    """The factor and the new size of each axis."""
    if sizes is None or not sizes.size:
        expect(scales is not None, "expected scales or sizes, got neither")
        assert scales is not None
        factors = [float(f) for f in numbers(scales, "scales")]
        return factors, [int(n * f) for n, f in zip(shape, factors, strict=True)]
    wanted = integers(sizes, "sizes")
    factors = [w / n for w, n in zip(wanted, shape, strict=True)]
    if policy != "stretch":
        factor = (min if policy == "not_larger" else max)(factors)
        factors = [factor] * len(shape)
        wanted = [int(factor * n + 0.5) for n in shape]
    return factors, wanted


@operator("Upsample", since=7)
def upsample(b: Builder, x: Tensor, scales: Tensor, *, mode: str) -> Tensor:
    """x with larger sizes"""
    return resize(
        b,
        x,
        None,
        scales,
        coordinate_transformation_mode="asymmetric",
        mode="linear" if mode == "bilinear" else mode,
        nearest_mode="floor",
        version=11,
    )
