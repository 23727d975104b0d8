"""A convolution's padding on a GPU: no copy of the image is made, whoever copies it to
shared memory puts the zeros in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from gpu import (
    SM_80,
    SM_90,
    Array,
    Contraction,
    assemble,
    called,
    error,
    lowered,
    machine_code,
    needs_ptxas,
    ptx_of,
)
from test_gpu_boxes import BLOCK, TMA, check, counts, maps_of, name
from xdsl.dialects.builtin import ModuleOp

from brdialect.box_map import BoxMap, Window
from brdialect.gpu_ops import AsyncCopyOp
from brdialect.padded_view_op import PaddedViewOp
from brdialect.reference.values import round_to_bf16
from brdialect.source import context
from passes.registry import pass_named

CONV = """
func.func @main(%x: tensor<{x}>, %w: tensor<{w}>) -> tensor<{y}> {{
  %zero = arith.constant 0.0 : {t}
  %p = tensor.pad %x low[0, {lh}, {lw}, 0] high[0, {hh}, {hw}, 0] {{
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : {t}
  }} : tensor<{x}> to tensor<{padded}>
  %e = tensor.empty() : tensor<{y}>
  %f = linalg.fill ins(%zero : {t}) outs(%e : tensor<{y}>) -> tensor<{y}>
  %r = linalg.{op} {{{words}
    dilations = dense<{dilation}> : vector<2xi64>,
    strides = dense<{stride}> : vector<2xi64>}}
    ins(%p, %w : tensor<{padded}>, tensor<{w}>) outs(%f : tensor<{y}>) -> tensor<{y}>
  func.return %r : tensor<{y}>
}}"""

Pads = tuple[int, int, int, int]
"""Zeros before and after the lines, and before and after the pixels."""


def program(
    image: tuple[int, int, int, int],
    filters: tuple[int, int, int],
    pads: Pads,
    element: str = "f32",
    stride: int = 1,
    dilation: int = 1,
    schedule: str = "",
) -> str:
    """A layer of images (n, lines, pixels, channels) with (filters, lines, pixels of
    the window); no filters: one for each channel."""
    n, h, w, c = image
    k, r, s = filters
    lh, hh, lw, hw = pads
    out = [
        (size - (taps - 1) * dilation - 1) // stride + 1
        for size, taps in ((h + lh + hh, r), (w + lw + hw, s))
    ]

    def of(*sizes: int) -> str:
        return "x".join([*map(str, sizes), element])

    return CONV.format(
        x=of(*image),
        padded=of(n, h + lh + hh, w + lw + hw, c),
        w=of(r, s, c, k) if k else of(r, s, c),
        y=of(n, *out, k or c),
        t=element,
        op="conv_2d_nhwc_hwcf" if k else "depthwise_conv_2d_nhwc_hwc",
        words=schedule and f'br.schedule = #br.schedule<"{schedule}">,',
        lh=lh,
        hh=hh,
        lw=lw,
        hw=hw,
        stride=stride,
        dilation=dilation,
    )


def by_torch(
    x: Array, w: Array, pads: Pads, stride: int = 1, dilation: int = 1
) -> Array:
    """The same by PyTorch, in f64."""
    torch = pytest.importorskip("torch")
    lh, hh, lw, hw = pads
    image = torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2)
    image = torch.nn.functional.pad(image, (lw, hw, lh, hh))
    taps = torch.tensor(w, dtype=torch.float64)
    own = taps.ndim == 3
    taps = taps.permute(2, 0, 1)[:, None] if own else taps.permute(3, 2, 0, 1)
    groups = x.shape[-1] if own else 1
    y = torch.nn.functional.conv2d(
        image, taps, stride=stride, dilation=dilation, groups=groups
    )
    return y.permute(0, 2, 3, 1).numpy()


def arrays_of(text: str, element: str) -> list[Array]:
    """Random images and filters."""
    random = np.random.default_rng(0)
    types = [part.partition(">")[0] for part in text.split("tensor<")[1:3]]
    shapes = [[int(n) for n in x.split("x")[:-1]] for x in types]
    found = [random.standard_normal(x) for x in shapes]
    if element == "bf16":
        found = [round_to_bf16(x.astype(np.float32)) for x in found]
    dtype = {"f64": np.float64, "f16": np.float16}.get(element, np.float32)
    return [x.astype(dtype) for x in found]


def copied_by_threads(module: ModuleOp) -> bool:
    """Whether threads copy to shared memory, asynchronously."""
    return any(isinstance(op, AsyncCopyOp) for op in module.walk())


LIMIT = {"f32": 2e-3, "bf16": 1e-2, "f16": 2e-3, "f64": 1e-12}
WINDOW = "| m=c n=d k=g rows=a,b batch=e,f | "


@pytest.mark.parametrize(
    ("image", "filters", "pads", "element", "stride", "dilation", "words"),
    [
        ((2, 7, 6, 6), (9, 3, 3), (1, 1, 1, 1), "f32", 1, 1, ""),
        ((2, 7, 6, 16), (9, 3, 3), (1, 1, 1, 1), "f32", 1, 1, ""),
        ((2, 7, 6, 16), (9, 3, 3), (1, 0, 0, 2), "bf16", 2, 1, ""),
        ((1, 9, 11, 4), (20, 7, 7), (3, 3, 3, 3), "f32", 2, 1, ""),
        # two channels of two taps lie side by side, of which one may be outside
        ((2, 5, 5, 2), (9, 3, 4), (2, 2, 3, 3), "f32", 1, 1, ""),
        ((2, 5, 7, 12), (9, 3, 2), (0, 0, 4, 4), "f16", 1, 2, ""),
        ((2, 6, 5, 3), (4, 3, 3), (1, 1, 1, 1), "f64", 2, 1, ""),
        ((2, 6, 5, 10), (0, 3, 3), (1, 2, 0, 1), "f32", 1, 1, ""),
        ((2, 7, 6, 8), (9, 3, 3), (1, 1, 1, 1), "f32", 1, 1, "math=exact"),
        ((2, 7, 6, 8), (9, 3, 3), (1, 1, 1, 1), "f32", 1, 1, "split=3"),
        ((2, 7, 6, 8), (9, 3, 3), (1, 1, 1, 1), "bf16", 1, 1, "split=2"),
    ],
)
def test_by_threads(
    image: tuple[int, int, int, int],
    filters: tuple[int, int, int],
    pads: Pads,
    element: str,
    stride: int,
    dilation: int,
    words: str,
):
    tile = f"block=32x32x16 warp=16x16 stages=3 {words}" if words else ""
    schedule = words and WINDOW + tile
    text = program(image, filters, pads, element, stride, dilation, schedule)
    module = lowered(text, SM_80)
    x, w = arrays_of(text, element)
    (got,), seen = called(module, [x, w])
    assert error(got, by_torch(x, w, pads, stride, dilation)) <= LIMIT[element]
    assert seen.launches == 1 + ("split" in words)
    assert not any(seen.conflicts.values())


@pytest.mark.parametrize(
    ("image", "filters", "pads", "stride", "dilation", "words"),
    [
        ((2, 9, 7, 64), (40, 3, 3), (1, 1, 1, 1), 1, 1, ""),
        ((2, 9, 7, 64), (40, 3, 3), (1, 1, 1, 1), 2, 1, ""),
        ((3, 5, 7, 72), (40, 5, 5), (2, 2, 2, 2), 1, 1, ""),
        ((2, 8, 9, 64), (40, 3, 2), (2, 0, 0, 1), 1, 1, ""),
        ((2, 8, 9, 64), (40, 3, 3), (2, 2, 2, 2), 1, 2, ""),
        ((2, 8, 9, 64), (40, 3, 3), (2, 2, 1, 1), 2, 2, ""),
        ((1, 9, 7, 64), (40, 3, 1), (1, 1, 0, 0), 1, 1, ""),
        # most pixels, and most lines, are behind the edge
        ((2, 1, 1, 64), (40, 2, 2), (2, 2, 3, 0), 1, 1, ""),
        ((1, 3, 3, 64), (40, 3, 3), (0, 0, 1, 1), 1, 1, ""),
        ((2, 9, 7, 128), (40, 3, 3), (1, 1, 1, 1), 1, 1, "split=2"),
    ],
)
def test_by_boxes(
    image: tuple[int, int, int, int],
    filters: tuple[int, int, int],
    pads: Pads,
    stride: int,
    dilation: int,
    words: str,
):
    schedule = f"{WINDOW}{BLOCK} {words} {TMA}"
    text = program(image, filters, pads, "bf16", stride, dilation, schedule)
    module = lowered(text, SM_90)
    assert not copied_by_threads(module)
    assert any(x.window is not None for x in maps_of(module))
    x, w = arrays_of(text, "bf16")
    (got,), seen = called(module, [x, w])
    assert error(got, by_torch(x, w, pads, stride, dilation)) < LIMIT["bf16"]
    assert seen.launches == 1 + ("split" in words)


def test_the_numbers_of_a_map():
    schedule = WINDOW + BLOCK + TMA.rjust(len(TMA) + 1)
    text = program((2, 9, 7, 64), (40, 3, 5), (1, 0, 2, 3), "bf16", 1, 1, schedule)
    image, _ = maps_of(lowered(text, SM_90))
    # 8 x 8 pixels: w from -2 to 5, h from -1 to 6
    window = Window((-2, -1), (-1, -2), (1, 1))
    assert image == BoxMap((64, 7, 9, 2), (64, 448, 4032), (64, 64), window)


def layer(
    image: tuple[int, int, int, int], filters: tuple[int, int, int], pads: Pads
) -> Contraction:
    """The same as a contraction whose map leads out of a."""
    n, h, w, c = image
    k, r, s = filters
    p, q = (x + sum(y) - z + 1 for x, y, z in ((h, pads[:2], r), (w, pads[2:], s)))
    return Contraction(
        f"a b+e-{pads[0]} c+f-{pads[2]} g, e f g d -> a b c d",
        {"a": n, "b": p, "c": q, "d": k, "e": r, "f": s, "g": c},
        "bf16",
        f"{WINDOW}{BLOCK} {TMA}",
        shapes=(image, (r, s, c, k), (n, p, q, k)),
    )


def gradient(x: Contraction) -> Contraction:
    """That of the layer by its filters."""
    n, p, q, k, r, s, c = x.extents.values()
    names = dict(zip("abcdefg", "efgdabc", strict=True))
    turned = "".join(names.get(i, i) for i in x.operands[0])
    return Contraction(
        f"{turned}, e f g d -> a b c d",
        dict(zip("abcdefg", (r, s, c, k, n, p, q), strict=True)),
        x.element,
        x.schedule,
        shapes=(x.shapes[0], (n, p, q, k), (r, s, c, k)),
    )


LAYERS = [
    layer((2, 9, 7, 64), (40, 3, 3), (1, 1, 1, 1)),
    layer((3, 6, 11, 64), (64, 2, 5), (1, 0, 3, 2)),
]


@pytest.mark.parametrize("x", LAYERS, ids=name)
def test_gradients_of_filters(x: Contraction):
    image, _ = check(gradient(x))
    assert image.window is not None and min(image.window.lower) < 0
    for words in ("split=3", "split=2"):  # of lines or images
        part = gradient(x)
        parts = replace(part, schedule=f"{part.schedule} {words}")
        if part.extents["e"] % int(words[-1]) and part.extents["f"] % int(words[-1]):
            continue
        module = lowered(parts.program(), SM_90)
        arrays = parts.arrays()
        (got,), _ = called(module, arrays[:2])
        assert error(got, parts.want(arrays)) < 1e-6


def test_random_windows():
    random = np.random.default_rng(1)
    for _ in range(6):
        r, s = (int(x) for x in random.integers(1, 5, 2))
        lines, pixels = (int(x) for x in random.integers(1, 9, 2))
        pads: Pads = tuple(int(x) for x in random.integers(0, 5, 4))  # pyright: ignore
        h, w = max(lines, r), max(pixels, s)
        c, k = (8 * int(x) for x in random.integers(1, 13, 2))
        text = program(
            (2, h, w, c), (k, r, s), pads, "bf16", int(random.integers(1, 3))
        )
        stride = int(text.partition("strides = dense<")[2][0])
        x, weights = arrays_of(text, "bf16")
        (got,), _ = called(lowered(text, SM_80), [x, weights])
        assert error(got, by_torch(x, weights, pads, stride)) < LIMIT["bf16"]
        words = f"{WINDOW}{BLOCK} {TMA}"
        by_map = layer((2, h, w, c), (k, r, s), pads)
        if r * s > 1:
            module = lowered(replace(by_map, schedule=words).program(), SM_90)
            arrays = by_map.arrays()
            (got,), _ = called(module, arrays[:2])
            assert error(got, by_map.want(arrays)) < 1e-6


@pytest.mark.parametrize("number", ["lower", "upper", "sizes"])
def test_each_number_of_a_map_counts(number: str):
    def changed(old: Sequence[int]) -> list[int]:
        first, second, *others = old
        if number == "sizes":
            return [first, second - 1, *others]
        return [first + 1, second, *others]

    counts(LAYERS[0], number, changed)


def test_few_channels_keep_their_padding():
    """Copies of 2 bytes, of which a thread has dozens, know nothing of edges."""
    text = program((1, 9, 8, 3), (8, 3, 3), (1, 1, 1, 1), "bf16")
    module = lowered(text, SM_80)
    x, w = arrays_of(text, "bf16")
    (got,), seen = called(module, [x, w])
    assert error(got, by_torch(x, w, (1, 1, 1, 1))) < LIMIT["bf16"]
    assert seen.launches > 1


def test_what_is_no_window_keeps_its_padding():
    """Three channels become four, so that they are copied together."""
    text = """
