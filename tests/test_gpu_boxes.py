"""Batches, windows and gradients by tensor maps: which map describes an operand, and
what kernels compute by it, in numpy, through ptxas and the runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from fake_driver import FakeDriver, fake
from gpu import (
    SM_90,
    Contraction,
    assemble,
    called,
    error,
    lowered,
    machine_code,
    needs_ptxas,
    ptx_of,
)
from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, bf16, i64

import brdialect
from brdialect.box_map import BoxMap, Window, map_from_json
from brdialect.errors import BrError
from brdialect.gpu_ops import AsyncCopyOp
from brdialect.reference.values import encode
from brdialect.tensor_copy_ops import TensorCopyOp, TensorMapOp
from passes.schedule.boxes import Slices, boxes_of, cut_of
from passes.shared.digits import NO_DIGITS, Digits

__all__ = ["fake"]

BLOCK = "block=64x64x64 warp=16x64 stages=3"
TMA = "mma=wgmma copy=tma"


def tap(place: str, taps: str, stride: int, dilation: int) -> str:
    """`place * stride + taps * dilation`"""
    terms = [(place, stride), (taps, dilation)]
    return "+".join(x if by == 1 else f"{x}*{by}" for x, by in terms)


def layer(
    image: tuple[int, int, int, int],
    filters: tuple[int, int, int],
    stride: int = 1,
    dilation: int = 1,
    words: str = BLOCK,
    element: str = "bf16",
    filters_first: bool = False,
) -> Contraction:
    """A convolution of images (n, lines, pixels, channels) with (filters, lines,
    pixels of the window)."""
    n, h, w, c = image
    k, r, s = filters
    p, q = ((x - (y - 1) * dilation - 1) // stride + 1 for x, y in ((h, r), (w, s)))
    lines, pixels = (tap(*x, stride, dilation) for x in (("b", "e"), ("c", "f")))
    b, shape = ("d e f g", (k, r, s, c)) if filters_first else ("e f g d", (r, s, c, k))
    return Contraction(
        f"a {lines} {pixels} g, {b} -> a b c d",
        {"a": n, "b": p, "c": q, "d": k, "e": r, "f": s, "g": c},
        element,
        f"| m=c n=d k=g rows=a,b batch=e,f | {words} {TMA}",
        shapes=(image, shape, (n, p, q, k)),
    )


def gradient(x: Contraction, words: str = BLOCK) -> Contraction:
    """That of a layer by its filters, (r, s, c, k)."""
    n, p, q, k, r, s, c = x.extents.values()
    a, _, _ = x.maps.replace("->", ",").split(", ")
    names = dict(zip("abcdefg", "efgdabc", strict=True))
    turned = re.sub("[a-g]", lambda found: names[found[0]], a)
    return Contraction(
        f"{turned}, e f g d -> a b c d",
        dict(zip("abcdefg", (r, s, c, k, n, p, q), strict=True)),
        x.element,
        f"| m=c n=d k=g rows=a,b batch=e,f | {words} {TMA}",
        shapes=(x.shapes[0], (n, p, q, k), (r, s, c, k)),
    )


def matrices(maps: str, extents: dict[str, int], schedule: str, element: str = "bf16"):
    """Products of matrices."""
    return Contraction(maps, extents, element, f"{schedule} | {BLOCK} {TMA}")


def name(x: object) -> str:
    """Of a test."""
    return x.maps if isinstance(x, Contraction) else str(x)


def maps_of(module: ModuleOp) -> list[BoxMap]:
    """Of all launches."""
    return [op.map for op in module.walk() if isinstance(op, TensorMapOp)]


def check(
    x: Contraction, by_threads: bool = False, tolerance: float = 1e-6
) -> list[BoxMap]:
    """Runs it in numpy; the maps. `by_threads`: whether these copy an operand, too."""
    module = lowered(x.program(), SM_90)
    copies = [op for op in module.walk() if isinstance(op, AsyncCopyOp)]
    assert bool(copies) is by_threads
    assert any(isinstance(op, TensorCopyOp) for op in module.walk())
    arrays = x.arrays()
    (got,), _ = called(module, arrays[:2])
    assert error(got, x.want(arrays)) < tolerance
    return maps_of(module)


@pytest.mark.parametrize(
    "x",
    [
        layer((2, 9, 7, 64), (40, 3, 3)),
        layer((2, 9, 7, 64), (40, 3, 3), filters_first=True),
        layer((2, 9, 11, 72), (40, 3, 2), stride=2),
        layer((2, 13, 11, 16), (40, 3, 3), dilation=2),
        layer((1, 13, 12, 64), (64, 3, 3), stride=2, dilation=2),
        layer((3, 6, 6, 64), (40, 2, 2), stride=2),
        layer((2, 9, 9, 64), (40, 1, 1), stride=2),
        layer((5, 3, 7, 64), (40, 3, 3)),
        layer((2, 9, 17, 24), (40, 1, 5), stride=3),
        layer((2, 9, 7, 64), (72, 3, 3), words="block=128x128x64 warp=16x128 stages=4"),
        layer((2, 9, 7, 128), (40, 3, 3), words=f"{BLOCK} split=2"),
        layer((2, 9, 7, 64), (40, 4, 3), words=f"{BLOCK} split=2"),
        layer((2, 9, 11, 64), (40, 3, 3), element="f16"),
    ],
    ids=name,
)
def test_windows(x: Contraction):
    maps = check(x)
    assert any(m.window is not None for m in maps)


def test_windows_of_f32():
    words = "block=64x64x32 warp=16x64 stages=3"
    x = layer((2, 9, 7, 32), (40, 3, 3), 1, 1, words, "f32", filters_first=True)
    check(x, tolerance=2e-3)


def test_the_numbers_of_a_window():
    image, filters = check(layer((2, 14, 13, 64), (40, 3, 3), stride=2))
    window = Window((0, 0), (-2, -2), (2, 2))
    strides = (64, 13 * 64, 14 * 13 * 64)  # and lines up to the last one that is read
    assert image == BoxMap((64, 13, 13, 2), strides, (64, 64), window)
    strides = (40, 64 * 40, 3 * 64 * 40)
    assert filters == BoxMap((40, 64, 3, 3), strides, (64, 64, 1, 1))
    # two pixels that are always read together are one
    image, _ = check(layer((2, 13, 12, 64), (40, 3, 2), stride=2))
    assert image.sizes[:2] == (128, 6)
    assert image.window == Window((0, 0), (0, -2), (1, 2))
    # every other pixel of every other line is one image of pixels side by side
    image, _ = check(layer((1, 13, 12, 64), (64, 3, 3), stride=2, dilation=2))
    assert image.window == Window((0, 0), (-2, -2), (1, 1))
    assert image.strides[0] == 2 * 64


def test_one_and_three_dimensions():
    for n in (1, 2):
        x = Contraction(
            "a b+d e, d e c -> a b c",
            {"a": n, "b": 20, "c": 40, "d": 3, "e": 64},
            "bf16",
            f"| m=b n=c k=e rows=a batch=d | {BLOCK} {TMA}",
            shapes=((n, 22, 64), (3, 64, 40), (n, 20, 40)),
        )
        image, _ = check(x)
        assert len(image.sizes) == 3
    x = Contraction(
        "a b+f c+g d+h i, f g h i e -> a b c d e",
        dict(zip("abcdefghi", (2, 3, 3, 4, 40, 3, 3, 2, 64), strict=True)),
        "bf16",
        f"| m=d n=e k=i rows=a,b,c batch=f,g,h | {BLOCK} {TMA}",
        shapes=((2, 5, 5, 5, 64), (3, 3, 2, 64, 40), (2, 3, 3, 4, 40)),
    )
    image, _ = check(x)
    assert image.window == Window((0, 0, 0), (-1, -2, -2), (1, 1, 1))


def test_groups_are_channels():
    x = Contraction(
        "a b+e c+f h g, h e f g d -> a b c h d",
        dict(zip("abcdefgh", (2, 7, 5, 40, 3, 3, 64, 2), strict=True)),
        "bf16",
        f"H | m=c n=d k=g rows=a,b batch=e,f | {BLOCK} {TMA}",
        shapes=((2, 9, 7, 2, 64), (2, 3, 3, 64, 40), (2, 7, 5, 2, 40)),
    )
    image, filters = check(x)
    assert image.sizes[0] == 128 and len(filters.sizes) == 5
    # 72 channels a group: 128 would be some of the next one's, which are a pixel then
    x = replace(
        x,
        extents={**x.extents, "g": 72},
        shapes=((2, 9, 7, 2, 72), (2, 3, 3, 72, 40), (2, 7, 5, 2, 40)),
    )
    image, _ = check(x)
    assert image.sizes[0] == 72
    assert image.window == Window((0, 0), (-5, -2), (2, 1))


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_filters(stride: int):
    x = layer((2, 9, 11, 64), (40, 3, 3), stride)
    image, _ = check(gradient(x))
    assert image.window is not None and image.box == (64, 64)
    # 32 channels: 64 of them side by side are those of two taps
    check(gradient(layer((2, 9, 11, 32), (40, 3, 3), stride)), by_threads=True)


def test_gradients_of_filters_in_parts():
    x = layer((4, 9, 7, 64), (40, 3, 3))
    image, _ = check(gradient(x, f"{BLOCK} split=2"))
    assert image.sizes[-1] == 1  # of images: each part ends where the next begins


@pytest.mark.parametrize(
    ("x", "dimensions"),
    [
        (
            matrices(
                "a b d, a d c -> a b c",
                {"a": 3, "b": 71, "c": 88, "d": 200},
                "A | m=b n=c k=d",
            ),
            [3, 3],
        ),
        (
            matrices(
                "a b d, d c -> a b c",
                {"a": 3, "b": 71, "c": 88, "d": 200},
                "A | m=b n=c k=d",
            ),
            [3, 2],
        ),
        (
            matrices(
                "c a d, c d b -> a b",
                {"a": 71, "b": 88, "c": 3, "d": 72},
                "| m=a n=b k=d batch=c",
            ),
            [3, 3],
        ),
        (
            matrices(
                "c a d, c b d -> a b",
                {"a": 71, "b": 88, "c": 3, "d": 40},
                "| m=a n=b k=d batch=c",
                "f16",
            ),
            [3, 3],
        ),
        (
            matrices(
                "a c b e, a d b e -> a b c d",
                {"a": 2, "b": 3, "c": 70, "d": 88, "e": 72},
                "A B | m=c n=d k=e",
                "f16",
            ),
            [4, 4],
        ),
        (
            matrices(
                "a b c d, a d b e -> a c b e",
                {"a": 2, "b": 3, "c": 70, "d": 88, "e": 72},
                "A B | m=c n=e k=d",
            ),
            [4, 4],
        ),
    ],
    ids=name,
)
def test_batches(x: Contraction, dimensions: list[int]):
    maps = check(x)
    assert [len(m.sizes) for m in maps] == dimensions
    assert all(m.window is None for m in maps)


def test_sums_in_parts_are_a_dimension():
    x = matrices("a c, c b -> a b", {"a": 71, "b": 88, "c": 144}, "| m=a n=b k=c")
    a, b = check(replace(x, schedule=f"{x.schedule} split=2"))
    assert (a.sizes, a.strides) == ((72, 2, 71), (72, 144))
    assert (b.sizes, b.strides) == ((88, 72, 2), (88, 72 * 88))


def test_random_windows():
    """Whatever comes is right, by boxes or by threads."""
    random = np.random.default_rng(0)
    seen: set[bool] = set()
    for _ in range(12):
        n, r, s, stride, dilation = (int(x) for x in random.integers(1, 4, 5))
        h, w = (int(random.integers(0, 7)) + (x - 1) * dilation + 1 for x in (r, s))
        c, k = (8 * int(x) for x in random.integers(1, 13, 2))
        x = layer((n, h, w, c), (k, r, s), stride, dilation)
        module = lowered(x.program(), SM_90)
        arrays = x.arrays()
        (got,), _ = called(module, arrays[:2])
        assert error(got, x.want(arrays)) < 1e-6
        seen.add(any(m.window is not None for m in maps_of(module)))
    assert True in seen


def counts(x: Contraction, name: str, change: Callable[[Sequence[int]], list[int]]):
    """Other numbers `name` in its windows' maps are refused, or give another result."""
    module = lowered(x.program(), SM_90)
    for op in module.walk():
        if isinstance(op, TensorMapOp) and op.map.window is not None:
            numbers = op.properties[name]
            assert isinstance(numbers, DenseArrayBase)
            changed = change(numbers.get_values())
            op.properties[name] = DenseArrayBase.from_list(i64, changed)
    arrays = x.arrays()
    try:
        (got,), _ = called(module, arrays[:2])
    except BrError as e:
        assert "expected a pixel from" in str(e)
    else:
        assert not error(got, x.want(arrays)) < 1e-2


