"""A panel of B whose rows lie apart is copied by the first tile of rows that reads it
(passes/kernel/micro_kernel.py): the results of all the others come from the copy."""

from __future__ import annotations

import numpy as np
import pytest

import brdialect

PRODUCT = """
func.func @main(%a: tensor<ROWSx40xT>, %b: tensor<40x2048xT>) -> tensor<ROWSx2048xT> {
  %zero = arith.constant 0.0 : T
  %e = tensor.empty() : tensor<ROWSx2048xT>
  %c = linalg.fill ins(%zero : T) outs(%e : tensor<ROWSx2048xT>) -> tensor<ROWSx2048xT>
  %y = linalg.matmul {br.schedule = #br.schedule<"SCHEDULE">}
    ins(%a, %b : tensor<ROWSx40xT>, tensor<40x2048xT>)
    outs(%c : tensor<ROWSx2048xT>) -> tensor<ROWSx2048xT>
  return %y : tensor<ROWSx2048xT>
}
"""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [20, 31, 50])
@pytest.mark.parametrize(
    "loops",
    [
        "B70 | m=a n=b k=c | tile=3x2",  # the last panel is narrower, with a mask
        "b150 | m=a n=b k=c | tile=6x1",  # several panels in a call
        "c13 b64 | m=a n=b k=c | tile=2x4",  # a copy for each part of k
    ],
)
def test_products_by_a_copied_panel(loops: str, rows: int, dtype: type) -> None:
    name = {np.float32: "f32", np.float64: "f64"}[dtype]
    text = PRODUCT.replace("ROWS", str(rows)).replace("SCHEDULE", loops)
    f = brdialect.compile(text.replace("T>", f"{name}>").replace(": T", f": {name}"))
    random = np.random.default_rng(rows)
    a = random.standard_normal((rows, 40)).astype(dtype)
    b = random.standard_normal((40, 2048)).astype(dtype)
    want = a.astype(np.float64) @ b.astype(np.float64)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(f(a, b), want, rtol=tolerance, atol=10 * tolerance)
    assert "alloca" in f.ir("vector")
