"""The br operations mean what their documentation's formulas say."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import SIZES, map_of, numbers

from brdialect.errors import BrError
from brdialect.reference import batch_reduce_gemm, contract, run
from brdialect.source import parse_module

BATCH = st.lists(st.integers(1, 3), max_size=2)


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 3), max_size=2),
    SIZES,
    SIZES,
    SIZES,
    st.booleans(),
    st.booleans(),
)
def test_batch_reduce_gemm(
    batch: list[int], m: int, n: int, k: int, transpose_a: bool, transpose_b: bool
):
    a, b = numbers(*batch, m, k), numbers(*batch, k, n, seed=1)
    c, extra = numbers(m, n, seed=2), numbers(1, n, seed=3).repeat(m, axis=0)
    want = np.zeros((m, n))
    for point in itertools.product(*map(range, batch), range(m), range(n), range(k)):
        *i, row, column, inner = point
        want[row, column] += float(a[(*i, row, inner)]) * float(b[(*i, inner, column)])
    got = batch_reduce_gemm(
        a.swapaxes(-1, -2) if transpose_a else a,
        b.swapaxes(-1, -2) if transpose_b else b,
        c.astype(np.float64),
        alpha=0.5,
        beta=2.0,
        transpose_a=transpose_a,
        transpose_b=transpose_b,
        epilogue=lambda x, e: np.maximum(x + e, 0),
        extras=(extra,),
    )
    want = np.maximum(0.5 * want + 2.0 * c.astype(np.float64) + extra, 0)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(BATCH, SIZES, SIZES, SIZES)
def test_a_matrix_for_each_column(batch: list[int], m: int, n: int, k: int):
    a, b, c = numbers(*batch, m, k, n), numbers(*batch, k, n, seed=1), numbers(m, n)
    want = c.astype(np.float64)
    for point in itertools.product(*map(range, batch), range(m), range(n), range(k)):
        *i, row, column, inner = point
        product = float(a[(*i, row, inner, column)]) * float(b[(*i, inner, column)])
        want[row, column] += product
    got = batch_reduce_gemm(a, b, c.astype(np.float64))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_batch_reduce_gemm_reads_only_what_it_must():
    a, b = numbers(4, 2, 3), numbers(4, 3, 5)
    c = np.full((2, 5), np.nan)
    a[2:] = np.nan
    want = sum(a[i].astype(np.float64) @ b[i] for i in range(2))
    got = batch_reduce_gemm(a, b, c, count=2, beta=0)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    assert not batch_reduce_gemm(a, b, c, count=0, beta=0).any()
    with pytest.raises(BrError, match=r"a count within 0..4, got 5"):
        batch_reduce_gemm(a, b, c, count=5)
    with pytest.raises(BrError, match=r"\[m, n\] = \[2, 5\], got \[5, 2\]"):
        batch_reduce_gemm(a, b, c.T)


def test_batch_reduce_gemm_on_memrefs():
    """The window of a convolution row as a strided view, a bias of stride 0."""
    module = parse_module("""
      func.func @main(%x: memref<10x4xf32>, %w: memref<3x4x8xf32>,
                      %bias: memref<8xf32>, %y: memref<4x8xf32>, %n: index) {
        %a = memref.reinterpret_cast %x to
          offset: [0], sizes: [3, 4, 4], strides: [4, 8, 1]
          : memref<10x4xf32> to memref<3x4x4xf32, strided<[4, 8, 1]>>
        %e = memref.reinterpret_cast %bias to
          offset: [0], sizes: [4, 8], strides: [0, 1]
          : memref<8xf32> to memref<4x8xf32, strided<[0, 1]>>
        br.batch_reduce_gemm
          ins(%a, %w : memref<3x4x4xf32, strided<[4, 8, 1]>>, memref<3x4x8xf32>)
          outs(%y : memref<4x8xf32>) count(%n)
          {beta = 0.0 : f64} epilogue(%e : memref<4x8xf32, strided<[0, 1]>>) {
        ^bb0(%acc: f32, %b: f32):
          %zero = arith.constant 0.0 : f32
          %s = arith.addf %acc, %b : f32
          %r = arith.maximumf %s, %zero : f32
          br.yield %r : f32
        }
        func.return
      }""")
    x, w, bias = numbers(10, 4), numbers(3, 4, 8, seed=1), numbers(8, seed=2)
    y = np.full((4, 8), np.nan, np.float32)
    assert run(module, None, [x, w, bias, y, 2]) == ()
    windows = [[x[2 * j + s] for j in range(4)] for s in range(2)]
    want = sum(np.array(a) @ w[s] for s, a in enumerate(windows)) + bias
    np.testing.assert_allclose(y, np.maximum(want, 0), rtol=1e-5)


@pytest.mark.parametrize(("element", "dtype"), [("i8", np.int8), ("bf16", np.uint16)])
def test_batch_reduce_gemm_accumulates_in_the_type_of_c(element: str, dtype: Any):
    out = "i32" if element == "i8" else "f32"
    module = parse_module(f"""
      func.func @main(%a: tensor<2x3x{element}>, %b: tensor<3x2x{element}>,
                      %c: tensor<2x2x{out}>) -> tensor<2x2x{out}> {{
        %y = br.batch_reduce_gemm
          ins(%a, %b : tensor<2x3x{element}>, tensor<3x2x{element}>)
          outs(%c : tensor<2x2x{out}>) -> tensor<2x2x{out}>
        func.return %y : tensor<2x2x{out}>
      }}""")
    values = np.full((2, 3), 100 if element == "i8" else 0x42C8, dtype)  # bf16: 100.0
    c = np.ones((2, 2), np.int32 if element == "i8" else np.float32)
    (got,) = run(module, None, [values, values.T, c], precise=False)
    np.testing.assert_array_equal(got, np.full((2, 2), 30001))


@given(st.integers(1, 9), SIZES, SIZES, st.sampled_from([0.0, 1.0]))
def test_contract_with_packed_weights(n: int, m: int, k: int, beta: float):
    """B in panels of 4 columns, a bias and a residual in the epilogue."""
    a, b, c = numbers(m, k), numbers(k, n, seed=1), numbers(m, n, seed=2)
    bias, residual = numbers(n, seed=3), numbers(m, n, seed=4)
    packed = np.full((-(-n // 4), k, 4), np.nan, np.float32)
    for i, j in itertools.product(range(k), range(n)):
        packed[j // 4, i, j % 4] = b[i, j]
    maps = [
        map_of("(m, n, k) -> (m, k)"),
        map_of("(m, n, k) -> (n floordiv 4, k, n mod 4)"),
        map_of("(m, n, k) -> (m, n)"),
        map_of("(m, n, k) -> (n)"),
        map_of("(m, n, k) -> (m, n)"),
    ]
    got = contract(
        a,
        packed,
        c.astype(np.float64),
        maps,
        beta=beta,
        epilogue=lambda x, e, f: np.maximum(x + e, 0) + f,
        extras=(bias, residual),
    )
    want = np.maximum(a.astype(np.float64) @ b + beta * c + bias, 0) + residual
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_contract_op_on_tensors():
    module = parse_module("""
      func.func @main(%a: tensor<3x4xf32>, %b: tensor<4x5xf32>, %c: tensor<3x5xf32>,
                      %e: tensor<5xf32>) -> tensor<3x5xf32> {
        %y = br.contract ins(%a, %b : tensor<3x4xf32>, tensor<4x5xf32>)
          outs(%c : tensor<3x5xf32>) {
          indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>,
            affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>,
            affine_map<(d0, d1, d2) -> (d1)>],
          iterator_types = [#linalg.iterator_type<parallel>,
            #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>]}
          epilogue(%e : tensor<5xf32>) {
        ^bb0(%acc: f32, %bias: f32):
          %r = arith.subf %acc, %bias : f32
          br.yield %r : f32
        } -> tensor<3x5xf32>
        func.return %y : tensor<3x5xf32>
      }""")
    a, b, c, e = numbers(3, 4), numbers(4, 5), numbers(3, 5), numbers(5)
    (got,) = run(module, None, [a, b, c, e])
    np.testing.assert_allclose(got, a.astype(np.float64) @ b + c - e, rtol=1e-9)
    # in f32 it is the same but for rounding
    (own,) = run(module, None, [a, b, c, e], precise=False)
    assert own.dtype == np.float32
    np.testing.assert_allclose(own, got, rtol=1e-4)


def test_a_loop_of_one_operand_sums_it_first():
    """C[m, n] += sum over k and j of A[m, k, j] * B[k, n]"""
    maps = [
        map_of("(m, n, k, j) -> (m, k, j)"),
        map_of("(m, n, k, j) -> (k, n)"),
        map_of("(m, n, k, j) -> (m, n)"),
    ]
    a, b, c = numbers(2, 3, 5), numbers(3, 4, seed=1), np.zeros((2, 4))
    want = a.astype(np.float64).sum(axis=2) @ b
    np.testing.assert_allclose(contract(a, b, c, maps), want, rtol=1e-9, atol=1e-12)
    swapped = contract(b, a, c, [maps[1], maps[0], maps[2]])
    np.testing.assert_allclose(swapped, want, rtol=1e-9, atol=1e-12)
