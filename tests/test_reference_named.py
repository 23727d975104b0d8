"""Named linalg operations mean what plain loops over their indices compute."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import SIZES, Array, loops, map_of, numbers, tensor_type

from brdialect.reference import contractions, run
from brdialect.source import parse_module

FEW = st.integers(1, 3)


def named(
    op: str, inputs: Sequence[Array], output: Array, attributes: str = ""
) -> Array:
    """The result of one named linalg operation."""
    types = [tensor_type(x) for x in (*inputs, output)]
    names = [f"%x{i}" for i in range(len(types))]
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
    module = parse_module(f"""
      func.func @main({arguments}) -> {types[-1]} {{
        %y = linalg.{op} {attributes}
          ins({", ".join(names[:-1])} : {", ".join(types[:-1])})
          outs({names[-1]} : {types[-1]}) -> {types[-1]}
        func.return %y : {types[-1]}
      }}""")
    (result,) = run(module, "main", [*inputs, output])
    return result


def factors(stride: tuple[int, int], dilation: tuple[int, int]) -> str:

    stated = (("strides", stride), ("dilations", dilation))
    words = (f"{name} = dense<{list(v)}> : vector<2xi64>" for name, v in stated)
    return f"{{{', '.join(words)}}}"


@given(SIZES, SIZES, SIZES)
def test_matmul(m: int, n: int, k: int):
    a, b, c = numbers(m, k), numbers(k, n, seed=1), numbers(m, n, seed=2)
    maps = [
        map_of("(m, n, k) -> (m, k)"),
        map_of("(m, n, k) -> (k, n)"),
        map_of("(m, n, k) -> (m, n)"),
    ]
    want = loops(maps, (m, n, k), lambda a, b, c: c + a * b, (a, b), c)
    np.testing.assert_allclose(named("matmul", (a, b), c), want, rtol=1e-9, atol=1e-12)


@settings(max_examples=25)
@given(FEW, FEW, FEW, st.tuples(FEW, FEW), st.tuples(FEW, FEW))
def test_convolution(
    c: int, f: int, w: int, stride: tuple[int, int], dilation: tuple[int, int]
):
    r, s, out_h = 2, 3, 4
    height = (out_h - 1) * stride[0] + (r - 1) * dilation[0] + 1
    width = (w - 1) * stride[1] + (s - 1) * dilation[1] + 1
    x, weight = numbers(2, c, height, width), numbers(f, c, r, s, seed=1)
    out = numbers(2, f, out_h, w, seed=2)
    rows = f"h * {stride[0]} + r * {dilation[0]}"
    columns = f"w * {stride[1]} + s * {dilation[1]}"
    maps = [
        map_of(f"(n, f, h, w, c, r, s) -> (n, c, {rows}, {columns})"),
        map_of("(n, f, h, w, c, r, s) -> (f, c, r, s)"),
        map_of("(n, f, h, w, c, r, s) -> (n, f, h, w)"),
    ]
    extents = (2, f, out_h, w, c, r, s)
    want = loops(maps, extents, lambda a, b, o: o + a * b, (x, weight), out)
    got = named("conv_2d_nchw_fchw", (x, weight), out, factors(stride, dilation))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_a_convolution_in_steps_is_the_same(monkeypatch: pytest.MonkeyPatch):
    """A large window's copy is avoided; a limit of one element takes that way."""
    x, weight, out = (
        numbers(1, 3, 9, 9),
        numbers(4, 3, 3, 3, seed=1),
        numbers(1, 4, 7, 7),
    )
    attributes = factors((1, 1), (1, 1))
    want = named("conv_2d_nchw_fchw", (x, weight), out, attributes)
    monkeypatch.setattr(contractions, "WINDOW_COPY_LIMIT", 1)
    got = named("conv_2d_nchw_fchw", (x, weight), out, attributes)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("kind", "fold"), [("max", max), ("sum", lambda a, b: a + b)])
def test_pooling_starts_from_its_output(kind: str, fold: Callable[..., float]):
    x, window, out = numbers(2, 3, 7, 8), numbers(2, 3), numbers(2, 3, 3, 3, seed=2)
    out[0, 0, 0, 0] = 5.0  # larger than anything in the window
    maps = [
        map_of("(n, c, h, w, r, s) -> (n, c, h * 2 + r * 2, w * 2 + s)"),
        map_of("(n, c, h, w, r, s) -> (n, c, h, w)"),
    ]
    want = loops(maps, (2, 3, 3, 3, 2, 3), fold, (x,), out)
    got = named(f"pooling_nchw_{kind}", (x, window), out, factors((2, 2), (2, 1)))
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_grouped_and_depthwise_convolutions():
    x, w = numbers(1, 2, 3, 6, 6), numbers(2, 4, 3, 3, 3, seed=1)
    out = np.zeros((1, 2, 4, 4, 4), np.float32)
    got = named("conv_2d_ngchw_gfchw", (x, w), out, factors((1, 1), (1, 1)))
    for g in range(2):
        one = named(
            "conv_2d_nchw_fchw", (x[:, g], w[g]), out[:, g], factors((1, 1), (1, 1))
        )
        np.testing.assert_allclose(got[:, g], one, rtol=1e-9, atol=1e-12)
    x, w, out = (
        numbers(1, 3, 6, 6),
        numbers(3, 3, 3),
        np.zeros((1, 3, 2, 2), np.float32),
    )
    got = named("depthwise_conv_2d_nchw_chw", (x, w), out, factors((2, 2), (1, 1)))
    want = [
        [[(x[0, c, i : i + 3, j : j + 3] * w[c]).sum() for j in (0, 2)] for i in (0, 2)]
        for c in range(3)
    ]
    np.testing.assert_allclose(got[0], want, rtol=1e-5)


def test_softmax_transpose_broadcast_reduce_map():
    module = parse_module("""
      func.func @main(%x: tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<5x2x3xf32>,
                                               tensor<3xf32>) {
        %e = tensor.empty() : tensor<3x5xf32>
        %s = linalg.softmax dimension(1) ins(%x : tensor<3x5xf32>)
          outs(%e : tensor<3x5xf32>) -> tensor<3x5xf32>
        %f = tensor.empty() : tensor<5x3xf32>
        %t = linalg.transpose ins(%x : tensor<3x5xf32>) outs(%f : tensor<5x3xf32>)
          permutation = [1, 0]
        %g = tensor.empty() : tensor<5x2x3xf32>
        %b = linalg.broadcast ins(%t : tensor<5x3xf32>) outs(%g : tensor<5x2x3xf32>)
          dimensions = [1]
        %zero = arith.constant 0.0 : f32
        %h = tensor.empty() : tensor<3xf32>
        %z = linalg.fill ins(%zero : f32) outs(%h : tensor<3xf32>) -> tensor<3xf32>
        %square = linalg.map { arith.mulf }
          ins(%x, %x : tensor<3x5xf32>, tensor<3x5xf32>) outs(%e : tensor<3x5xf32>)
        %r = linalg.reduce { arith.addf } ins(%square : tensor<3x5xf32>)
          outs(%z : tensor<3xf32>) dimensions = [1]
        func.return %s, %b, %r : tensor<3x5xf32>, tensor<5x2x3xf32>, tensor<3xf32>
      }""")
    x = numbers(3, 5)
    soft, repeated, total = run(module, None, [x])
    power = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(soft, power / power.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(repeated, np.stack([x.T, x.T], axis=1))
    np.testing.assert_allclose(total, (x.astype(np.float64) ** 2).sum(axis=1))