func.func @main(%x: tensor<40x3xf32>, %w: tensor<4x8xf32>) -> tensor<40x8xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0] high[0, 1] {
  ^bb0(%a: index, %b: index):
    tensor.yield %zero : f32
  } : tensor<40x3xf32> to tensor<40x4xf32>
  %e = tensor.empty() : tensor<40x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<40x8xf32>) -> tensor<40x8xf32>
  %r = linalg.matmul ins(%p, %w : tensor<40x4xf32>, tensor<4x8xf32>)
    outs(%f : tensor<40x8xf32>) -> tensor<40x8xf32>
  func.return %r : tensor<40x8xf32>
}"""
    module = lowered(text, SM_80)
    x, w = (np.random.default_rng(0).random(s, np.float32) for s in ((40, 3), (4, 8)))
    (got,), seen = called(module, [x, w])
    assert error(got, x @ w[:3]) < LIMIT["f32"]
    assert seen.launches > 1


def test_the_views_mean_what_kernels_compute():
    """`br.padded_view` and br.batch_reduce_gemm by their own semantics."""
    from brdialect.reference.memrefs import padded_view
    from brdialect.reference.values import MemRef

    x = replace(
        LAYERS[1], element="f32", schedule=f"{WINDOW}block=32x32x16 warp=16x16 stages=2"
    )
    module = x.module(passes=0)
    pass_named("convert-contract-to-grid")().apply(context(), module)
    module.verify()
    (view,) = (op for op in module.walk() if isinstance(op, PaddedViewOp))
    image = np.arange(1.0, 1 + np.prod(x.shapes[0]))
    source = MemRef(image, 0, (image.size,), (1,))
    (found,) = padded_view(None, view, [source])  # pyright: ignore
    n, h, w, c = x.shapes[0]
    whole = np.pad(image.reshape(n, h, w, c), ((0, 0), (1, 0), (3, 2), (0, 0)))
    (taps_h, taps_w), (n, p, q, c) = (2, 5), found.array.shape[-4:]
    windows = [
        whole[:, r : r + p, s : s + q] for r in range(taps_h) for s in range(taps_w)
    ]
    want = np.stack(windows).reshape(found.array.shape)
    assert np.array_equal(found.array, want)


@needs_ptxas
def test_the_kernels_assemble():
    big, pads = ((8, 56, 56, 64), (64, 3, 3)), (1, 1, 1, 1)
    boxes = program(*big, pads, "bf16", 1, 1, f"{WINDOW}{BLOCK} {TMA}")
    usage, image = assemble(ptx_of(lowered(boxes, SM_90), SM_90), "sm_90a")
    assert all((u.spills, u.stack) == (0, 0) for u in usage.values()) and usage
    found = machine_code(image)
    assert "UTMALDG.4D.IM2COL" in found and "LDGSTS" not in found
    for element in ("f32", "bf16"):
        threads = program(*big, pads, element, 1, 1)
        usage, image = assemble(ptx_of(lowered(threads, SM_80), SM_80))
        assert all((u.spills, u.stack) == (0, 0) for u in usage.values())
        assert len(usage) == 1 and "LDGSTS" in machine_code(image)
