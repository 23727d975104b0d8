"""Sums that threads share give what they give alone, whichever way they are shared."""

from __future__ import annotations

import numpy as np
import pytest

import brdialect

WEIGHTS = """
#x = affine_map<(n, p, q, r, s, c, k) -> (n, p + r, q + s, c)>
#dy = affine_map<(n, p, q, r, s, c, k) -> (n, p, q, k)>
#dw = affine_map<(n, p, q, r, s, c, k) -> (r, s, c, k)>
func.func @main(%x: tensor<4x7x6x5xf32>, %dy: tensor<4x6x4x19xf32>,
                %dw: tensor<2x3x5x19xf32>) -> tensor<2x3x5x19xf32> {
  %0 = linalg.generic {indexing_maps = [#x, #dy, #dw],
      iterator_types = ["reduction", "reduction", "reduction", "parallel", "parallel",
                        "parallel", "parallel"],
      br.schedule = #br.schedule<"SCHEDULE">}
      ins(%x, %dy : tensor<4x7x6x5xf32>, tensor<4x6x4x19xf32>)
      outs(%dw : tensor<2x3x5x19xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3x5x19xf32>
  func.return %0 : tensor<2x3x5x19xf32>
}
"""


@pytest.mark.parametrize(
    "schedule",
    [
        "D E G8 | m=f n=g k=c batch=a,b",  # each thread owns parts of C
        "A D E | m=f n=g k=c batch=b",  # each image has a copy of C
        "A2 D E G8 | m=f n=g k=c batch=a,b",  # two groups of images
        "B3 a D E g8 | m=f n=g k=c batch=b | pack=b8",  # windows begin further on
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_gradient_of_weights(schedule: str, threads: int):
    random = np.random.default_rng(1)
    shapes = (4, 7, 6, 5), (4, 6, 4, 19), (2, 3, 5, 19)
    x, dy, dw = (random.standard_normal(s, dtype=np.float32) for s in shapes)
    f = brdialect.compile(WEIGHTS.replace("SCHEDULE", schedule), threads=threads)
    seen = np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(1, 2))
    want = dw + np.einsum("npqcrs,npqk->rsck", seen, dy)
    np.testing.assert_allclose(f(x, dy, dw), want, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(f(x, dy, dw), f(x, dy, dw))
