"""How the tensor memory accelerator brings the slices of an operand: which tensor map
describes it (brdialect/box_map.py), and where in it a box begins. Plain mathematics: a
schedule is chosen by it, and a kernel is written by it.

A slice is `tile` indices (rows of A or columns of B) by `depth` steps of the sum. The
side along which elements lie side by side is the *inner* one, of which a box has 128
bytes; along the other one, the *walk*, it has lines:

    slice along the sum:    one box of `tile` lines, 128 bytes of the sum
    slice across it:        boxes of `depth` lines, 128 bytes of indices each

What else says where an operand is (a batch, a group, the taps of a window) are the
*others*.

    walk of one stride                  tiled: a dimension each for the inner side, the
                                        walk and the others
    walk of several strides (images,    im2col: the inner side is channels, the walk
    lines, pixels), or others that      pixels, taps are offsets; edges, beyond which
    reach into it (taps)                there are zeros, are the ends of dimensions

A slice must not reach over where the inner side ends and the next of the others begins
(the channels of one tap and those of the next). So slices begin anew there: after `cut`
steps of the sum, for both operands alike, and what a box has of the steps behind
becomes zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import gcd

from brdialect.box_map import ALIGNED, BOX_LINE, BoxMap, Window
from passes.shared.build import Index
from passes.shared.digits import Digits


@dataclass(frozen=True)
class Slices:
    """What an operand is to a block: its index (rows or columns) and the sum."""

    index: Digits
    sum_: Digits
    tile: int
    depth: int
    cut: int
    """Steps of the sum after which slices begin anew; all of them: never."""

    edges: tuple[tuple[Index, int], ...] = ()
    """Of the operand: where it begins between each two, and how far they are apart."""

    @property
    def along_sum(self) -> bool:
        """Whether elements lie side by side along the sum."""
        if self.sum_.merged.last[1] == 1:
            return True
        return self.index.merged.last[1] != 1

    @property
    def of_cut(self) -> int:
        """Slices from one cut to the next."""
        return -(-self.cut // self.depth)

    @property
    def count(self) -> int:
        """Slices of the whole sum."""
        return self.sum_.size // self.cut * self.of_cut


@dataclass(frozen=True)
class Term:
    """What a digit adds to where a box begins: a step of it goes so far along a
    dimension of the map, as an offset of the window or not."""

    dimension: int
    scale: int
    offset: bool = False


@dataclass(frozen=True)
class Boxes:
    """A map, and the terms of the digits of the walk and of the others; None is a digit
    that goes nowhere."""

    map: BoxMap
    inner: int
    """Indices or steps from where on the inner side has others."""

    walk: Digits
    walk_terms: tuple[Term, ...]
    others: tuple[Term | None, ...]


@dataclass(frozen=True)
class _Side:
    """The inner side, the walk and the others of an operand."""

    inner: int
    walk: Digits
    others: Digits
    box: tuple[int, int]
    """Elements and lines of a box."""

    walk_may_end_late: bool
    """Whether lines past the end of the walk may be anything: rows that no one stores,
    or none."""

    inner_may_end_late: bool
    """The same for elements past the end of the inner side."""

    edges: tuple[tuple[int, int], ...]
    """See `Slices`."""

    def edge_of(self, digits: Digits, which: int) -> int | None:
        """The edges towards which a digit goes; -1 for several."""
        found = [e for e, steps in enumerate(digits.places) if steps[which]]
        return None if not found else found[0] if len(found) == 1 else -1

    @property
    def moving(self) -> list[int]:
        """Which of the others go anywhere."""
        pairs = enumerate(zip(self.others.extents, self.others.strides, strict=True))
        return [i for i, (extent, stride) in pairs if extent > 1 and stride]


def boxes_of(
    slices: Slices, outer: Digits, offset: int, element_bytes: int
) -> Boxes | None:
    """How boxes of an operand are copied; None where no tensor map describes it.
    `outer`: the position of the block's product among others. The others are, in this
    order, the outer digits of the sum, those of the index, and `outer`."""
    if offset * element_bytes % ALIGNED or any(map(any, outer.places)):
        return None
    whole = ALIGNED // gcd(ALIGNED, element_bytes)
    for side in _sides(slices, outer, BOX_LINE // element_bytes):
        tiled = None if side.edges else _tiled(side, whole)
        if tiled is not None and not [*tiled.map.faults(element_bytes)]:
            return tiled
        if (windowed := _windowed(side, element_bytes)) is not None:
            return windowed
    return None


def cut_of(slices: Slices, outer: Digits, offset: int, element_bytes: int) -> int:
    """After how many steps of the sum slices have to begin anew, for an operand that is
    copied by boxes."""
    cuts = _inner_extents(slices.sum_, slices.index) if slices.along_sum else []
    for cut in cuts:
        anew = replace(slices, cut=cut)
        if boxes_of(anew, outer, offset, element_bytes) is not None:
            return cut
    return slices.sum_.size


def _inner_extents(inner: Digits, walk: Digits) -> list[int]:
    """How far elements lie side by side before those of another line come by, as the
    channels of the next pixel do, which are the next tap's, too; at most, and where
    lines begin at multiples of that alone."""
    extent, stride = inner.merged.last
    if stride != 1 or any(x[-1:] not in ((), (0,)) for x in inner.merged.places):
        return []
    steps = [
        step for step in (*walk.merged.strides, *inner.merged.strides[:-1]) if step
    ]
    most = gcd(extent, *(step for step in steps if step < extent))
    return [*dict.fromkeys((most, gcd(extent, *steps)))]


def _sides(slices: Slices, outer: Digits, lanes: int) -> Iterator[_Side]:
    """The inner side of slices and the rest, in the ways in which they come apart."""
    halves = slices.sum_.split(slices.cut)
    if halves is None:
        return
    outer_sum, sum_ = halves
    late = sum_.size % slices.depth == 0
    edges = [(start, size) for start, size in slices.edges if isinstance(start, int)]
    if len(edges) < len(slices.edges):
        return
    if slices.along_sum:
        if sum_.merged.strides in ((1,), ()) and not any(map(any, sum_.places)):
            others = _joined(outer_sum, outer)
            box = lanes, slices.tile
            walk = slices.index.merged
            yield _Side(sum_.size, walk, others, box, True, late, tuple(edges))
        return
    for inner in _inner_extents(slices.index, sum_):
        halves = slices.index.split(inner)
        if halves is not None and (inner % lanes == 0 or inner == slices.index.size):
            others = _joined(outer_sum, halves[0], outer)
            box = lanes, slices.depth
            walk = sum_.merged
            yield _Side(inner, walk, others, box, late, True, tuple(edges))


def _joined(*every: Digits) -> Digits:
    """Digits of which the last ones may know nothing of edges."""
    count = max(len(digits.places) for digits in every)
    none = [(0,) * len(digits.extents) for digits in every]
    return Digits(
        tuple(e for digits in every for e in digits.extents),
        tuple(s for digits in every for s in digits.strides),
        tuple(
            tuple(
                s
                for digits, zeros in zip(every, none, strict=True)
                for s in (digits.places[i] if digits.places else zeros)
            )
            for i in range(count)
        ),
    )


def _tiled(side: _Side, whole: int) -> Boxes | None:
    """Each digit as a dimension. `whole`: elements at whose multiples lines begin."""
    walk = side.walk
    if len(walk.extents) > 1:
        return None
    if not walk.extents:  # a single line
        walk = Digits((1,), (-(-side.inner // whole) * whole,))
    found = [(walk.strides[0], walk.extents[0], -1)]
    for i in side.moving:
        found.append((side.others.strides[i], side.others.extents[i], i))
    found.sort()
    place = {who: n for n, (_, _, who) in enumerate(found, 1)}
    lanes, lines = side.box
    map_ = BoxMap(
        (side.inner, *(extent for _, extent, _ in found)),
        tuple(stride for stride, _, _ in found),
        (lanes, *(lines if who < 0 else 1 for _, _, who in found)),
    )
    others = [
        Term(place[i], 1) if i in place else None
        for i in range(len(side.others.extents))
    ]
    return Boxes(map_, side.inner, walk, (Term(place[-1], 1),), tuple(others))


@dataclass(frozen=True)
class _Pixels:
    """A dimension of pixels: how far places are apart and how many there are, which
    digit of the walk that is, and which of the others are taps in it."""

    stride: int
    places: int
    digit: int | None
    taps: tuple[int, ...] = ()
    edge: int | None = None
    step: int = 0
    """Between edges, from one place to the next, or to the next tap if there are no
    other places."""


_CHANNELS, _IMAGES = -1, -2


def _windowed(side: _Side, element_bytes: int) -> Boxes | None:
    """The walk as pixels: the first way to deal the others out that a tensor map can
    describe. They are taps in a digit of the walk, or (None) in a dimension of their
    own, or further channels or images, where a box may reach into the next ones."""
    if not side.walk.extents:
        return None
    homes: list[int | None] = [*reversed(range(len(side.walk.extents))), None]
    if side.walk_may_end_late:
        homes.append(_IMAGES)
    if side.inner_may_end_late:
        homes.insert(0, _CHANNELS)
    for dealt in product(homes, repeat=len(side.moving)):
        found = _map_of_pixels(side, dict(zip(side.moving, dealt, strict=True)))
        if found is not None and not [*found.map.faults(element_bytes)]:
            return found
    return None


def _pixels(side: _Side, homes: Mapping[int, int | None]) -> list[_Pixels] | None:
    """The dimensions of pixels, the innermost first; None where edges are in the way.
    `homes`: the digit of the walk to which each tap belongs; None has a dimension of
    its own."""
    walk, others = side.walk, side.others
    found: list[_Pixels] = []
    for i, (places, stride) in enumerate(zip(walk.extents, walk.strides, strict=True)):
        taps = tuple(t for t, home in homes.items() if home == i)
        edge = side.edge_of(walk, i)
        step = 0 if edge is None else walk.places[edge][i]
        found.append(_Pixels(stride, places, i, taps, edge, step))
    for t in [t for t, home in homes.items() if home is None]:
        edge = side.edge_of(others, t)
        step = 0 if edge is None else others.places[edge][t]
        found.append(_Pixels(others.strides[t], 1, None, (t,), edge, step))
    edges = [p.edge for p in found if p.edge is not None]
    fits = all(side.edge_of(others, t) == p.edge for p in found for t in p.taps)
    away = [t for t, home in homes.items() if home in (_CHANNELS, _IMAGES)]
    fits = fits and all(side.edge_of(others, t) is None for t in away)
    if not fits or sorted(edges) != [*range(len(side.edges))]:
        return None
    if any(p.step < 0 or (p.step and p.stride % p.step) for p in found):
        return None
    # where sizes of 1 make strides the same, as the digits are
    return sorted(found, key=lambda p: (p.stride, -(p.digit or 0)))


def _unit(side: _Side, p: _Pixels, outer: int) -> int:
    """From one pixel to the next; between edges each counts, else those that are read.
    `outer`: the same of the dimension around it."""
    if p.step:
        return p.stride // p.step
    return gcd(p.stride, *(side.others.strides[i] for i in p.taps), outer)


def _map_of_pixels(side: _Side, homes: Mapping[int, int | None]) -> Boxes | None:
    """The map with these homes of the others. The outermost dimension counts images
    unless it has taps or edges; then there is a single image."""
    extents, strides = side.others.extents, side.others.strides
    channels = [i for i, home in homes.items() if home == _CHANNELS]
    images = [i for i, home in homes.items() if home == _IMAGES]
    pixels = _pixels(side, homes)
    if pixels is None:
        return None
    counts = len(pixels) > 1 and not pixels[-1].taps and pixels[-1].edge is None
    last = pixels.pop() if counts else None
    image = gcd(*(strides[i] for i in images), last.stride if last else 0)
    if last is not None and last.stride != image:
        return None
    units: list[int] = []  # each is a multiple of the one before
    for p in reversed(pixels):
        units.insert(0, _unit(side, p, units[0] if units else image))
    sizes: list[int] = []
    lower: list[int] = []
    upper: list[int] = []
    terms = {i: Term(0, strides[i]) for i in channels}
    walked: dict[int | None, Term] = {}
    for d, (p, unit) in enumerate(zip(pixels, units, strict=True), 1):
        step, high = p.stride // unit, 0
        for i in p.taps:
            high += (extents[i] - 1) * strides[i] // unit
            terms[i] = Term(d, strides[i] // unit, offset=True)
        walked[p.digit] = Term(d, step)
        final = (p.places - 1) * step  # where the last place is, from the first one on
        start, size = (0, final + high + 1) if p.edge is None else side.edges[p.edge]
        sizes.append(size)
        lower.append(start)
        upper.append(start + final - (size - 1))
    rank = 2 + len(pixels)
    image = image or units[-1] * sizes[-1]
    count = 1 if last is None else last.places
    if last is not None:
        walked[last.digit] = Term(rank - 1, 1)
    for i in images:
        count += (extents[i] - 1) * strides[i] // image
        terms[i] = Term(rank - 1, strides[i] // image)
    width = side.inner + sum((extents[i] - 1) * strides[i] for i in channels)
    steps = tuple(walked[p.digit].scale if p.digit is not None else 1 for p in pixels)
    map_ = BoxMap(
        (width, *sizes, count),
        (*units, image),
        side.box,
        Window(tuple(lower), tuple(upper), steps),
    )
    return Boxes(
        map_,
        side.inner,
        side.walk,
        tuple(walked[i] for i in range(len(side.walk.extents))),
        tuple(terms.get(i) for i in range(len(extents))),
    )
