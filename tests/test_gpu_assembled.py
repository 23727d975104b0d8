"""NVIDIA's assembler takes the kernels: no spills, and tensor cores where promised."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gpu import (
    SM_80,
    SM_90,
    Contraction,
    assemble,
    machine_code,
    needs_ptxas,
    ptx_of,
)
from test_gpu_kernels import MATMULS, OTHERS

pytestmark = needs_ptxas

LARGE = {"m": 1024, "n": 1024, "k": 1024}
ARCH = {SM_80: "sm_80", SM_90: "sm_90a"}


@pytest.mark.parametrize("target", [SM_80, SM_90])
@pytest.mark.parametrize(
    ("element", "words"),
    [
        ("f32", "block=128x128x16 warp=64x64 stages=4"),
        ("f32", "block=64x64x16 warp=32x32 stages=3 math=exact"),
        ("bf16", "block=128x128x32 warp=64x64 stages=4"),
        ("f16", "block=64x128x32 warp=32x64 stages=3"),
    ],
)
def test_matrix_products(element: str, words: str, target: str):
    tensor_cores = "exact" not in words
    for maps in (MATMULS[0], MATMULS[3])[target == SM_90 :]:
        contraction = Contraction(maps, LARGE, element, f"| m=a n=b k=c | {words}")
        ptx = ptx_of(contraction.module(target=target), target)
        usage, image = assemble(ptx, ARCH[target])
        assert (usage["f"].spills, usage["f"].stack) == (0, 0)
        assert 64 <= usage["f"].registers <= 255
        code = machine_code(image)
        assert ("HMMA" in code) == tensor_cores
        assert ("FFMA" in code) != tensor_cores
        assert "LDGSTS" in code  # asynchronous copies


@pytest.mark.parametrize("name", OTHERS)
def test_other_contractions(name: str):
    for element in ("f32", "bf16"):
        contraction = replace(OTHERS[name], element=element)
        usage, _ = assemble(ptx_of(contraction.module()))
        assert (usage["f"].spills, usage["f"].stack) == (0, 0)
