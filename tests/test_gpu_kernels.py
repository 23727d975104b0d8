"""Kernels of GPUs, run block by block in numpy, against what the contraction means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gpu import SM_80, SM_90, Contraction, error, simulate

from brdialect.errors import BrError

LIMIT = {"f32": 1e-3, "exact": 1e-6, "bf16": 1e-6, "f16": 1e-6, "f64": 1e-14}
"""Of |got - want| / |want|. Rounding both factors to tf32 gives 3e-4; bf16 and f16 are
exact as they come."""


def conv(
    n: int,
    size: tuple[int, int],
    c: int,
    window: tuple[int, int],
    f: int,
    stride: int = 1,
    dilation: int = 1,
) -> Contraction:
    """A channels-last convolution."""
    (h, w), (r, s) = size, window
    image = [(x - 1) * stride + (y - 1) * dilation + 1 for x, y in ((h, r), (w, s))]
    return Contraction(
        f"n h*{stride}+r*{dilation} w*{stride}+s*{dilation} c, r s c f -> n h w f",
        {"n": n, "h": h, "w": w, "f": f, "r": r, "s": s, "c": c},
        shapes=((n, *image, c), (r, s, c, f), (n, h, w, f)),
    )


MATMULS = ["m k, k n -> m n", "m k, n k -> m n", "k m, k n -> m n", "k m, n k -> m n"]
RELU = """%s = arith.addf %acc, %x : f32
  %z = arith.constant 0.0 : f32
  %r = arith.maximumf %s, %z : f32"""

OTHERS = {
    "batch": Contraction("b m k, b k n -> b m n", {"b": 3, "m": 33, "n": 20, "k": 17}),
    "two sums": Contraction("m k l, l k n -> m n", {"m": 20, "n": 34, "k": 5, "l": 12}),
    "row": Contraction("k, k n -> n", {"n": 70, "k": 90}),
    "conv": conv(2, (7, 5), 16, (3, 3), 40),
    "conv 1x1": conv(3, (7, 7), 32, (1, 1), 64),
    "strided": conv(2, (5, 6), 3, (7, 7), 33, stride=2),
    "dilated": conv(1, (6, 5), 8, (3, 3), 20, dilation=2),
    "bias": replace(conv(2, (7, 5), 16, (3, 3), 40), epilogue=RELU, extra="f"),
    "residual": replace(
        conv(1, (7, 5), 16, (3, 3), 41), epilogue=RELU, extra="n h w f", beta=1.0
    ),
    "weight gradient": Contraction(
        "n h+r w+s c, n h w f -> r s c f",
        {"r": 3, "s": 3, "c": 16, "f": 24, "n": 2, "h": 6, "w": 5},
        shapes=((2, 8, 7, 16), (2, 6, 5, 24), (3, 3, 16, 24)),
    ),
    "groups": Contraction(
        "n h+r w+s g c, r s g c f -> n h w g f",
        {"n": 1, "h": 5, "w": 5, "g": 2, "f": 18, "r": 3, "s": 3, "c": 8},
        shapes=((1, 7, 7, 2, 8), (3, 3, 2, 8, 18), (1, 5, 5, 2, 18)),
    ),
    "depthwise": Contraction(
        "n h+r w+s c, r s c -> n h w c",
        {"n": 1, "h": 5, "w": 5, "c": 18, "r": 3, "s": 3},
        shapes=((1, 7, 7, 18), (3, 3, 18), (1, 5, 5, 18)),
    ),
}


def check(contraction: Contraction, limit: float, target: str = SM_80) -> None:
    """The kernel's result, and that no lanes wait at the banks of shared memory."""
    module = contraction.module(target=target)
    arrays = contraction.arrays()
    want = contraction.want(arrays)
    seen = simulate(module, "f", arrays)
    assert error(arrays[2], want) < limit
    assert seen.launches == 1
    assert not any(seen.conflicts.values())