@pytest.mark.parametrize(
    ("name", "by"), [("upper", (0, 1)), ("steps", (1, 0)), ("sizes", (0, -1, 0, 0))]
)
def test_each_number_of_a_window_counts(name: str, by: Sequence[int]):
    x = layer((2, 9, 7, 64), (40, 3, 3))
    counts(x, name, lambda old: [a + b for a, b in zip(old, by, strict=True)])


def test_coordinates_fit_the_map():
    x = layer((2, 9, 7, 64), (40, 3, 3))
    for kept, match in ((3, "4 coordinates, got 3"), (0, "offsets of a window")):
        module = lowered(x.program(), SM_90)
        copies = [op for op in module.walk() if isinstance(op, TensorCopyOp)]
        for op in [op for op in copies if op.offsets]:
            coordinates = [*op.coordinates][: kept or None]
            offsets = [*op.offsets][: kept - 2 if kept else 0]
            new = TensorCopyOp(
                (op.map, coordinates, offsets),
                (op.target, op.target_index),
                (op.barriers, op.index),
                op.box.value.data,
            )
            block = op.parent_block()
            assert block is not None
            block.insert_op_before(new, op)
            op.detach()
            op.erase()
        with pytest.raises(BrError, match=match):
            called(module, x.arrays()[:2])


