"""Contractions drawn by hypothesis, as steps of a `programs.Program`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from programs import BINARY, UNARY, Program, Value, spread_out

Array = NDArray[Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

SIZES = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 23, 31, 33, 40])
"""Sizes from 1, most of which divide nothing."""

MULTIPLY_ADD = "%p = arith.mulf %x0, %x1 : {t}\n %y = arith.addf %acc, %p : {t}"
SPECIAL = (np.nan, np.inf, -np.inf, -0.0)


def numbers(draw: Draw, shape: Sequence[int], special: bool = False) -> Array:
    """Quarters from -2 to 2, so that few digits say them; `special` sprinkles NaN and
    infinities."""
    seed = draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    array = np.asarray(random.integers(-8, 9, shape) / 4)
    if special:
        flat = array.reshape(-1)
        where = random.integers(0, flat.size, 2)
        flat[where] = random.choice(SPECIAL, 2)
    return array


def operand(
    draw: Draw, p: Program, shape: Sequence[int], finite: bool = False
) -> Value:
    """An argument, or weights in the file."""
    if prod(shape) < 600 and draw(st.integers(0, 3)) == 0:
        return p.literal(numbers(draw, shape))
    return p.input(numbers(draw, shape, not finite and draw(st.integers(0, 7)) == 0))


def shrunk(extents: dict[str, int], limit: int) -> dict[str, int]:
    """The extents with the largest ones halved until all points are at most `limit`."""
    extents = dict(extents)
    while prod(extents.values()) > limit:
        largest = max(extents, key=lambda name: extents[name])
        extents[largest] = (extents[largest] + 1) // 2
    return extents


def summed(
    p: Program, name: str, a: Value, b: Value, start: Value, einsum: str
) -> Value:
    """`start + einsum(a, b)`, and a bound of its rounding."""

    def contract(x: Array, y: Array) -> Array:
        return np.einsum(einsum, x, y)

    with np.errstate(invalid="ignore"):
        want = contract(a.array, b.array) + start.array
    x, y = (np.abs(np.nan_to_num(v.array, posinf=0, neginf=0)) for v in (a, b))
    base = np.abs(np.nan_to_num(start.array, posinf=0, neginf=0))
    left, right = einsum.split("->")[0].split(",")
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    depth = prod(n for i, n in sizes.items() if i not in einsum.split("->")[1])
    magnitude = contract(x, y) + base
    error = contract(x + a.error, y + b.error) - contract(x, y) + start.error
    return Value(name, want, error + (depth + 1) * p.unit * magnitude)


def beginning(draw: Draw, p: Program, shape: Sequence[int], channel: int) -> Value:
    """What a contraction adds to: zeros, an argument, a bias for each channel."""
    kind = draw(st.sampled_from(["zero", "zero", "argument", "bias"]))
    if kind == "zero" or not shape:
        return Value(p.fill(0.0, shape), np.zeros(shape), np.zeros(shape))
    if kind == "argument":
        return operand(draw, p, shape)
    bias = operand(draw, p, (shape[channel],))
    others = [d for d in range(len(shape)) if d != channel]
    empty, type_ = p.empty(shape), p.type(shape)
    name = p.emit(
        f"linalg.broadcast ins({bias.name} : {p.type(bias.shape)}) "
        f"outs({empty} : {type_}) dimensions = {others}"
    )
    wide = spread_out(bias, [channel], shape)
    return Value(name, wide.array, wide.error)


def epilogue(draw: Draw, p: Program, value: Value, channel: int) -> Value:
    """Up to three functions of elements, each optional, in any order."""
    names = ["bias", "residual", "gate", *UNARY]
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        every = range(len(value.shape))
        if name == "bias" and value.shape:
            bias = operand(draw, p, (value.shape[channel],))
            value = p.apply(BINARY["add"], value, bias, axes=[every, [channel]])
        elif name in ("bias", "residual"):
            value = p.apply(BINARY["add"], value, operand(draw, p, value.shape))
        elif name == "gate":
            value = p.apply(BINARY["mul"], operand(draw, p, value.shape), value)
        else:
            value = p.apply(UNARY[name], value)
    return value


# A contraction as an einsum: letters of A, of B and of C


@dataclass(frozen=True)
class Einsum:
    """The letters of the operands and their extents, in the order of the loops."""

    a: str
    b: str
    c: str
    extents: dict[str, int]

    @property
    def maps(self) -> list[str]:
        """Right-hand sides over (d0, d1, ..)."""
        place = {letter: f"d{i}" for i, letter in enumerate(self.extents)}
        return [", ".join(place[x] for x in w) for w in (self.a, self.b, self.c)]

    @property
    def iterators(self) -> str:
        return "".join("p" if x in self.c else "r" for x in self.extents)

    def shape(self, letters: str) -> list[int]:
        return [self.extents[x] for x in letters]

    def __str__(self) -> str:
        return f"{self.a},{self.b}->{self.c}"


def einsum_of(draw: Draw, columns: bool = False) -> Einsum:
    """Any mix of rows, columns, sums and outer loops, in any order of dimensions; with
    `columns`, C ends in a dimension that it shares with B alone."""

    def letters(first: str, least: int, most: int) -> str:
        return first[: draw(st.integers(least, most))]

    m, n = letters("mp", 0, 2), letters("nq", int(columns), 2)
    k, outer = letters("krs", 1, 3), letters("ob", 0, 1)
    order = "".join(draw(st.permutations(m + n + k + outer)))
    extents = shrunk({x: draw(SIZES) for x in order}, 60_000)

    def mixed(some: str) -> str:
        straight = "".join(x for x in outer + m + n + k if x in some)
        return "".join(draw(st.permutations(some))) if draw(st.booleans()) else straight

    c = mixed(outer + m + n)
    if columns:
        c = c.replace("n", "") + "n"
    return Einsum(mixed(outer + m + k), mixed(outer + k + n), c, extents)


def contraction(draw: Draw, p: Program, e: Einsum) -> Value:
    """The einsum as a linalg.generic."""
    a, b = operand(draw, p, e.shape(e.a)), operand(draw, p, e.shape(e.b))
    shape = e.shape(e.c)
    start = beginning(draw, p, shape, -1 % max(1, len(shape)))
    body = MULTIPLY_ADD.format(t=p.element)
    name = p.generic((a, b), start.name, shape, e.maps, e.iterators, body)
    return summed(p, name, a, b, start, str(e))


PRODUCTS = {
    "matmul": ("mk", "kn", "mn"),
    "batch_matmul": ("bmk", "bkn", "bmn"),
    "batch_reduce_matmul": ("bmk", "bkn", "mn"),
    "matvec": ("mk", "k", "m"),
    "vecmat": ("k", "kn", "n"),
    "batch_matvec": ("bmk", "bk", "bm"),
    "batch_vecmat": ("bk", "bkn", "bn"),
    "dot": ("k", "k", ""),
    "mmt4d": ("mkpr", "nkqr", "mnpq"),
}
"""Named products."""

LOOPS = {"matmul": "mnk", "batch_matmul": "bmnk", "batch_reduce_matmul": "bmnk"}
"""Those whose operands may be transposed by `indexing_maps`, and their loops."""


def product(draw: Draw, p: Program) -> Value:
    """A named product; matmul and its like with transposed operands too."""
    name = draw(st.sampled_from(sorted(PRODUCTS)))
    a, b, c = PRODUCTS[name]
    loops = LOOPS.get(name, "".join(dict.fromkeys(a + b)))
    attributes = ""
    e = Einsum(a, b, c, shrunk({x: draw(SIZES) for x in loops}, 60_000))
    if name in LOOPS and draw(st.booleans()):
        swap = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
        a, b = (
            x[:-2] + x[:-3:-1] if s else x for x, s in zip((a, b), swap, strict=True)
        )
        e = Einsum(a, b, c, e.extents)
        dims = ", ".join(f"d{i}" for i in range(len(loops)))
        maps = ", ".join(f"affine_map<({dims}) -> ({m})>" for m in e.maps)
        attributes = f" indexing_maps = [{maps}]"
    x, y = operand(draw, p, e.shape(a)), operand(draw, p, e.shape(b))
    shape = e.shape(c)
    start = beginning(draw, p, shape, -1 % max(1, len(shape)))
    result = p.named(name + attributes, (x, y), start.name, shape)
    return summed(p, result, x, y, start, str(e))


# Convolutions

CONVOLUTIONS = {
    "conv_1d_ncw_fcw": "nc. fc. nf.",
    "conv_1d_nwc_wcf": "n.c .cf n.f",
    "conv_2d_nchw_fchw": "nc. fc. nf.",
    "conv_2d_nhwc_hwcf": "n.c .cf n.f",
    "conv_2d_nhwc_fhwc": "n.c f.c n.f",
    "conv_3d_ncdhw_fcdhw": "nc. fc. nf.",
    "conv_3d_ndhwc_dhwcf": "n.c .cf n.f",
    "conv_2d_ngchw_fgchw": "ngc. fgc. ngf.",
    "conv_2d_ngchw_gfchw": "ngc. gfc. ngf.",
    "depthwise_conv_1d_ncw_cw": "ng. g. ng.",
    "depthwise_conv_1d_nwc_wc": "n.g .g n.g",
    "depthwise_conv_1d_nwc_wcm": "n.g .gf n.gf",
    "depthwise_conv_2d_nchw_chw": "ng. g. ng.",
    "depthwise_conv_2d_nhwc_hwc": "n.g .g n.g",
    "depthwise_conv_2d_nhwc_hwcm": "n.g .gf n.gf",
    "depthwise_conv_3d_ncdhw_cdhw": "ng. g. ng.",
    "depthwise_conv_3d_ndhwc_dhwc": "n.g .g n.g",
}
"""Dimensions of image, weights and result: n images, g groups, c channels of a group, f
filters of a group, and . for all dimensions of space."""


@dataclass(frozen=True)
class Window:
    """Along one dimension of space."""

    out: int
    taps: int
    stride: int
    dilation: int
    low: int
    high: int

    @property
    def reach(self) -> int:
        """Elements from the first tap to the last."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def size(self) -> int:
        """Elements that all windows cover, padding included, and some more."""
        return (self.out - 1) * self.stride + self.reach


