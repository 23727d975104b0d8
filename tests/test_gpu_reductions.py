"""Long reductions, a warp or a block for each element: in numpy, and through ptxas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gpu import SM_80, Array, assemble, called, error, lowered, needs_ptxas, ptx_of
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.errors import BrError
from brdialect.gpu_ops import BarrierOp, ShuffleXorOp
from passes.gpu.long_reduction import BLOCK_FEW, BLOCK_LONG, LONG

REDUCE = """
func.func @main(%x: tensor<{shape}x{t}>) -> tensor<{kept}{t}> {{
  %e = tensor.empty() : tensor<{kept}{t}>
  %start = arith.constant {start} : {t}
  %f = linalg.fill ins(%start : {t}) outs(%e : tensor<{kept}{t}>) -> tensor<{kept}{t}>
  %r = linalg.reduce ins(%x : tensor<{shape}x{t}>) outs(%f : tensor<{kept}{t}>)
    dimensions = [{dims}]
    (%a: {t}, %b: {t}) {{
      %c = {op} %a, %b : {t}
      linalg.yield %c : {t}
    }}
  func.return %r : tensor<{kept}{t}>
}}"""

SOFTMAX = """
func.func @main(%x: tensor<5x101xf32>) -> tensor<5x101xf32> {
  %e = tensor.empty() : tensor<5x101xf32>
  %r = linalg.softmax dimension(1) ins(%x : tensor<5x101xf32>)
    outs(%e : tensor<5x101xf32>) -> tensor<5x101xf32>
  func.return %r : tensor<5x101xf32>
}"""

# the sum and the sum of squares in one sweep
TWO = """
func.func @main(%x: tensor<9x130xf32>) -> (tensor<9xf32>, tensor<9xf32>) {
  %e = tensor.empty() : tensor<9xf32>
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<9xf32>) -> tensor<9xf32>
  %r, %s = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                     affine_map<(i, j) -> (i)>],
    iterator_types = ["parallel", "reduction"]}
    ins(%x : tensor<9x130xf32>) outs(%f, %f : tensor<9xf32>, tensor<9xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %sum = arith.addf %a, %b : f32
      %square = arith.mulf %a, %a : f32
      %squares = arith.addf %square, %c : f32
      linalg.yield %sum, %squares : f32, f32
  } -> (tensor<9xf32>, tensor<9xf32>)
  func.return %r, %s : tensor<9xf32>, tensor<9xf32>
}"""


def reduction(
    shape: tuple[int, ...], dims: tuple[int, ...], op: str, start: str, t: str = "f32"
) -> str:
    """A program of one reduction."""
    kept = "".join(f"{n}x" for i, n in enumerate(shape) if i not in dims)
    sizes, names = "x".join(map(str, shape)), ", ".join(map(str, dims))
    return REDUCE.format(shape=sizes, kept=kept, dims=names, op=op, start=start, t=t)


def shuffles(module: ModuleOp) -> list[ShuffleXorOp]:
    """Where lanes give each other what they have."""
    return [op for op in module.walk() if isinstance(op, ShuffleXorOp)]


SUM_AND_MAXIMUM = pytest.mark.parametrize(
    ("op", "start", "numpy"),
    [
        ("arith.addf", "0.5", lambda x, d: x.sum(d) + 0.5),
        ("arith.maximumf", "-1.0e30", lambda x, d: x.max(d)),
    ],
)


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((64, 1000), (1,)),
        ((3, 65), (1,)),
        ((70, 11), (0,)),
        ((3, 9, 13, 5), (1, 2)),
        ((7, 5, 16), (0, 2)),
        ((130,), (0,)),
    ],
)
@SUM_AND_MAXIMUM
def test_every_form_of_a_reduction(
    shape: tuple[int, ...],
    dims: tuple[int, ...],
    op: str,
    start: str,
    numpy: Callable[[Array, tuple[int, ...]], Array],
):
    module = lowered(reduction(shape, dims, op, start))
    assert len(shuffles(module)) == 5
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    (got,), seen = called(module, [x])
    assert error(got, numpy(x.astype(np.float64), dims)) < 1e-6
    assert seen.launches == 2


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((3, 1024), (1,)),
        ((2, 1500), (1,)),
        ((1031, 5), (0,)),
        ((2, 33, 35, 3), (1, 2)),
        ((4099,), (0,)),
    ],
)
@SUM_AND_MAXIMUM
def test_longer_ones_have_a_block(
    shape: tuple[int, ...],
    dims: tuple[int, ...],
    op: str,
    start: str,
    numpy: Callable[[Array, tuple[int, ...]], Array],
):
    module = lowered(reduction(shape, dims, op, start))
    assert len(shuffles(module)) == 5 + 3
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    (got,), seen = called(module, [x])
    assert error(got, numpy(x.astype(np.float64), dims)) < 2e-6
    assert not any(seen.conflicts.values())
    (again,), _ = called(module, [x])
    np.testing.assert_array_equal(got, again)


def test_two_results_of_a_block():
    """Each has words of its own in shared memory."""
    module = lowered(TWO.replace("130", "1100"))
    assert len(shuffles(module)) == 2 * (5 + 3)
    x = np.random.default_rng(0).standard_normal((9, 1100)).astype(np.float32)
    (sums, squares), _ = called(module, [x])
    wide = x.astype(np.float64)
    assert error(sums, wide.sum(1)) < 1e-6
    assert error(squares, (wide * wide).sum(1)) < 1e-6


def test_warps_of_a_block_wait_for_each_other():
    module = lowered(reduction((2, 1500), (1,), "arith.addf", "0.0"))
    (barrier,) = (op for op in module.walk() if isinstance(op, BarrierOp))
    barrier.detach()
    barrier.erase()
    with pytest.raises(BrError, match=r"br\.barrier between a write"):
        called(module, [np.ones((2, 1500), np.float32)])


def test_many_elements_have_warps():
    """They fill the device by themselves."""
    text = reduction((BLOCK_FEW + 1, BLOCK_LONG), (1,), "arith.addf", "0.0")
    assert len(shuffles(lowered(text))) == 5


def test_integers_and_a_product_of_no_sum():
    text = reduction((6, 77), (1,), "arith.maxsi", "-5", "i32")
    x = np.random.default_rng(0).integers(-99, 0, (6, 77), np.int32)
    module = lowered(text)
    assert shuffles(module)
    (got,), _ = called(module, [x])
    np.testing.assert_array_equal(got, np.maximum(x.max(1), -5))


OTHERS = {"f64": (np.float64, 1e-14), "f16": (np.float16, 2e-2), "i64": (np.int64, 0)}


@pytest.mark.parametrize("t", OTHERS)
@pytest.mark.parametrize("shape", [(6, 77), (2, 1500)])
def test_elements_of_other_sizes(t: str, shape: tuple[int, int]):
    dtype, limit = OTHERS[t]
    op, start = ("arith.addi", "1") if t == "i64" else ("arith.addf", "1.0")
    module = lowered(reduction(shape, (1,), op, start, t))
    assert len(shuffles(module)) == (5 if shape[1] < BLOCK_LONG else 8)
    x = (np.random.default_rng(0).standard_normal(shape) * 9).astype(dtype)
    (got,), _ = called(module, [x])
    want = x.astype(np.float64).sum(1) + 1
    assert got.dtype == dtype and error(got.astype(np.float64), want) <= limit


def test_results_of_two_sizes_of_a_block():
    """Those of 8 bytes begin at a multiple of 8, behind those of 4."""
    text = TWO.replace("130", "1100").replace("%c: f32", "%c: f64")
    text = text.replace(
        "%f, %f : tensor<9xf32>, tensor<9xf32>", "%f, %g : tensor<9xf32>, tensor<9xf64>"
    )
    text = text.replace(
        "(tensor<9xf32>, tensor<9xf32>)", "(tensor<9xf32>, tensor<9xf64>)"
    )
    text = text.replace(
        "-> (tensor<9xf32>, tensor<9xf32>) {", "-> (tensor<9xf32>, tensor<9xf64>) {"
    )
    text = text.replace(
        "%r, %s : tensor<9xf32>, tensor<9xf32>", "%r, %s : tensor<9xf32>, tensor<9xf64>"
    )
    text = text.replace(
        "%squares = arith.addf %square, %c : f32",
        "%w = arith.extf %square : f32 to f64\n%squares = arith.addf %w, %c : f64",
    )
    text = text.replace(
        "yield %sum, %squares : f32, f32", "yield %sum, %squares : f32, f64"
    )
    text = text.replace(
        "  %r, %s =",
        """  %none = arith.constant 0.0 : f64
  %d = tensor.empty() : tensor<9xf64>
  %g = linalg.fill ins(%none : f64) outs(%d : tensor<9xf64>) -> tensor<9xf64>
  %r, %s =""",
    )
    module = lowered(text)
    x = np.random.default_rng(0).standard_normal((9, 1100)).astype(np.float32)
    (sums, squares), _ = called(module, [x])
    assert error(sums, x.astype(np.float64).sum(1)) < 1e-6
    assert error(squares, (x.astype(np.float64) ** 2).sum(1)) < 1e-6


@needs_ptxas
@pytest.mark.parametrize(("t", "times"), [("f64", 2), ("f16", 1), ("i64", 2)])
def test_halves_are_exchanged(t: str, times: int):
    op, start = ("arith.addi", "1") if t == "i64" else ("arith.addf", "1.0")
    ptx = ptx_of(lowered(reduction((6, 77), (1,), op, start, t)))
    assert ptx.count("shfl.sync.bfly.b32") == 5 * times
    usage, _ = assemble(ptx)
    assert all((u.spills, u.stack) == (0, 0) for u in usage.values())


def test_two_results_of_one_sweep():
    module = lowered(TWO)
    assert len(shuffles(module)) == 10
    x = np.random.default_rng(0).standard_normal((9, 130)).astype(np.float32)
    (sums, squares), _ = called(module, [x])
    wide = x.astype(np.float64)
    assert error(sums, wide.sum(1)) < 1e-6
    assert error(squares, (wide * wide).sum(1)) < 1e-6


def test_softmax():
    module = lowered(SOFTMAX)
    assert len(shuffles(module)) >= 10
    x = 3 * np.random.default_rng(0).standard_normal((5, 101)).astype(np.float32)
    (got,), _ = called(module, [x])
    want = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    assert error(got, want / want.sum(1, keepdims=True)) < 1e-6


@pytest.mark.parametrize(
    ("shape", "dims"), [((9, LONG - 1), (1,)), ((80, 1 << 16), (0,))]
)
def test_others_are_a_thread_s_work(shape: tuple[int, ...], dims: tuple[int, ...]):
    """Short ones, and where threads read side by side anyway."""
    assert not shuffles(lowered(reduction(shape, dims, "arith.addf", "0.0")))


def test_every_lane_counts():
    text = reduction((9, 100), (1,), "arith.addf", "0.0")
    x = np.random.default_rng(0).standard_normal((9, 100)).astype(np.float32)
    module = lowered(text)
    shuffles(module)[2].mask = IntegerAttr(8, i64)
    (got,), _ = called(module, [x])
    assert error(got, x.astype(np.float64).sum(1)) > 1e-2


def test_whole_warps_give_each_other_what_they_have():
    """In a branch that not all lanes take there is nothing to get."""
    module = lowered(reduction((9, 100), (1,), "arith.addf", "0.0"))
    branch = shuffles(module)[0].parent_op()
    assert branch is not None and branch.name == "scf.if"
    block = branch.parent
    assert block is not None
    thread = next(op for op in block.ops if op.name == "br.thread_id")
    few = arith.ConstantOp.create(
        properties={"value": IntegerAttr.from_index_int_value(40)},
        result_types=thread.result_types,
    )
    below = arith.CmpiOp(thread.results[0], few.results[0], "ult")
    Rewriter.insert_op([few, below], InsertPoint.before(branch))
    branch.operands[0] = below.result
    with pytest.raises(BrError, match=r"all lanes of a warp at br\.shuffle_xor"):
        called(module, [np.ones((9, 100), np.float32)])


@needs_ptxas
def test_the_kernels_assemble():
    usage, _ = assemble(ptx_of(lowered(SOFTMAX), SM_80))
    assert all((u.spills, u.stack) == (0, 0) for u in usage.values())
    assert "shfl.sync.bfly.b32" in ptx_of(lowered(TWO), SM_80)
    usage, _ = assemble(ptx_of(lowered(TWO.replace("130", "1100")), SM_80))
    assert all((u.spills, u.stack) == (0, 0) for u in usage.values())