def test_what_no_map_describes():
    def of(index: Digits, sum_: Digits, tile: int = 64) -> Any:
        slices = Slices(index, sum_, tile, 64, sum_.size)
        cut = cut_of(slices, NO_DIGITS, 0, 2)
        return boxes_of(replace(slices, cut=cut), NO_DIGITS, 0, 2)

    line = Digits((4, 64), (100 * 64, 1))
    assert of(Digits((70,), (64,)), line) is not None
    # bytes of a pixel that are no multiple of 16
    assert of(Digits((70,), (63,)), line) is None
    # a window of more than 129 lines, of images: corners have 8 bits
    images = Digits((2, 70, 70), (300 * 100 * 64, 100 * 64, 64))
    assert of(images, Digits((129, 64), (100 * 64, 1))) is not None
    assert of(images, Digits((130, 64), (100 * 64, 1))) is None
    # nine pixels from one to the next
    assert of(Digits((20,), (8 * 64,)), Digits((3, 64), (64, 1))) is not None
    assert of(Digits((2, 20), (2300, 9 * 64)), Digits((3, 64), (64, 1))) is None
    # more than 256 lines are pixels, of which there may be 1024
    rows, sums = Digits((900,), (64,)), Digits((64,), (1,))
    windows = [of(rows, sums, tile).map.window is None for tile in (256, 512, 1024)]
    assert windows == [True, False, False]
    assert of(rows, sums, 2048) is None


