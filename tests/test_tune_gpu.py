"""br-tune for GPUs, on a driver that runs kernels in numpy."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_lines import call
from fake_driver import FakeDriver, fake
from gpu import SM_80, SM_90, Contraction, assemble, needs_ptxas, ptx_of
from test_gpu_kernels import MATMULS
from test_tune import AlwaysFaster

import brdialect
from brdialect.block_tile import BlockTile
from brdialect.schedule import parse_schedule
from brdialect.source import parse_module
from brdialect.target import target_named
from passes.schedule.default_tile import Row
from passes.schedule.tile_space import (
    MORE_TILES,
    MORE_WARPGROUP_TILES,
    TileSpace,
    has_registers,
)
from runtime.cli import tune
from runtime.host import with_exact
from runtime.program import run_until
from runtime.schedule_cache import keep, tuned_schedules
from runtime.schedule_file import schedule_file
from runtime.tuner import session
from runtime.tuner.contractions import contractions_of

__all__ = ["fake"]

PRODUCT = """
func.func @main(%x: tensor<70x40xEL>, %w: tensor<40x52xEL>) -> tensor<70x52xEL> {
  %zero = arith.constant 0.0 : EL
  %e = tensor.empty() : tensor<70x52xEL>
  %c = linalg.fill ins(%zero : EL) outs(%e : tensor<70x52xEL>) -> tensor<70x52xEL>
  %r = linalg.matmul ins(%x, %w : tensor<70x40xEL>, tensor<40x52xEL>)
    outs(%c : tensor<70x52xEL>) -> tensor<70x52xEL>
  func.return %r : tensor<70x52xEL>
}"""
KEY = "f32: C[a,b] = A[a,c] * B[c,b], a=70 b=52 c=40"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of the test's own."""
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the clock takes a fifth of a second, and nothing else takes any, so
    that a slow machine tries as many candidates as a fast one."""
    clock = SimpleNamespace(monotonic=count(0.0, 0.2).__next__)
    monkeypatch.setattr(session, "time", clock)


def program(folder: Path, element: str = "f32") -> Path:
    """The file of a small product."""
    path = folder / "product.mlir"
    path.write_text(PRODUCT.replace("EL", element))
    return path


def run_tune(path: Path, *more: str, budget: float = 2.0) -> int:
    words = [str(path), f"--target={SM_80}", f"--budget={budget}", *more]
    return tune.run(tune.parse_options(words))


def space_of(
    m: int, n: int, k: int, element: str = "f32", target: str = SM_80
) -> TileSpace:
    """The space of a product of such sizes."""
    text = PRODUCT.replace("70", str(m)).replace("52", str(n)).replace("40", str(k))
    module = parse_module(text.replace("EL", element))
    found = target_named(target)
    run_until(module, found, "fuse")
    (work,) = contractions_of(module, found)
    return TileSpace(work.problem)


@pytest.mark.parametrize(("element", "numpy"), [("f32", "f4"), ("f16", "f2")])
def test_winners_are_kept_and_used(
    fake: FakeDriver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    element: str,
    numpy: str,
):
    monkeypatch.setattr(session, "Track", AlwaysFaster)
    path = program(tmp_path, element)
    assert run_tune(path) == 0
    file = schedule_file(target_named(SM_80))
    assert file is not None
    ((_, entry),) = json.loads(file.read_text())["schedules"].items()
    assert entry["schedule"] != entry["default"]
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(s).astype(numpy) for s in ((70, 40), (40, 52)))
    f = brdialect.compile(path, target=SM_80)
    assert entry["schedule"] in f.ir("choose-schedule")
    np.testing.assert_allclose(f(x, w), x.astype("f8") @ w, rtol=1e-2, atol=2e-2)
    assert f"{entry['default']}" in brdialect.compile(
        path, target=SM_80, tuned=False
    ).ir("choose-schedule")


def test_wrong_results_do_not_count(
    fake: FakeDriver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """A device on which kernels with three slices do nothing."""
    real = FakeDriver.do_culaunchkernel

    def launch(self: FakeDriver, function: Any, *arguments: Any) -> tuple[()]:
        idle = "br.async_wait {pending = 1 : i64}" in str(function.module)
        return () if idle else real(self, function, *arguments)

    monkeypatch.setattr(FakeDriver, "do_culaunchkernel", launch)
    monkeypatch.setattr(session, "Track", AlwaysFaster)
    assert run_tune(program(tmp_path)) == 1
    assert "stages=3" in re.findall(r"wrong result, .*", capsys.readouterr().out)[0]
    assert "stages=3" not in next(iter(tuned_schedules(target_named(SM_80)).values()))


def test_f32_in_f32_has_schedules_of_its_own(fake: FakeDriver):
    target = target_named(SM_80)
    keep(target, KEY, {"schedule": "| m=a n=b k=c | block=32x32x8 warp=16x16 stages=2"})
    assert tuned_schedules(target)
    assert not tuned_schedules(with_exact(target, True))
    text = PRODUCT.replace("EL", "f32")
    f = brdialect.compile(text, target=SM_80, exact=True)
    assert "math=exact" in f.ir("choose-schedule")


def test_a_schedule_that_does_not_fit_is_left_out(fake: FakeDriver):
    words = "block=512x512x64 warp=64x64 stages=4"
    keep(target_named(SM_80), KEY, {"schedule": f"| m=a n=b k=c | {words}"})
    with pytest.warns(RuntimeWarning, match="left out: expected at most 32 warps"):
        brdialect.compile(PRODUCT.replace("EL", "f32"), target=SM_80)


@pytest.mark.parametrize("target", [SM_80, SM_90])
@pytest.mark.parametrize("element", ["f32", "bf16"])
@pytest.mark.parametrize("sizes", [(70, 52, 40), (4096, 4096, 4096), (64, 64, 8192)])
def test_all_candidates_fit(sizes: tuple[int, int, int], element: str, target: str):
    space = space_of(*sizes, element, target)
    first = list(islice(space, 200))
    assert first[0] == space.default and len(set(first)) == 200
    for schedule in first:
        assert space.fault(schedule) is None
        assert parse_schedule(str(schedule)) == schedule
    tiles = [s.block for s in first if s.block is not None]
    assert {t.wgmma for t in tiles} == {False, target == SM_90}
    assert {t.tma for t in tiles} == {False, target == SM_90}
    if sizes[0] == 64:
        assert max(t.split for t in tiles) > 4


def test_what_has_no_blocks_has_one_schedule():
    assert list(space_of(70, 52, 40, "f64")) == [space_of(70, 52, 40, "f64").default]


def test_blocks_that_have_too_many_registers():
    tile = BlockTile(128, 256, 64, 16, 256, 4, wgmma=True)
    assert has_registers(tile) and not has_registers(replace(tile, m=256))
    assert not has_registers(BlockTile(256, 256, 16, 128, 64, 2))


def test_without_a_device(tmp_path: Path):
    done = call("br-tune", program(tmp_path), f"--target={SM_80}", folder=tmp_path)
    if done.code == 0:
        pytest.skip("there is a GPU here")
    assert done.code == 1 and "Traceback" not in done.errors
    assert "an NVIDIA driver and a GPU" in done.errors


@needs_ptxas
@pytest.mark.parametrize("row", [*MORE_TILES, *MORE_WARPGROUP_TILES])
def test_more_tiles_assemble(row: Row):
    m, n, warp_m, warp_n, _ = row
    groups = row in MORE_WARPGROUP_TILES
    target, k = (SM_90, 64) if groups else (SM_80, 32)
    words = f"block={m}x{n}x{k} warp={warp_m}x{warp_n} stages=3"
    words += " mma=wgmma" * groups
    sizes = {"m": 1024, "n": 1024, "k": 1024}
    product = Contraction(MATMULS[0], sizes, "bf16", f"| m=a n=b k=c | {words}")
    ptx = ptx_of(product.module(target=target), target)
    usage, _ = assemble(ptx, target.removeprefix("nvptx64-"))
    assert (usage["f"].spills, usage["f"].stack) == (0, 0)
