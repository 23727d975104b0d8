"""Gradients of convolutions of any stride, dilation, padding and grouping."""

from __future__ import annotations

import numpy as np
from gradients import check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import f64

from frontends.linalg_builder import Builder

FEW = st.integers(1, 3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 2),
    st.integers(5, 9),
    st.integers(5, 9),
    *[FEW] * 9,
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_convolution(
    images: int,
    height: int,
    width: int,
    groups: int,
    inputs: int,
    outputs: int,
    r: int,
    s: int,
    stride_h: int,
    stride_w: int,
    dilation_h: int,
    dilation_w: int,
    pad_h: int,
    pad_w: int,
):
    """Along random directions, against central differences in float64."""
    height += (r - 1) * dilation_h
    width += (s - 1) * dilation_w
    x = (images, groups * inputs, height, width)
    w = (groups * outputs, inputs, r, s)
    b = Builder("main", [(x, f64), (w, f64)])
    y = b.conv2d(
        *b.args,
        stride=(stride_h, stride_w),
        padding=(pad_h, pad_w),
        dilation=(dilation_h, dilation_w),
        groups=groups,
    )
    random = np.random.default_rng(0)
    check(b.finish(y), [random.standard_normal(shape) for shape in (x, w)])
