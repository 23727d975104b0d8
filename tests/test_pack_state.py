"""Training steps whose parameters lie in panels compute what others do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, f32

import brdialect
from brdialect import BrError
from brdialect.interface import Panels
from brdialect.optimizers import SGD, Adam, Optimizer
from frontends.linalg_builder import Builder
from runtime.panels import fill_panels, out_of_panels
from runtime.training.step import TrainStep

N, C, H, K = 11, 50, 128, 192
RANDOM = np.random.default_rng(0)
WEIGHTS = {
    1: RANDOM.uniform(-0.1, 0.1, (H, C)).astype(np.float32),
    2: RANDOM.uniform(-0.1, 0.1, (H, K)).astype(np.float32),
}


def two_layers(rows: int = N) -> ModuleOp:
    """(x w^T) v: one of the weights is transposed."""
    b = Builder("main", [(s, f32) for s in ((rows, C), (H, C), (H, K))])
    x, w, v = b.args
    return b.finish(b.matmul(b.matmul(x, w, transpose_b=True), v))


def open_layers() -> str:
    """The same for any number of rows."""
    return """
    func.func @main(%x: tensor<?x50xf32>, %w: tensor<128x50xf32>,
                    %v: tensor<128x192xf32>) -> tensor<?x192xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x50xf32>
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%n) : tensor<?x128xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x128xf32>)
        -> tensor<?x128xf32>
      %h = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
          affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
          iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%x, %w : tensor<?x50xf32>, tensor<128x50xf32>)
          outs(%i : tensor<?x128xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %p = arith.mulf %a, %b : f32
        %s = arith.addf %c, %p : f32
        linalg.yield %s : f32
      } -> tensor<?x128xf32>
      %f = tensor.empty(%n) : tensor<?x192xf32>
      %j = linalg.fill ins(%zero : f32) outs(%f : tensor<?x192xf32>)
        -> tensor<?x192xf32>
      %y = linalg.matmul ins(%h, %v : tensor<?x128xf32>, tensor<128x192xf32>)
        outs(%j : tensor<?x192xf32>) -> tensor<?x192xf32>
      func.return %y : tensor<?x192xf32>
    }"""


def batch(rows: int, seed: int) -> list[np.ndarray]:
    """What goes in, and what is wanted."""
    random = np.random.default_rng(seed)
    shapes = (rows, C), (rows, K)
    return [random.standard_normal(s).astype(np.float32) for s in shapes]


def by_hand(optimizer: SGD | Adam, batches: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The parameters after some steps, in float64."""
    w, v = (a.astype(np.float64) for a in WEIGHTS.values())
    moments = [[np.zeros_like(a), np.zeros_like(a)] for a in (w, v)]
    for t, (x, wanted) in enumerate(batches, 1):
        h = x.astype(np.float64) @ w.T
        dy = 2 * (h @ v - wanted) / wanted.size
        gradients = (dy @ v.T).T @ x, h.T @ dy
        new: list[np.ndarray] = []
        for p, g, m in zip((w, v), gradients, moments, strict=True):
            if isinstance(optimizer, SGD):
                g = g + optimizer.weight_decay * p
                m[0] = optimizer.momentum * m[0] + g
                new.append(p - optimizer.rate * m[0])
            else:
                b1, b2 = optimizer.beta1, optimizer.beta2
                m[0], m[1] = b1 * m[0] + (1 - b1) * g, b2 * m[1] + (1 - b2) * g * g
                spread = np.sqrt(m[1] / (1 - b2**t)) + optimizer.epsilon
                new.append(p - optimizer.rate * m[0] / (1 - b1**t) / spread)
        w, v = new
    return [w, v]


def panels_of(step: TrainStep) -> list[Panels | None]:
    """How the state lies after a call."""
    (*_, code) = step._codes.values()  # pyright: ignore[reportPrivateUsage]
    return code.panels


OPTIMIZERS = (
    SGD(rate=0.5, momentum=0.9, weight_decay=0.01),
    SGD(rate=0.5),
    Adam(rate=0.01),
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_steps_by_hand(optimizer: Optimizer, threads: int):
    step = brdialect.train_step(
        two_layers(), "mean-squared-error", optimizer, WEIGHTS, threads=threads
    )
    found = panels_of(step)
    assert found[0] is not None and found[0].cut == 0
    assert found[1] is not None and found[1].cut == 1
    assert len(found) == 2 * (1 + len(optimizer.moments))
    assert found[2:] == found[:2] * len(optimizer.moments)
    batches = [batch(N, seed) for seed in range(4)]
    for arrays in batches:
        step(*arrays)
    for got, want in zip(
        step.parameters.values(), by_hand(optimizer, batches), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)


def test_layouts_change_with_the_batch():
    """Batches of other sizes have code of their own, and maybe other panels."""
    optimizer = SGD(rate=0.5, momentum=0.9)
    step = brdialect.train_step(
        open_layers(), "mean-squared-error", optimizer, WEIGHTS, threads=1
    )
    batches = [batch(rows, rows) for rows in (1, 300, 5, 300, 1)]
    layouts: set[str] = set()
    for arrays in batches:
        step(*arrays)
        layouts.add(str(step._panels))  # pyright: ignore[reportPrivateUsage]
    assert len(layouts) > 1
    for got, want in zip(
        step.parameters.values(), by_hand(optimizer, batches), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)


def test_state_is_row_major_outside():
    """What one step gives to another, or to a checkpoint, says nothing of panels."""
    first, second = (
        brdialect.train_step(
            two_layers(), "mean-squared-error", Adam(), WEIGHTS, threads=1
        )
        for _ in range(2)
    )
    for i, array in first.parameters.items():
        np.testing.assert_array_equal(array, WEIGHTS[i])
    first(*batch(N, 0))
    second.restore(first.state())
    for step in (first, second):
        step(*batch(N, 1))
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, second.state()[name])


def test_a_lost_step_changes_nothing():
    step = brdialect.train_step(
        two_layers(), "mean-squared-error", SGD(0.1, 0.9), WEIGHTS, threads=1
    )
    step(*batch(N, 0))
    before = step.state()
    x, wanted = batch(N, 1)
    for lost in (np.nan, np.inf):
        x[3, 7] = lost
        with pytest.raises(BrError, match="step 2: expected a finite loss"):
            step(x, wanted)
        for name, array in step.state().items():
            np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_panels_of_an_array(cut: int):
    array = RANDOM.standard_normal((4, 6, 8))
    others = [d for d in (2, 1, 0) if d != cut]
    panels = Panels(cut, others, 2)
    packed = np.empty_like(array)
    fill_panels(packed, array, panels)
    shape = [array.shape[cut] // 2, *(array.shape[d] for d in others), 2]
    memory = packed.reshape(shape)
    at = [3, 5, 1]
    index = [at[cut] // 2, *(at[d] for d in others), at[cut] % 2]
    assert memory[tuple(index)] == array[tuple(at)]
    np.testing.assert_array_equal(out_of_panels(packed, panels), array)


def test_state_is_refused_elsewhere(tmp_path: Path):
    path = tmp_path / "state.mlir"
    path.write_text(
        """func.func @main(%x: tensor<4xf32> {br.state = 0}) -> tensor<4xf32> {
             func.return %x : tensor<4xf32>
           }"""
    )
    with pytest.raises(BrError, match=r"argument 0 .* got state \(br.state\)"):
        brdialect.compile(path)
