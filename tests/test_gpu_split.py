"""Sums that are cut into parts on a GPU, each part for blocks of its own."""

from __future__ import annotations

import numpy as np
import pytest
from gpu import DTYPES, SM_80, called, error, lowered

from brdialect.errors import BrError
from brdialect.target import target_named
from passes.schedule.default_tile import Sizes, default_tile

LIMIT = {"f32": 1e-3, "exact": 1e-6, "f16": 1e-3}

BLOCK = "block=32x32x16 warp=16x16 stages=2"


def dense(k: int, element: str, words: str) -> str:
    """max(x w + bias, 0), whose sizes divide nothing but for the sum."""
    x, w, b, y = (f"tensor<{s}x{element}>" for s in (f"37x{k}", f"{k}x29", 29, "37x29"))
    return f"""
func.func @main(%x: {x}, %w: {w}, %bias: {b}) -> {y} {{
  %zero = arith.constant 0.0 : {element}
  %e = tensor.empty() : {y}
  %c = linalg.broadcast ins(%bias : {b}) outs(%e : {y}) dimensions = [0]
  %r = linalg.matmul {{br.schedule = #br.schedule<"{words}">}}
    ins(%x, %w : {x}, {w}) outs(%c : {y}) -> {y}
  %z = linalg.fill ins(%zero : {element}) outs(%e : {y}) -> {y}
  %y = linalg.max ins(%r, %z : {y}, {y}) outs(%e : {y}) -> {y}
  func.return %y : {y}
}}"""


@pytest.mark.parametrize(
    ("element", "k", "words"),
    [
        ("f32", 84, f"{BLOCK} split=4"),
        ("f32", 10, f"{BLOCK} split=5 math=exact"),
        ("f16", 96, f"{BLOCK} split=2"),
    ],
)
def test_a_product_with_an_epilogue(element: str, k: int, words: str):
    module = lowered(dense(k, element, f"| m=a n=b k=c | {words}"))
    random = np.random.default_rng(k)
    shapes = ((37, k), (k, 29), (29,))
    x, w, bias = (random.standard_normal(s).astype(DTYPES[element]) for s in shapes)
    (got,), seen = called(module, [x, w, bias])
    want = np.maximum(x.astype(np.float64) @ w + bias, 0)
    limit = LIMIT["exact" if "exact" in words else element]
    assert error(got, want) < limit
    assert not any(seen.conflicts.values())


GRADIENT = """
#x = affine_map<(r, s, c, f, n, h, w) -> (n, h + r, w + s, c)>
#y = affine_map<(r, s, c, f, n, h, w) -> (n, h, w, f)>
#w = affine_map<(r, s, c, f, n, h, w) -> (r, s, c, f)>
func.func @main(%x: tensor<4x6x5x8xf32>, %y: tensor<4x4x3x12xf32>,
                %w: tensor<3x3x8x12xf32>) -> tensor<3x3x8x12xf32> {
  %r = linalg.generic {indexing_maps = [#x, #y, #w], iterator_types = ["parallel",
      "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"],
      br.schedule = #br.schedule<"| m=c n=d k=g rows=a,b batch=e,f | WORDS">}
    ins(%x, %y : tensor<4x6x5x8xf32>, tensor<4x4x3x12xf32>)
    outs(%w : tensor<3x3x8x12xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<3x3x8x12xf32>
  func.return %r : tensor<3x3x8x12xf32>
}"""


@pytest.mark.parametrize("parts", [2, 3])
def test_the_gradient_of_weights_is_added_to_them(parts: int):
    """4 images can be dealt out to two; 3 columns of pixels to three."""
    module = lowered(GRADIENT.replace("WORDS", f"{BLOCK} split={parts}"))
    random = np.random.default_rng(0)
    shapes = ((4, 6, 5, 8), (4, 4, 3, 12), (3, 3, 8, 12))
    x, y, w = (random.standard_normal(s).astype(np.float32) for s in shapes)
    want = w.astype(np.float64)
    for r in range(3):
        for s in range(3):
            part = x[:, r : r + 4, s : s + 3].astype(np.float64)
            want[r, s] += np.einsum("nhwc,nhwf->cf", part, y)
    (got,), _ = called(module, [x, y, w])
    assert error(got, want) < LIMIT["f32"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("split=4", r"split=4 to divide an iterator of the sum, one of 'c' \(42\)"),
        ("split=21", "at most 16 parts in split=, got 21"),
        ("split=0", "expected split=N in a schedule, got 'split=0'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(words: str, fault: str):
    with pytest.raises(BrError, match=fault):
        lowered(dense(42, "f32", f"| m=a n=b k=c | {BLOCK} {words}"))


def test_parts_are_chosen_where_tiles_are_too_few():
    target = target_named(SM_80)
    cubes = [default_tile(Sizes(n, n, (n,), 1, 4), target, True) for n in (1024, 8192)]
    assert [tile.split for tile in cubes] == [1, 1]
    few = Sizes(64, 64, (64, 56, 56), 9, 4)
    assert default_tile(few, target, True).split >= 8
    assert default_tile(few, target, False).split == 1
    # a sum of a prime length stays whole
    assert default_tile(Sizes(64, 64, (65537,), 1, 4), target, True).split == 1
