"""Products by `wgmma` (compute capability 9.0): in numpy, and through ptxas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gpu import (
    SM_90,
    Contraction,
    assemble,
    error,
    machine_code,
    needs_ptxas,
    ptx_of,
    simulate,
)
from test_gpu_kernels import LIMIT, MATMULS, RELU, conv
from xdsl.dialects.builtin import IntegerAttr, i64

from brdialect.errors import BrError
from brdialect.gpu_ops import AsyncWaitOp, BarrierOp
from brdialect.ops import BatchReduceGemmOp
from brdialect.reference.gpu import warpgroups
from brdialect.target import target_named
from brdialect.warpgroup_ops import ProxyFenceOp, WarpgroupMmaOp, WarpgroupWaitOp
from passes.gpu.shared_layout import SharedLayout
from passes.llvm.warpgroup import offsets
from passes.schedule.default_tile import Sizes, default_tile

SIZES = {"m": 71, "n": 83, "k": 75}


def product(maps: str, element: str, block: str, **sizes: int) -> Contraction:
    """A product with `mma=wgmma`."""
    words = f"| m=a n=b k=c | {block} mma=wgmma"
    return Contraction(maps, {**SIZES, **sizes}, element, words)


def check(contraction: Contraction) -> None:
    """Against the reference. The last bits of tf32 are cut off, not rounded."""
    module = contraction.module(target=SM_90)
    assert any(isinstance(op, WarpgroupMmaOp) for op in module.walk())
    arrays = contraction.arrays()
    want = contraction.want(arrays)
    seen = simulate(module, "f", arrays)
    assert error(arrays[2], want) < LIMIT[contraction.element]
    assert not any(seen.conflicts.values())


@pytest.mark.parametrize(
    ("maps", "element", "block"),
    [
        (MATMULS[0], "bf16", "block=64x64x64 warp=16x64 stages=2"),
        (MATMULS[1], "f16", "block=128x64x64 warp=16x64 stages=3"),
        (MATMULS[2], "f16", "block=128x128x64 warp=16x128 stages=2 order=2"),
        (MATMULS[3], "bf16", "block=64x256x64 warp=16x256 stages=2"),
        (MATMULS[1], "f32", "block=64x64x32 warp=16x64 stages=4"),
        (MATMULS[0], "f32", "block=64x64x32 warp=16x64 stages=3"),
        (MATMULS[2], "f32", "block=128x64x32 warp=16x64 stages=2"),
        (MATMULS[3], "f32", "block=256x64x32 warp=16x64 stages=2"),
    ],
)
def test_products_whose_sizes_divide_nothing(maps: str, element: str, block: str):
    check(product(maps, element, block, k=75 if element == "f32" else 140))


def test_a_convolution_with_an_epilogue():
    words = "| m=c n=d k=g rows=a,b batch=e,f | block=64x64x64 warp=16x64 stages=2"
    layer = conv(2, (7, 5), 16, (3, 3), 40)
    layer = replace(layer, element="bf16", schedule=f"{words} mma=wgmma")
    check(replace(layer, epilogue=RELU, extra="f"))


def test_tiles_that_do_not_fit_fall_back():
    target = target_named(SM_90)
    large = Sizes(4096, 4096, (4096,), 1, 2)
    chosen = default_tile(large, target, True)
    assert str(chosen).endswith("mma=wgmma") and (chosen.m, chosen.n) == (128, 256)
    tf32 = replace(large, element_bytes=4)
    assert not default_tile(tf32, target, True).wgmma
    assert default_tile(replace(tf32, along_sum=True), target, True).wgmma
    exact = replace(target, exact=True)
    assert not default_tile(replace(tf32, along_sum=True), exact, True).wgmma
    assert not default_tile(large, target_named("nvptx64-sm_80"), True).wgmma
    few = Sizes(20, 20, (64,), 1, 2)
    assert not default_tile(few, target, True).wgmma


def test_slices_are_written_after_they_are_waited_for():
    block = "block=64x64x64 warp=16x64 stages=2"
    contraction = product(MATMULS[1], "bf16", block, m=64, n=64, k=200)
    module = contraction.module(target=SM_90)
    (wait,) = (op for op in module.walk() if isinstance(op, WarpgroupWaitOp))
    for old, new in zip(wait.res, wait.sums, strict=True):
        old.replace_all_uses_with(new)
    wait.detach()
    wait.erase()
    with pytest.raises(BrError, match=r"br\.warpgroup_wait before"):
        simulate(module, "f", contraction.arrays())


@pytest.mark.parametrize(
    ("number", "pending", "fault"),
    [
        (0, 2, r"br\.warpgroup_wait before its slices are written"),
        (1, 1, r"br\.warpgroup_wait before its sums are used"),
    ],
)
def test_products_go_on_over_one_barrier(number: int, pending: int, fault: str):
    """The wait of the loop is for the slice before, the last one for all."""
    block = "block=64x64x64 warp=16x64 stages=4"
    contraction = product(MATMULS[1], "bf16", block, m=64, n=64, k=500)
    check(contraction)
    module = contraction.module(target=SM_90)
    waits = [op for op in module.walk() if isinstance(op, WarpgroupWaitOp)]
    assert [op.pending.value.data for op in waits] == [1, 0]
    waits[number].pending = IntegerAttr(pending, i64)
    with pytest.raises(BrError, match=fault):
        simulate(module, "f", contraction.arrays())


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("kind", [ProxyFenceOp, BarrierOp, AsyncWaitOp])
def test_each_fence_barrier_and_wait_is_needed(
    kind: type[ProxyFenceOp] | type[BarrierOp] | type[AsyncWaitOp], stages: int
):
    block = f"block=64x64x64 warp=16x64 stages={stages}"
    contraction = product(MATMULS[1], "bf16", block, m=64, n=64, k=300)
    count = sum(isinstance(op, kind) for op in contraction.module(target=SM_90).walk())
    assert count >= 1
    for number in range(count):
        module = contraction.module(target=SM_90)
        op = [op for op in module.walk() if isinstance(op, kind)][number]
        op.detach()
        op.erase()
        with pytest.raises(BrError):
            simulate(module, "f", contraction.arrays())


@pytest.mark.parametrize(("size", "across"), [(2, False), (4, False), (2, True)])
def test_slices_lie_where_descriptors_look(size: int, across: bool):
    depth = 128 // size
    layout = SharedLayout(128, depth, size)
    if across:
        layout = SharedLayout(depth, 128, size, panel=64)
    found = (warpgroups.across_sum if across else warpgroups.along_sum)(
        1024, 128, depth, size
    )
    for i in (0, 1, 7, 8, 63, 64, 127):
        for k in range(depth):
            row, column = (k, i) if across else (i, k)
            place = layout.offset(row, column)
            assert isinstance(place, int)
            assert 1024 + place * size == found[i, k]
    assert np.unique(found).size == 128 * depth


@pytest.mark.parametrize(("size", "across"), [(2, False), (4, False), (2, True)])
def test_descriptors_say_where_slices_lie(size: int, across: bool):
    """The canonical layouts of CUTLASS, in chunks of 16 bytes: ((8,n),2):((8,SBO),1)
    along the sum, ((8,n),(8,k)):((1,LBO),(8,SBO)) across it, for each instruction."""
    known = offsets(across, size)
    leading, stride = known.leading // 16, known.stride // 16
    count, steps, part = 128, 128 // size, 32 // size
    slice_ = warpgroups.across_sum if across else warpgroups.along_sum
    found = slice_(0, count, steps, size)
    for i, k in np.ndindex(count, steps):
        instruction, inside = divmod(k, part)
        if across:
            c = i % 64 // 8 + i // 64 * leading + inside % 8 * 8 + inside // 8 * stride
            byte = 16 * c + i % 8 * size
        else:
            c = i % 8 * 8 + i // 8 * stride + inside * size // 16
            byte = 16 * c + inside * size % 16
        byte += instruction * known.step
        assert byte ^ (byte >> 7 & 7) << 4 == found[i, k]


@pytest.mark.parametrize(
    ("element", "words", "fault"),
    [
        ("bf16", "block=96x64x64 warp=16x64", "powers of two"),
        ("bf16", "block=64x64x64 warp=32x32", "warp=16xN of all columns"),
        ("bf16", "block=64x64x32 warp=16x64", r"expected 64 steps of the sum \(128 b"),
        ("bf16", "block=64x512x64 warp=16x512", "64 to 256 columns"),
        ("f32", "block=64x64x32 warp=16x64 math=exact", "no math=exact beside"),
        ("bf16", "block=64x64x64 warp=16x64 mma=hmma", "expected mma=wgmma, got"),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(element: str, words: str, fault: str):
    block = f"{words} stages=2"
    contraction = product(MATMULS[0], element, block)
    if "hmma" in words:
        words = contraction.schedule.replace(" mma=wgmma", "")
        contraction = replace(contraction, schedule=words)
    with pytest.raises(BrError, match=fault):
        contraction.module(target=SM_90)


def test_other_devices_have_none():
    block = "block=64x64x64 warp=16x64 stages=2"
    with pytest.raises(BrError, match=r"no mma=wgmma on nvptx64-sm_80; nvptx64-sm_90a"):
        product(MATMULS[0], "bf16", block).module()


@needs_ptxas
@pytest.mark.parametrize(
    ("maps", "element", "block", "code"),
    [
        (0, "bf16", "block=128x256x64 warp=16x256 stages=4", "64x256x16.F32.BF16"),
        (1, "f32", "block=128x128x32 warp=16x128 stages=4", "64x128x8.F32.TF32"),
        (0, "f32", "block=128x256x32 warp=16x256 stages=4", "64x256x8.F32.TF32"),
        (2, "f32", "block=128x128x32 warp=16x128 stages=3", "64x128x8.F32.TF32"),
        (2, "f16", "block=64x64x64 warp=16x64 stages=3", "64x64x16.F32"),
    ],
)
def test_the_kernels_assemble(maps: int, element: str, block: str, code: str):
    large = {"m": 1024, "n": 1024, "k": 1024}
    module = product(MATMULS[maps], element, block, **large).module(target=SM_90)
    assert not any(isinstance(op, BatchReduceGemmOp) for op in module.walk())
    ptx = ptx_of(module, SM_90)
    assert ptx.count("wgmma.mma_async") == 4
    usage, image = assemble(ptx, "sm_90a")  # which fails on a warning
    assert (usage["f"].spills, usage["f"].stack) == (0, 0)
    found = machine_code(image)
    assert f"HGMMA.{code}" in found and "HMMA" not in found
    assert "WARPGROUP.DEPBAR.LE gsb0, 0x1" in found  # products go on
    assert "LDGSTS" in found
