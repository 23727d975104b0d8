"""A product that overwrites its residual gives what it gives beside it."""

from __future__ import annotations

import numpy as np
import pytest

import brdialect

LAYER = """
#c = affine_map<(m, n) -> (m, n)>
func.func @main(%x: tensor<25x13xf32>, %w: tensor<13x37xf32>, %v: tensor<37x37xf32>,
                %r: tensor<25x37xf32>) -> (tensor<25x37xf32>, tensor<25x37xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<25x37xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<25x37xf32>) -> tensor<25x37xf32>
  %0 = linalg.exp ins(%r : tensor<25x37xf32>) outs(%e : tensor<25x37xf32>)
    -> tensor<25x37xf32>
  %1 = linalg.matmul {br.schedule = #br.schedule<"SCHEDULE">}
    ins(%x, %w : tensor<25x13xf32>, tensor<13x37xf32>)
    outs(%z : tensor<25x37xf32>) -> tensor<25x37xf32>
  %2 = linalg.add ins(%0, %1 : tensor<25x37xf32>, tensor<25x37xf32>)
    outs(%e : tensor<25x37xf32>) -> tensor<25x37xf32>
  // the residual is what the product reads
  %3 = linalg.matmul {br.schedule = #br.schedule<"B16 | m=a n=b k=c">}
    ins(%2, %v : tensor<25x37xf32>, tensor<37x37xf32>)
    outs(%z : tensor<25x37xf32>) -> tensor<25x37xf32>
  %4 = linalg.add ins(%3, %2 : tensor<25x37xf32>, tensor<25x37xf32>)
    outs(%e : tensor<25x37xf32>) -> tensor<25x37xf32>
  // and here it is read later
  %5 = linalg.matmul ins(%x, %w : tensor<25x13xf32>, tensor<13x37xf32>)
    outs(%z : tensor<25x37xf32>) -> tensor<25x37xf32>
  %6 = linalg.add ins(%5, %4 : tensor<25x37xf32>, tensor<25x37xf32>)
    outs(%e : tensor<25x37xf32>) -> tensor<25x37xf32>
  %7 = linalg.matmul ins(%4, %v : tensor<25x37xf32>, tensor<37x37xf32>)
    outs(%z : tensor<25x37xf32>) -> tensor<25x37xf32>
  func.return %6, %7 : tensor<25x37xf32>, tensor<25x37xf32>
}
"""


@pytest.mark.parametrize(
    "schedule",
    [
        "A12 B16 | m=a n=b k=c | tile=6x1",
        "B32 A7 | m=a n=b k=c | tile=4x2 | pack=b32",
        "b16 a5 | m=a n=b k=c | tile=5x1",
        "c5 A12 b16 | m=a n=b k=c | tile=6x1",  # C holds parts of sums meanwhile
        "a12 c4 | m=a n=b k=c",
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_residual(schedule: str, threads: int):
    random = np.random.default_rng(2)
    shapes = (25, 13), (13, 37), (37, 37), (25, 37)
    x, w, v, r = (random.standard_normal(s, dtype=np.float32) for s in shapes)
    f = brdialect.compile(LAYER.replace("SCHEDULE", schedule), threads=threads)
    product = x.astype(np.float64) @ w
    first = np.exp(r.astype(np.float64)) + product
    second = first @ v + first
    want = product + second, second @ v
    for _ in range(2):
        for got, exact in zip(f(x, w, v, r), want, strict=True):
            np.testing.assert_allclose(got, exact, atol=1e-5 * abs(exact).max())
