"""The line under which a contraction's tuned schedule is found."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import ModuleOp

from brdialect.ops import ContractOp
from brdialect.source import parse_module
from brdialect.target import TARGETS
from passes.schedule.op_signature import signature
from runtime.program import run_until

MATMUL = """
func.func @main(%a: tensor<8x4xELEMENT>, %b: tensor<4x16xELEMENT>MARK,
                %c: tensor<8x16xELEMENT>) -> tensor<8x16xELEMENT> {
  %r = linalg.matmul ins(%a, %b : tensor<8x4xELEMENT>, tensor<4x16xELEMENT>)
    outs(%c : tensor<8x16xELEMENT>) -> tensor<8x16xELEMENT>
  func.return %r : tensor<8x16xELEMENT>
}"""


def matmul(element: str = "f32", mark: str = "") -> str:
    return MATMUL.replace("ELEMENT", element).replace("MARK", mark)


CONV = """
func.func @main(%x: tensor<1x11x11x3xf32>, %w: tensor<3x3x3x8xf32>)
    -> tensor<1x4x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4x4x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x4x4x8xf32>)
    -> tensor<1x4x4x8xf32>
  %y = linalg.conv_2d_nhwc_hwcf {strides = dense<2> : tensor<2xi64>,
      dilations = dense<2> : tensor<2xi64>}
    ins(%x, %w : tensor<1x11x11x3xf32>, tensor<3x3x3x8xf32>)
    outs(%f : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  func.return %y : tensor<1x4x4x8xf32>
}"""


def signatures(source: str) -> list[str | None]:
    """Of the contractions after fusion."""
    module: ModuleOp = parse_module(source)
    run_until(module, TARGETS["x86-64-v3"], "fuse")
    return [signature(op) for op in module.walk() if isinstance(op, ContractOp)]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (matmul(), "f32: C[a,b] += A[a,c] * B[c,b], a=8 b=16 c=4"),
        (matmul("f64"), "f64: C[a,b] += A[a,c] * B[c,b], a=8 b=16 c=4"),
        (
            matmul(mark=" {br.bound = 1 : i64}"),
            "f32: C[a,b] += A[a,c] * B[c,b], a=8 b=16 c=4, B at load time",
        ),
        (
            CONV,
            "f32: C[a,b,c,d] = A[a,2b+2e,2c+2f,g] * B[e,f,g,d], "
            "a=1 b=4 c=4 d=8 e=3 f=3 g=3",
        ),
    ],
)
def test_lines(source: str, line: str):
    assert signatures(source) == [line]


def test_names_and_places_do_not_matter():
    start, end = "  %r = linalg.matmul", "  func.return %r"
    op = start + matmul().split(start)[1].split(end)[0]
    again = op.replace("%r =", "%other =").replace("%c", "%r")
    twice = matmul().replace(end, f"{again}  func.return %other")
    assert signatures(twice) == 2 * signatures(matmul())


def test_the_epilogue_does_not_matter():
    relu = CONV.replace(
        "  func.return %y",
        """  %m = linalg.max ins(%y, %f : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>)
    outs(%e : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  func.return %m""",
    )
    assert signatures(relu) == signatures(CONV)


def test_open_sizes_have_none():
    source = matmul().replace("tensor<8x", "tensor<?x")
    assert signatures(source) == [None]
