"""Layers of the builder compute what numpy computes, and print in exporters' form."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import SSAValue

from brdialect.errors import BrError
from brdialect.reference import run
from brdialect.source import parse_module
from frontends.linalg_builder import Builder, shape_of

Array = NDArray[Any]
FEW = st.integers(1, 3)


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def build(
    make: Callable[..., SSAValue], inputs: Sequence[Array]
) -> tuple[ModuleOp, Array]:
    """The module of `make(builder, *arguments)` and its result on the inputs."""
    b = Builder("main", [(x.shape, f32) for x in inputs])
    module = b.finish(make(b, *b.args))
    (result,) = run(module, "main", inputs)
    return module, result


def close(got: Array, want: Array) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def convolve(x: Array, w: Array, stride: int, dilation: int) -> Array:
    """[n, c, h, w], [f, c, r, s] -> [n, f, h', w'] by sliding windows."""
    r, s = ((n - 1) * dilation + 1 for n in w.shape[2:])
    windows = sliding_window_view(x.astype(np.float64), (r, s), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]
    return np.einsum("nchwrs,fcrs->nfhw", windows, w)


@given(FEW, FEW, FEW, st.integers(0, 2), FEW, st.booleans())
def test_conv2d(
    groups: int, stride: int, dilation: int, padding: int, f: int, bias: bool
):
    x, w = numbers(2, 2 * groups, 7, 8), numbers(f * groups, 2, 3, 3, seed=1)
    start = numbers(f * groups, seed=2)

    def make(b: Builder, x: SSAValue, w: SSAValue, start: SSAValue) -> SSAValue:
        return b.conv2d(
            x,
            w,
            bias=start if bias else None,
            stride=(stride, stride),
            dilation=(dilation, dilation),
            padding=(padding, padding),
            groups=groups,
        )

    _, got = build(make, (x, w, start))
    padded = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    parts = zip(np.split(padded, groups, 1), np.split(w, groups, 0), strict=True)
    want = np.concatenate([convolve(a, b, stride, dilation) for a, b in parts], 1)
    close(got, want + bias * start[:, None, None])


def test_conv2d_forms():
    """Which named operation stands for which convolution."""
    x, w = numbers(1, 4, 6, 6), numbers(4, 1, 3, 3)
    module, got = build(lambda b, x, w: b.conv2d(x, w, groups=4), (x, w))
    assert "linalg.depthwise_conv_2d_nchw_chw" in str(module)
    parts = [convolve(x[:, i : i + 1], w[i : i + 1], 1, 1) for i in range(4)]
    close(got, np.concatenate(parts, axis=1))
    module, _ = build(
        lambda b, x, w: b.conv2d(x, w, groups=2), (x, numbers(4, 2, 3, 3))
    )
    assert "linalg.conv_2d_ngchw_gfchw" in str(module)


@pytest.mark.parametrize("layout", ["nhwc_hwcf", "nhwc_fhwc"])
def test_conv2d_channels_last(layout: Any):
    x, w = numbers(2, 3, 7, 7), numbers(4, 3, 3, 3, seed=1)
    order = (2, 3, 1, 0) if layout == "nhwc_hwcf" else (0, 2, 3, 1)

    def make(b: Builder, x: SSAValue, w: SSAValue) -> SSAValue:
        return b.conv2d(x, w, padding=(1, 1), stride=(2, 2), layout=layout)

    _, got = build(make, (x.transpose(0, 2, 3, 1), w.transpose(order)))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    close(got.transpose(0, 3, 1, 2), convolve(padded, w, 2, 1))


@pytest.mark.parametrize("transposed", [False, True])
def test_matrix_products(transposed: bool):
    x, w = numbers(2, 3, 5), numbers(2, 5, 7, seed=1)

    def one(b: Builder, x: SSAValue, w: SSAValue) -> SSAValue:
        return b.matmul(x, w, transpose_b=transposed)

    def many(b: Builder, x: SSAValue, w: SSAValue) -> SSAValue:
        return b.batch_matmul(x, w, transpose_b=transposed)

    want = x.astype(np.float64) @ w
    w = np.ascontiguousarray(w.swapaxes(1, 2)) if transposed else w
    close(build(one, (x[0], w[0]))[1], want[0])
    close(build(many, (x, w))[1], want)


def test_pooling():
    x = numbers(1, 2, 6, 7)

    def largest(b: Builder, x: SSAValue) -> SSAValue:
        return b.max_pool(x, (3, 3), stride=(2, 2), padding=(1, 1))

    infinite = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    windows = sliding_window_view(infinite, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    close(build(largest, (x,))[1], windows.max(axis=(4, 5)))
    mean = build(lambda b, x: b.avg_pool(x, (2, 3)), (x,))[1]
    windows = sliding_window_view(x, (2, 3), axis=(2, 3))[:, :, ::2, ::3]
    close(mean, windows.mean(axis=(4, 5), dtype=np.float64))


UNARY: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
}


@pytest.mark.parametrize("name", UNARY)
def test_element_by_element(name: str):
    x = numbers(3, 5)
    _, got = build(lambda b, x: getattr(b, name)(x), (x,))
    close(got, UNARY[name](x.astype(np.float64)))


def test_gelu():
    _, got = build(lambda b, x: b.gelu(x), (np.array([0, 1, -1], np.float32),))
    close(got, np.array([0, 0.8413447, -0.1586553]))


def test_broadcasting_and_bias():
    x, y, bias = numbers(2, 3, 4), numbers(3, 1), numbers(3)

    def make(b: Builder, x: SSAValue, y: SSAValue, bias: SSAValue) -> SSAValue:
        return b.bias(b.div(b.mul(b.sub(b.add(x, y), y), y), y), bias, axis=1)

    close(build(make, (x, y, bias))[1], x + bias[:, None])


@pytest.mark.parametrize(
    ("old", "new", "op"),
    [
        ((2, 3, 4), (6, 4), "collapse"),
        ((6, 4), (2, 3, 2, 2), "expand"),
        ((2, 3, 1, 1), (2, -1), "collapse"),
        ((4, 6), (3, 8), "collapse"),
        ((5,), (1, 5, 1), "expand"),
    ],
)
def test_reshape(old: tuple[int, ...], new: tuple[int, ...], op: str):
    x = numbers(*old)
    module, got = build(lambda b, x: b.reshape(x, new), (x,))
    np.testing.assert_array_equal(got, x.reshape(new))
    assert f"tensor.{op}_shape" in str(module)


def test_a_module_reads_back():
    """What is built prints as text that parses and means the same."""
    x, w, v = numbers(1, 3, 8, 8), numbers(4, 3, 3, 3, seed=1), numbers(64, 5, seed=2)

    def make(b: Builder, x: SSAValue, w: SSAValue, v: SSAValue) -> SSAValue:
        y = b.max_pool(b.relu(b.conv2d(x, w, padding=(1, 1))), (2, 2))
        return b.softmax(b.matmul(b.reshape(y, (1, 64)), v))

    module, want = build(make, (x, w, v))
    (got,) = run(parse_module(str(module)), "main", [x, w, v])
    np.testing.assert_array_equal(got, want)


def test_shapes_that_do_not_fit_are_named():
    b = Builder("main", [((2, 3), f32), ((4, 5), f32), ((1, 3, 4, 4), f32)])
    x, y, image = b.args
    assert shape_of(b.transpose(x, (1, 0))) == (3, 2)
    with pytest.raises(BrError, match=r"\[m, k\] and \[k, n\], got tensor<2x3xf32>"):
        b.matmul(x, y)
    with pytest.raises(BrError, match=r"shapes that broadcast, got \[2, 3\]"):
        b.add(x, y)
    with pytest.raises(BrError, match=r"a shape like \[2, 3\]'s, got \[4, 2\]"):
        b.reshape(x, (4, 2))
    with pytest.raises(BrError, match="expected a window that fits, got 5"):
        b.max_pool(image, (5, 5))


def test_a_literal():
    def make(b: Builder, x: SSAValue) -> SSAValue:
        return b.add(x, b.weights([1.0, 2.0, 3.0, 4.0], (2, 2)))

    x = numbers(2, 2)
    close(build(make, (x,))[1], x + np.array([[1, 2], [3, 4]]))
