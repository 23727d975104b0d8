"""3x3 windows by Winograd's algorithm: the sums of the direct one, up to rounding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from test_property import poisoned
from windows import small_blocks

import brdialect
from brdialect import BrError
from brdialect.targets import TARGETS
from runtime.host import with_exact

__all__ = ["poisoned"]  # the fixture holds in this file too

Array = NDArray[Any]


def tensor(shape: Sequence[int]) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def program(
    image: Sequence[int], filters: int, residual: bool, groups: int = 1
) -> tuple[str, list[tuple[int, ...]]]:
    """Padding by one, a convolution over the last but one dimensions, bias, and ReLU
    or a residual; images [N, spatial.., G, C] when there are groups."""
    n, *spatial, channels = image
    rank = len(spatial)
    padded = [n, *(size + 2 for size in spatial), channels]
    inner = channels // groups
    x_shape = [*padded[:-1], groups, inner]
    w_shape = [groups, *[3] * rank, filters // groups, inner]
    y_shape = [n, *spatial, groups, filters // groups]
    p = [f"p{i}" for i in range(rank)]
    r = [f"r{i}" for i in range(rank)]
    dims = ", ".join(["n", *p, "g", "k", *r, "c"])
    places = ", ".join(f"{a} + {b}" for a, b in zip(p, r, strict=True))
    at_y = ", ".join(["n", *p, "g", "k"])
    kinds = ['"parallel"'] * (rank + 3) + ['"reduction"'] * (rank + 1)
    low = ",".join(["0", *["1"] * rank, "0"])
    indices = ", ".join(f"%i{i}: index" for i in range(rank + 2))
    split = f"{[[i] for i in range(rank + 1)] + [[rank + 1, rank + 2]]}"
    extra = f", %res: {tensor(y_shape)}" if residual else ""
    element = "%r: f32, " if residual else ""
    finish = "arith.addf %s, %r" if residual else "arith.maximumf %s, %zero"
    same = f"affine_map<({at_y}) -> ({at_y})>"
    values, more = (", %res", f", {tensor(y_shape)}") if residual else ("", "")
    operands = f"%sum, %b{values} : {tensor(y_shape)}, {tensor(y_shape[-2:])}{more}"
    text = f"""
func.func @main(%x: {tensor(image)}, %w: {tensor(w_shape)}, %b: {tensor(y_shape[-2:])}
                {extra}) -> {tensor(y_shape)} {{
  %zero = arith.constant 0.0 : f32
  %pad = tensor.pad %x low[{low}] high[{low}] {{
  ^bb0({indices}):
    tensor.yield %zero : f32
  }} : {tensor(image)} to {tensor(padded)}
  %in = tensor.expand_shape %pad {split} output_shape {x_shape}
    : {tensor(padded)} into {tensor(x_shape)}
  %e = tensor.empty() : {tensor(y_shape)}
  %init = linalg.fill ins(%zero : f32) outs(%e : {tensor(y_shape)})
    -> {tensor(y_shape)}
  %sum = linalg.generic {{indexing_maps = [
      affine_map<({dims}) -> (n, {places}, g, c)>,
      affine_map<({dims}) -> (g, {", ".join(r)}, k, c)>,
      affine_map<({dims}) -> ({at_y})>], iterator_types = [{", ".join(kinds)}]}}
      ins(%in, %w : {tensor(x_shape)}, {tensor(w_shape)})
      outs(%init : {tensor(y_shape)}) {{
  ^bb0(%u: f32, %v: f32, %acc: f32):
    %m = arith.mulf %u, %v : f32
    %a = arith.addf %acc, %m : f32
    linalg.yield %a : f32
  }} -> {tensor(y_shape)}
  %y = linalg.generic {{indexing_maps = [{same}, affine_map<({at_y}) -> (g, k)>,
      {same + ", " if residual else ""}{same}],
      iterator_types = [{", ".join(kinds[: rank + 3])}]}}
      ins({operands}) outs(%e : {tensor(y_shape)}) {{
  ^bb0(%t: f32, %c: f32, {element}%o: f32):
    %s = arith.addf %t, %c : f32
    %f = {finish} : f32
    linalg.yield %f : f32
  }} -> {tensor(y_shape)}
  return %y : {tensor(y_shape)}
}}
"""
    shapes = [tuple(image), tuple(w_shape), tuple(y_shape[-2:])]
    return text, [*shapes, tuple(y_shape)] if residual else shapes


def direct(arrays: Sequence[Array], groups: int) -> Array:
    """The same by numpy, in f64."""
    x, w, b, *rest = (a.astype(np.float64) for a in arrays)
    n, *spatial, channels = x.shape
    x = np.pad(x, [(0, 0), *[(1, 1)] * len(spatial), (0, 0)])
    x = x.reshape(*x.shape[:-1], groups, channels // groups)
    total = np.zeros((n, *spatial, groups, w.shape[-2]))
    for taps in product(range(3), repeat=len(spatial)):
        at = tuple(slice(t, t + s) for t, s in zip(taps, spatial, strict=True))
        part = x[(slice(None), *at)]
        total += np.einsum("...gc,gkc->...gk", part, w[(slice(None), *taps)])
    total += b
    return total + rest[0] if rest else np.maximum(total, 0)


CASES = {
    "square": ((1, 8, 8, 64), 64, False, 1),
    "tall, a tail of channels": ((1, 6, 14, 75), 83, False, 1),
    "odd both ways": ((2, 7, 9, 97), 110, False, 1),
    "odd one way": ((1, 12, 5, 80), 96, False, 1),
    "a residual": ((3, 6, 6, 64), 65, True, 1),
    "a residual, odd both ways": ((2, 9, 11, 90), 75, True, 1),
    "groups": ((1, 8, 10, 128), 160, False, 2),
    "three dimensions": ((1, 4, 6, 6, 64), 64, False, 1),
}


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_windows_are_summed(
    name: str, threads: int, blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocks:
        small_blocks(monkeypatch)
    image, filters, residual, groups = CASES[name]
    text, shapes = program(image, filters, residual, groups)
    random = np.random.default_rng()
    arrays = [random.standard_normal(shape, dtype=np.float32) for shape in shapes]
    x, w, *rest = arrays
    compiled = brdialect.compile(text, threads=threads, constants={1: w})
    points = 4 ** (len(image) - 2)
    lines = compiled.ir("fuse").splitlines()
    assert not blocks or any("scf.for" in line for line in lines)
    (contraction,) = (line for line in lines if "br.contract" in line)
    assert f": tensor<{points}x" in contraction
    got = compiled(x, *rest)
    want = direct(arrays, groups)
    assert isinstance(got, np.ndarray)
    error = np.abs(got - want).max() / np.abs(want).max()
    assert error < 3e-6


def test_the_result_is_transposed() -> None:
    """Its columns before its rows, over a constant of zeros."""
    text = """