def windows(array: Array, first: int, along: Sequence[Window]) -> Array:
    """[.., out.., taps..] for the dimensions of space from `first` on."""
    axes = tuple(range(first, first + len(along)))
    seen = sliding_window_view(array, [w.reach for w in along], axis=axes)
    index: list[slice] = [slice(None)] * seen.ndim
    for i, w in enumerate(along):
        index[first + i] = slice(None, w.out * w.stride, w.stride)
        index[array.ndim + i] = slice(None, None, w.dilation)
    return seen[tuple(index)]


def window_of(draw: Draw, rank: int) -> Window:
    """Few positions in three dimensions, many in one."""
    few = st.integers(1, (0, 20, 9, 4)[rank])
    small = st.integers(1, 3)
    window = Window(draw(few), draw(small), draw(small), draw(small), 0, 0)
    low = draw(st.integers(0, min(2, window.size - 1)))
    high = draw(st.integers(0, min(2, window.size - 1 - low)))
    return Window(window.out, window.taps, window.stride, window.dilation, low, high)


def attributes_of(along: Sequence[Window]) -> str:
    """`strides` and `dilations` as a named operation takes them."""
    vector = f"tensor<{len(along)}xi64>"
    strides, dilations = [w.stride for w in along], [w.dilation for w in along]
    return (
        f" {{dilations = dense<{dilations}> : {vector}, "
        f"strides = dense<{strides}> : {vector}}}"
    )