def test_maps_as_json():
    window = Window((0,), (-2,), (2,))
    seen = BoxMap((64, 9, 2), (64, 640), (64, 8), window)
    for map_ in (BoxMap((64, 9), (64,), (64, 8)), seen):
        assert map_from_json(json.loads(json.dumps(asdict(map_)))) == map_
    said = "2 x 9 x 64, 640, 64 apart, pixels 8 x 128 bytes, corners 0 and -2, steps 2"
    assert str(seen) == said


def test_programs_run(fake: FakeDriver):
    fake.attributes |= {"major": 9, "minor": 0, "shared": 227 << 10}
    x = layer((2, 9, 11, 64), (40, 3, 3), stride=2)
    arrays = x.arrays()
    f = brdialect.compile(x.program(), target=SM_90)
    got = np.asarray(f(*(encode(a, bf16) for a in arrays[:2])))
    assert error(got, x.want(arrays)) < 1e-6
    assert sum(m.window is not None for _, m, _ in fake.maps.values()) == 1


@needs_ptxas
@pytest.mark.parametrize(
    ("x", "instruction"),
    [
        (layer((8, 58, 58, 64), (64, 3, 3)), "UTMALDG.4D.IM2COL"),
        (gradient(layer((8, 58, 58, 64), (64, 3, 3))), "UTMALDG.4D.IM2COL"),
        (
            layer(
                (8, 30, 30, 256),
                (256, 3, 3),
                2,
                words="block=128x256x64 warp=16x256 stages=4",
            ),
            "UTMALDG.4D.IM2COL",
        ),
        (
            matrices(
                "a b d, a d c -> a b c",
                {"a": 8, "b": 512, "c": 512, "d": 512},
                "A | m=b n=c k=d",
            ),
            "UTMALDG.3D",
        ),
    ],
    ids=name,
)
def test_the_kernels_assemble(x: Contraction, instruction: str):
    usage, image = assemble(ptx_of(lowered(x.program(), SM_90), SM_90), "sm_90a")
    assert all((u.spills, u.stack) == (0, 0) for u in usage.values())
    found = machine_code(image)
    assert instruction in found and "LDGSTS" not in found
