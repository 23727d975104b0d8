"""Integers of few bits that stand for numbers: (q - zero point) * scale."""

from __future__ import annotations

import numpy as np
from xdsl.dialects import math

from frontends.array_builder import Tensor
from frontends.array_sums import Builder
from frontends.elements import highest, lowest
from frontends.onnx_ops.convolution import conv_integer
from frontends.onnx_ops.product import matmul_integer
from frontends.onnx_ops.registry import axis_of, operator
from frontends.scalar import Scalar

F32 = np.dtype(np.float32)
INT32 = np.dtype(np.int32)
UINT8 = np.dtype(np.uint8)


def rounded(x: Scalar, zero: Scalar | float, to: np.dtype) -> Scalar:
    """The nearest integer plus the zero point, cut to what the type holds"""
    low, high = lowest(to), highest(to)
    zero = zero.cast(F32) if isinstance(zero, Scalar) else zero
    # cut first: what is beyond all integers has no integer
    return (x.of(math.RoundEvenOp) + zero).at_least(low).at_most(high).cast(to)


def spread(
    b: Builder, x: Tensor, by: Tensor | None, axis: int, block: int | None
) -> Tensor | None:
    """A scale or zero point so that it broadcasts against x: one number, one for each
    row along the axis, or one for each block of rows."""
    if by is None or by.size == 1:
        return by and b.reshape(by, ())
    if not block:
        return b.column(by, axis_of(axis, x.rank), x.rank) if by.rank == 1 else by
    axis = axis_of(axis, x.rank)
    rows = np.arange(x.shape[axis]) // block
    return b.take(by, axis, rows)


@operator("QuantizeLinear")
def quantize_linear(
    b: Builder,
    x: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor | None = None,
    *,
    axis: int | None = 1,
    block_size: int | None = 0,
    output_dtype: int | None = 0,
    precision: int | None = 0,
    saturate: int | None = 1,
) -> Tensor:
    """round(x / scale) + zero point"""
    to = y_zero_point.dtype if y_zero_point is not None else output_type(output_dtype)
    axis = 1 if axis is None else axis
    scale = spread(b, x, y_scale, axis, block_size)
    zero = spread(b, x, y_zero_point, axis, block_size)
    assert scale is not None
    x = b.cast(x, F32) if x.dtype.kind in "iu" else x
    if zero is None:
        return b.map(lambda x, s: rounded(x / s, 0, to), x, scale)
    return b.map(lambda x, s, z: rounded(x / s, z, to), x, scale, zero)


def output_type(output_dtype: np.dtype | int | None) -> np.dtype:
    """The type that a node names, else uint8"""
    return output_dtype if isinstance(output_dtype, np.dtype) else UINT8


@operator("DequantizeLinear")
def dequantize_linear(
    b: Builder,
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor | None = None,
    *,
    axis: int | None = 1,
    block_size: int | None = 0,
    output_dtype: np.dtype | None = None,
) -> Tensor:
    """(x - zero point) * scale"""
    axis = 1 if axis is None else axis
    scale = spread(b, x, x_scale, axis, block_size)
    zero = spread(b, x, x_zero_point, axis, block_size)
    assert scale is not None
    to = scale.dtype
    if zero is None:
        return b.map(lambda x, s: x.cast(to) * s, x, scale)
    return b.map(
        lambda x, s, z: (x.cast(INT32) - z.cast(INT32)).cast(to) * s, x, scale, zero
    )


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(b: Builder, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x as uint8 over the range of x, which includes 0; the scale and the zero point"""
    axes = range(x.rank)
    low = b.reduce(x, axes, 0, lambda x, t: t.minimum(x))
    high = b.reduce(x, axes, 0, lambda x, t: t.maximum(x))
    scale = b.map(lambda low, high: (high - low) / 255, low, high)
    zero = b.map(lambda low, s: rounded(-low / s, 0, UINT8), low, scale)
    y = b.map(lambda x, s, z: rounded(x / s, z, UINT8), x, scale, zero)
    return y, scale, zero


def requantised(
    b: Builder,
    total: Tensor,
    scales: tuple[Tensor, Tensor, Tensor],
    zero: Tensor,
    column: int,
) -> Tensor:
    """A sum of products in the scale of the result; where each channel has a scale,
    channels are dimension `column`"""
    x_scale, w_scale, y_scale = (
        b.cast(b.column(s, column, total.rank) if s.rank < 2 else s, F32)
        for s in scales
    )
    return b.map(
        lambda t, x, w, y, z: rounded(t.cast(F32) * (x * w / y), z, zero.dtype),
        total,
        x_scale,
        w_scale,
        y_scale,
        b.column(zero, column, total.rank),
    )


@operator("QLinearMatMul")
def qlinear_matmul(
    b: Builder,
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
) -> Tensor:
    """The product of the numbers that x and w stand for, quantised anew"""
    total = matmul_integer(b, x, w, x_zero, w_zero)
    return requantised(b, total, (x_scale, w_scale, y_scale), y_zero, total.rank - 1)


@operator("QLinearConv")
def qlinear_conv(
    b: Builder,
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str,
    dilations: list[int] | None,
    group: int,
    kernel_shape: list[int] | None,
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """The convolution of the numbers that x and w stand for, quantised anew; the bias
    has the scale of the products"""
    total = conv_integer(
        b,
        x,
        w,
        x_zero,
        w_zero,
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        kernel_shape=kernel_shape,
        pads=pads,
        strides=strides,
    )
    if bias is not None:
        total = b.map(lambda t, c: t + c, total, b.column(bias, 1, total.rank))
    return requantised(b, total, (x_scale, w_scale, y_scale), y_zero, 1)