def convolution(draw: Draw, p: Program, name: str) -> tuple[Value, int]:
    """A named convolution, and which dimension of its result is the channels'."""
    image, weight, out = CONVOLUTIONS[name].split()
    rank = int(name[name.index("conv_") + 5])
    along = [window_of(draw, rank) for _ in range(rank)]
    points = prod(w.out * w.taps for w in along)
    extents = {x: draw(SIZES) for x in "gcf" if x in image + weight}
    extents = shrunk(extents, max(1, 40_000 // points)) | {"n": draw(st.integers(1, 2))}
    spots, taps = "xyz"[:rank], "rst"[:rank]

    def shape(letters: str, sizes: Sequence[int]) -> list[int]:
        return [n for x in letters for n in (sizes if x == "." else [extents[x]])]

    x = operand(draw, p, shape(image, [w.size - w.low - w.high for w in along]))
    first = image.index(".")
    amounts = [(0, 0)] * len(x.shape)
    amounts[first : first + rank] = [(w.low, w.high) for w in along]
    padded = any(low + high for low, high in amounts)
    if padded:
        x = p.pad(x, amounts)
    # products with zeros of padding may be left out: NaN would not show there
    w = operand(draw, p, shape(weight, [v.taps for v in along]), finite=padded)
    sizes = shape(out, [v.out for v in along])
    axis = [i for i, x in enumerate(out.replace(".", spots)) if x in "gf"][-1]
    start = beginning(draw, p, sizes, axis)
    result = p.named(name + attributes_of(along), (x, w), start.name, sizes)
    seen = Value("", windows(x.array, first, along), windows(x.error, first, along))
    letters = image.replace(".", spots) + taps
    einsum = f"{letters},{weight.replace('.', taps)}->{out.replace('.', spots)}"
    return summed(p, result, seen, w, start, einsum), axis