@pytest.mark.parametrize("element", ["f32", "bf16", "f16", "exact"])
@pytest.mark.parametrize("maps", MATMULS)
def test_products_whose_sizes_divide_nothing(maps: str, element: str):
    block = "block=64x32x16 warp=32x16 stages=3"
    if element == "exact":
        block += " math=exact"
    contraction = Contraction(
        maps,
        # multiply-adds take a step of the sum at a time, and long in numpy
        {"m": 71, "n": 53, "k": 43 if element == "exact" else 75},
        element.replace("exact", "f32"),
        f"| m=a n=b k=c | {block}",
    )
    check(contraction, LIMIT[element])


@pytest.mark.parametrize("element", ["f32", "bf16"])
@pytest.mark.parametrize("name", OTHERS)
def test_every_contraction(name: str, element: str):
    contraction = OTHERS[name]
    if element == "bf16" and contraction.epilogue:
        contraction = replace(contraction, beta=0.0)
    check(replace(contraction, element=element), LIMIT[element])


@pytest.mark.parametrize(
    "block",
    [
        "block=128x128x16 warp=64x64 stages=4",
        "block=64x64x32 warp=32x32 stages=2",
        "block=32x64x8 warp=32x32 stages=5",
        "block=64x128x64 warp=16x64 stages=2",
        "block=32x32x16 warp=16x16 stages=4 order=2",
        "block=32x32x16 warp=32x32 stages=2 order=8",
    ],
)
def test_every_form_of_a_block(block: str):
    maps, sizes = MATMULS[0], {"m": 132, "n": 100, "k": 44}
    check(Contraction(maps, sizes, schedule=f"| m=a n=b k=c | {block}"), LIMIT["f32"])


def test_numbers_that_are_none_stay_where_they_are():
    contraction = Contraction(MATMULS[0], {"m": 40, "n": 40, "k": 20})
    arrays = contraction.arrays()
    arrays[0][3, 5], arrays[0][7, 0] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        want = arrays[0] @ arrays[1]
    simulate(contraction.module(), "f", arrays)
    np.testing.assert_array_equal(np.isfinite(arrays[2]), np.isfinite(want))
    np.testing.assert_array_equal(np.isnan(arrays[2]), np.isnan(want))


def test_f64_and_the_other_target():
    check(Contraction(MATMULS[0], {"m": 5, "n": 7, "k": 9}, "f64"), LIMIT["f64"])
    check(Contraction(MATMULS[0], {"m": 45, "n": 37, "k": 29}), LIMIT["f32"], SM_90)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("m=a n=b | block=64x64x16 warp=32x32 stages=3", "expected 'c' once"),
        ("m=c n=b k=a | block=64x64x16 warp=32x32 stages=3", "role m for m="),
        ("m=a n=b k=c | block=64x64x16 warp=32x48 stages=3", "powers of two"),
        ("m=a n=b k=c | block=64x64x16 warp=64x8 stages=3", "multiples of 16"),
        ("m=a n=b k=c | block=64x64x16 warp=32x32 stages=1", "at least 2 stages="),
        ("m=a n=b k=c | block=256x256x32 warp=64x64 stages=4", "166912 bytes"),
        ("m=a n=b k=c | block=512x512x8 warp=16x64 stages=2", "at most 32 warps"),
        ("m=a n=b k=c | tile=6x2", "no tile=, pack=, prefetch= or skip="),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(words: str, fault: str):
    contraction = Contraction(
        MATMULS[0], {"m": 70, "n": 50, "k": 40}, schedule="|" + words
    )
    with pytest.raises(BrError, match=fault):
        contraction.module()


def test_what_tensor_cores_do_not_have_is_refused():
    words = "| m=a n=b k=c | block=64x64x16 warp=32x32 stages=3"
    f64 = Contraction(MATMULS[0], {"m": 70, "n": 50, "k": 40}, "f64", words)
    with pytest.raises(BrError, match="no block= for elements f64"):
        f64.module()
    exact = replace(f64, element="bf16", schedule=f"{words} math=exact")
    with pytest.raises(BrError, match="no block= for elements bf16"):
        exact.module()
