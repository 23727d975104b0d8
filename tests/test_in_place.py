"""What an op writes over: not a tensor in which its body looks up elements, wherever
it likes, and nothing that a caller gave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from test_property import poisoned

import brdialect

__all__ = ["poisoned"]  # the fixture holds in this file too

ROWS, COLUMNS = 5, 37

PROGRAM = """
#same = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<5x37xf32>, %w: tensor<37x37xf32>, %rows: tensor<5x37xi64>,
                %columns: tensor<5x37xi64>) -> TYPE {
  %e = tensor.empty() : tensor<5x37xf32>
  %y = linalg.exp ins(%x : tensor<5x37xf32>) outs(%e : tensor<5x37xf32>)
    -> tensor<5x37xf32>
BODY
  func.return %result : TYPE
}
"""

LOOK_UP = """
    %i = arith.index_cast %row : i64 to index
    %j = arith.index_cast %column : i64 to index
    %found = tensor.extract %y[%i, %j] : tensor<5x37xf32>
    %sum = arith.addf %old, %found : f32
    linalg.yield %sum : f32
  } -> tensor<5x37xf32>
"""

INPUT = (
    """
  %result = linalg.generic {indexing_maps = [#same, #same, #same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%rows, %columns, %y : tensor<5x37xi64>, tensor<5x37xi64>, tensor<5x37xf32>)
      outs(%e : tensor<5x37xf32>) {
  ^bb0(%row: i64, %column: i64, %old: f32, %out: f32):"""
    + LOOK_UP
)

DESTINATION = (
    """
  %result = linalg.generic {indexing_maps = [#same, #same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%rows, %columns : tensor<5x37xi64>, tensor<5x37xi64>)
      outs(%y : tensor<5x37xf32>) {
  ^bb0(%row: i64, %column: i64, %old: f32):"""
    + LOOK_UP
)

RESIDUAL = (
    """
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<5x37xf32>) -> tensor<5x37xf32>
  %xw = linalg.matmul ins(%x, %w : tensor<5x37xf32>, tensor<37x37xf32>)
      outs(%z : tensor<5x37xf32>) -> tensor<5x37xf32>
  %added = linalg.add ins(%xw, %y : tensor<5x37xf32>, tensor<5x37xf32>)
      outs(%e : tensor<5x37xf32>) -> tensor<5x37xf32>
  %result = linalg.generic {indexing_maps = [#same, #same, #same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%rows, %columns, %added
        : tensor<5x37xi64>, tensor<5x37xi64>, tensor<5x37xf32>)
      outs(%e : tensor<5x37xf32>) {
  ^bb0(%row: i64, %column: i64, %old: f32, %out: f32):"""
    + LOOK_UP
)

SLICE = (
    INPUT.replace("%result", "%part").replace("%columns, %y", "%columns, %x")
    + """
  %result = tensor.insert_slice %part into %y[0, 0] [5, 37] [1, 1]
      : tensor<5x37xf32> into tensor<5x37xf32>
"""
)


@pytest.mark.parametrize("body", [INPUT, DESTINATION, RESIDUAL, SLICE])
def test_what_is_looked_up_stays(body: str) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    w = random.standard_normal((COLUMNS, COLUMNS), dtype=np.float32)
    rows: NDArray[np.int64] = random.integers(0, ROWS, x.shape)
    columns: NDArray[np.int64] = random.integers(0, COLUMNS, x.shape)
    text = PROGRAM.replace("BODY", body).replace("TYPE", "tensor<5x37xf32>")
    f = brdialect.compile(text, threads=1)
    y = np.exp(x.astype(np.float64))
    found = y[rows, columns]
    product = x.astype(np.float64) @ w
    want = {INPUT: y, DESTINATION: y, RESIDUAL: product + y, SLICE: x}[body] + found
    np.testing.assert_allclose(f(x, w, rows, columns), want, rtol=1e-4, atol=1e-4)


def test_onto_what_is_read() -> None:
    """Destinations that are inputs as well, as they are written by hand."""
    text = """
      func.func @main(%x: tensor<5x37xf32>, %w: tensor<37x37xf32>) -> tensor<5x37xf32> {
        %e = tensor.empty() : tensor<5x37xf32>
        %zero = arith.constant 0.0 : f32
        %z = linalg.fill ins(%zero : f32) outs(%e : tensor<5x37xf32>)
          -> tensor<5x37xf32>
        %0 = linalg.matmul ins(%x, %w : tensor<5x37xf32>, tensor<37x37xf32>)
          outs(%z : tensor<5x37xf32>) -> tensor<5x37xf32>
        %1 = linalg.tanh ins(%0 : tensor<5x37xf32>) outs(%0 : tensor<5x37xf32>)
          -> tensor<5x37xf32>
        %2 = linalg.add ins(%1, %x : tensor<5x37xf32>, tensor<5x37xf32>)
          outs(%x : tensor<5x37xf32>) -> tensor<5x37xf32>
        func.return %2 : tensor<5x37xf32>
      }"""
    random = np.random.default_rng(0)
    x = random.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    w = random.standard_normal((COLUMNS, COLUMNS), dtype=np.float32)
    before = x.copy()
    want = np.tanh(x.astype(np.float64) @ w) + x
    got = brdialect.compile(text, threads=1)(x, w)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(x, before)


PART_OF_A_RESULT = """
func.func @main(%x: tensor<5x8xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<5x8xf32>
  %y = linalg.exp ins(%x : tensor<5x8xf32>) outs(%e : tensor<5x8xf32>)
    -> tensor<5x8xf32>
  %part = tensor.extract_slice %y[1, 3] [3, 4] [1, 1]
    : tensor<5x8xf32> to tensor<3x4xf32>
BODY
  func.return %result : tensor<3x4xf32>
}
"""

ADD_TO_PART = """
  %w = tensor.extract_slice %b[0, 1] [3, 3] [1, 1]
    : tensor<3x4xf32> to tensor<3x3xf32>
  %result = linalg.matmul ins(%w, %b : tensor<3x3xf32>, tensor<3x4xf32>)
    outs(%part : tensor<3x4xf32>) -> tensor<3x4xf32>
"""

INSERT_INTO_PART = """
  %row = tensor.extract_slice %b[2, 0] [1, 4] [1, 1]
    : tensor<3x4xf32> to tensor<1x4xf32>
  %result = tensor.insert_slice %row into %part[1, 0] [1, 4] [1, 1]
    : tensor<1x4xf32> into tensor<3x4xf32>
"""

COMPUTE_IN_PART = """
  %e2 = tensor.empty() : tensor<2x4xf32>
  %rows = tensor.extract_slice %b[1, 0] [2, 4] [1, 1]
    : tensor<3x4xf32> to tensor<2x4xf32>
  %new = linalg.negf ins(%rows : tensor<2x4xf32>) outs(%e2 : tensor<2x4xf32>)
    -> tensor<2x4xf32>
  %result = tensor.insert_slice %new into %part[0, 0] [2, 4] [2, 1]
    : tensor<2x4xf32> into tensor<3x4xf32>
"""


@pytest.mark.parametrize("body", [ADD_TO_PART, INSERT_INTO_PART, COMPUTE_IN_PART])
def test_onto_part_of_a_result(body: str) -> None:
    """What is written over a slice goes on from what stood in the slice."""
    random = np.random.default_rng(0)
    x = random.standard_normal((5, 8), dtype=np.float32)
    b = random.standard_normal((3, 4), dtype=np.float32)
    want = np.exp(x.astype(np.float64))[1:4, 3:7]
    if body is ADD_TO_PART:
        want += b[:, 1:].astype(np.float64) @ b
    elif body is INSERT_INTO_PART:
        want[1] = b[2]
    else:
        want[::2] = -b[1:]
    got = brdialect.compile(PART_OF_A_RESULT.replace("BODY", body), threads=1)(x, b)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