func.func @main(%x: tensor<1x9x12x64xf32>, %w: tensor<3x3x64x60xf32>)
    -> tensor<1x10x7x60xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x10x7x60xf32>
  %y = linalg.generic {indexing_maps = [
      affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>,
      affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>,
      affine_map<(n, p, q, k, r, s, c) -> (n, q, p, k)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction",
                        "reduction", "reduction"]}
      ins(%x, %w : tensor<1x9x12x64xf32>, tensor<3x3x64x60xf32>)
      outs(%zero : tensor<1x10x7x60xf32>) {
  ^bb0(%u: f32, %v: f32, %acc: f32):
    %m = arith.mulf %u, %v : f32
    %a = arith.addf %acc, %m : f32
    linalg.yield %a : f32
  } -> tensor<1x10x7x60xf32>
  return %y : tensor<1x10x7x60xf32>
}"""
    random = np.random.default_rng()
    x = random.standard_normal((1, 9, 12, 64), np.float32)
    w = random.standard_normal((3, 3, 64, 60), np.float32)
    compiled = brdialect.compile(text, constants={1: w})
    assert "br.contract" in compiled.ir("fuse")
    assert "tensor<16x" in compiled.ir("fuse")
    got = compiled(x)
    windows = sliding_window_view(x.astype(np.float64), (3, 3), axis=(1, 2))
    want = np.einsum("npqcrs,rsck->nqpk", windows, w)
    assert isinstance(got, np.ndarray)
    assert np.abs(got - want).max() < 3e-6 * np.abs(want).max()


def test_exact_leaves_the_sum_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    text, shapes = program((1, 8, 8, 64), 64, residual=False)
    weights = np.ones(shapes[1], np.float32)
    exact = brdialect.compile(text, constants={1: weights}, exact=True)
    assert "tensor<16x" not in exact.ir("fuse")
    # an infinity reaches the windows that it is in, and no other
    x = np.zeros(shapes[0], np.float32)
    x[0, 0, 0, 0] = np.inf
    y = exact(x, np.zeros(shapes[2], np.float32))
    assert isinstance(y, np.ndarray)
    assert np.isfinite(y[0, 2:, 2:]).all()
    assert not np.isfinite(y[0, :2, :2]).any()
    monkeypatch.setenv("BR_EXACT", "1")
    assert with_exact(TARGETS["x86-64-v3"], exact=False).exact
    monkeypatch.setenv("BR_EXACT", "yes")
    with pytest.raises(BrError, match="BR_EXACT: expected 0 or 1, got 'yes'"):
        brdialect.compile(text)
