"""Which windows `transform-windows` takes, and what makes them worth it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects.builtin import AnyFloat, f32, f64
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Form, Linear, Role
from brdialect.targets import Target
from passes.fuse.window_blocks import Cut, Tiles, column_cut
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import shape_of, tensor_type
from passes.shared.load_time import is_load_time

TAPS, OUTPUTS, POINTS = 3, 2, 4
"""Of a window; positions computed together; products that this takes."""

LEAST_SPARED = 30
"""Products that are spared, over the numbers that are made for the points: those of
the three operands, but for weights that are known when the program is loaded. Measured
with weights known, 56x56 pixels: 32 to 32 channels, 20 to one, 0.7-1.1 times as fast,
64 to 64, 40 to one, 1.3; and with weights of the call, 7x7 pixels of 512 channels: two
images, 20 to one, 0.7-1.0 times as fast, eight, 62 to one, 1.2-1.35."""

LEAST_TILES = 16
"""Rows of a product; twice as many where the weights outgrow the L2: they arrive from
memory in each call, and there are 16/9 as many (7x7 pixels of 512 channels in
ResNet-50, 16 tiles: 0.88 times as fast)."""

MOST_BYTES = 64 << 20
"""Of transformed inputs and products that are in no blocks: more come and go through
memory, and the gain with them (64 channels: 224x224 pixels 1.06, 112x112 1.33 times as
fast)."""

LEAST_BLOCK = 1 / 8
"""Numbers for the points of a block, over those of the weights, which come by for each
block."""

SUMS_IN_L2 = 1
"""The L2s that sums over blocks may fill; each thread has its own. (256 channels fill
four of 1 MiB: eight images of 14x14 pixels 0.85-0.92 times as fast, two 0.6.)"""


@dataclass(frozen=True)
class Window:
    """A position and a tap, the iterators that a dimension of one operand is the sum
    of, and where they stand in the operands."""

    position: int
    tap: int
    reversed: bool
    """Whether the dimension is `position - tap + 2`, as in a gradient."""

    in_read: int
    in_other: int
    in_c: int


@dataclass(frozen=True)
class Windows:
    """The windows of a contraction, by dimension of c."""

    read: int
    """Which operand is read by windows: a (0) or b (1)."""

    taps_in_result: bool
    """The other one has the positions, as in the gradient by the weights; else it has
    the taps, and c the positions."""

    windows: Sequence[Window]

    extents: Sequence[int]
    """Of the iterators."""

    cuts: Sequence[Cut]
    """Into blocks of tiles."""

    columns: Cut | None = None
    """Into blocks of columns, in place of tiles."""

    def step(self, cut: Cut) -> int:
        """How far a block is from the next: images, or positions."""
        is_position = any(w.position == cut.iterator for w in self.windows)
        return cut.size * OUTPUTS if is_position else cut.size


def windows_of(op: ContractOp, target: Target) -> Windows | None:
    """The windows of three taps whose positions pairs can share; None where the op is
    not worth it."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or op.schedule is not None or op.beta_value != 0.0:
        return None
    types = {tensor_type(v).element_type for v in (op.a, op.b, op.c)}
    if op.res is None or len(types) > 1 or not types <= {f32, f64}:
        return None
    if not op.maps[2].is_projected_permutation():
        return None
    for read in (0, 1):
        for taps_in_result in (False, True):
            found = windows_in(op, table, read, taps_in_result)
            form = Windows(read, taps_in_result, found, table.extents, ())
            if len(found) > 1:
                points = Points.of(op, table, form)
                for each in with_blocks(op, form, points, target):
                    if is_worth_it(op, each, points, target):
                        return each
    return None


def with_blocks(
    op: ContractOp, form: Windows, points: Points, target: Target
) -> Iterator[Windows]:
    """The windows in blocks of columns, if they go that way, and in blocks of tiles, or
    whole."""
    in_tiles = replace(form, cuts=cuts_of(op, form, points, target))
    if columns := columns_of(op, in_tiles, points, target):
        yield replace(form, columns=columns)
    yield in_tiles


def windows_in(
    op: ContractOp, table: Contraction, read: int, taps_in_result: bool
) -> Sequence[Window]:
    """Those of one form."""
    of_read, of_other, of_c = op.maps[read], op.maps[1 - read], op.maps[2]
    forms = (table.a, table.b)[read]
    found: list[Window] = []
    for place, form in enumerate(forms[:-1]):  # the contiguous one stays
        for position, tap in pairs_of(form):
            backwards = window_step(form, position, tap)
            if backwards is None:
                continue
            extents = table.extents[position], table.extents[tap]
            whole = shape_of(op.operands[read])[place] == extents[0] + TAPS - 1
            if extents[1] != TAPS or extents[0] < OUTPUTS or not whole:
                continue
            alone = [
                e
                for m in (of_read, of_other, of_c)
                for e in m.results
                if {position, tap} & e.used_dims()
            ]
            wanted = [AffineExpr.dimension(i) for i in (tap, position)]
            if taps_in_result:
                wanted.reverse()
            in_other, in_c = of_other.results, of_c.results
            if wanted[0] in in_other and wanted[1] in in_c and len(alone) == 3:
                at = in_other.index(wanted[0]), in_c.index(wanted[1])
                if at[1] + 1 < len(in_c):
                    found.append(Window(position, tap, backwards, place, *at))
    return sorted(found, key=lambda w: w.in_c)


def pairs_of(form: Form) -> Sequence[tuple[int, int]]:
    """Two iterators, in both orders, if the dimension has two."""
    if not isinstance(form, Linear) or len(form.iterators) != 2:
        return ()
    i, j = form.iterators
    return (i, j), (j, i)


def window_step(form: Form, position: int, tap: int) -> bool | None:
    """Whether the dimension is read backwards; None if it is no plain window."""
    assert isinstance(form, Linear)
    steps = form.coefficients[position], form.coefficients[tap], form.constant
    return {(1, 1, 0): False, (1, -1, TAPS - 1): True}.get(steps)


@dataclass(frozen=True)
class Points:
    """How many numbers are made for the points of all tiles."""

    a: int
    b: int
    c: int
    weights: int
    """Of these three, those of the operand without positions."""

    products: int
    bytes: int
    """Of a number."""

    rows: int
    """Of a product."""

    @staticmethod
    def of(op: ContractOp, table: Contraction, form: Windows) -> Points:
        """Those of an op in a form."""
        positions = {w.position for w in form.windows}
        extents = dict(enumerate(table.extents))
        extents |= {i: -(-extents[i] // OUTPUTS) for i in positions}
        extents |= {w.tap: 1 for w in form.windows}
        points = POINTS ** len(form.windows)

        def count(*roles: Role | None) -> int:
            return prod(extents[i] for r in roles for i in table.having(r))

        a = points * count(Role.OUTER, Role.M, Role.K)
        b = points * count(Role.OUTER, Role.K, Role.N)
        c = points * count(Role.OUTER, Role.M, Role.N)
        weights = c if form.taps_in_result else (a, b)[1 - form.read]
        element = tensor_type(op.c).element_type
        assert isinstance(element, AnyFloat)
        rows = count(table.role(min(positions)))
        products = points * prod(extents.values())
        return Points(a, b, c, weights, products, element.size, rows)

    @property
    def of_tiles(self) -> int:
        """The numbers of all tiles, the weights' left out."""
        return self.a + self.b + self.c - self.weights


def may_pad(op: ContractOp, form: Windows) -> bool:
    """Whether positions may run beyond their ends: what the epilogue reads by them has
    a dimension for each, which can be padded."""
    return indexed_alone(op.maps[3:], {w.position for w in form.windows})


def cuts_of(
    op: ContractOp, form: Windows, points: Points, target: Target
) -> Sequence[Cut]:
    """The blocks of images and of the first dimension of windows."""
    positions = [w.position for w in form.windows]
    taps = {w.tap for w in form.windows}
    with_tiles = op.maps[1 - form.read if form.taps_in_result else 2]
    without = op.maps[2 if form.taps_in_result else 1 - form.read].used_dims()
    outer = [e.position for e in with_tiles.results if isinstance(e, AffineDimExpr)]
    tiles = {
        i: -(-form.extents[i] // OUTPUTS) if i in positions else form.extents[i]
        for i in outer
        if i not in without | taps
    }
    images = [i for i in tiles if i not in positions]
    if not set(positions) <= tiles.keys() or not indexed_alone(op.maps, set(images)):
        return ()
    sums = points.bytes * points.weights if form.taps_in_result else 0
    if sums > SUMS_IN_L2 * target.l2:
        return ()
    first = [*images, positions[0]]
    inner = prod(tiles[i] for i in positions[1:])
    every = inner * prod(tiles[i] for i in first)
    numbers = max(1, points.of_tiles // every)
    return Tiles(
        [(i, tiles[i]) for i in first],
        inner,
        points.bytes * numbers,
        may_pad(op, form),
        int(LEAST_BLOCK * points.weights / numbers),
    ).cuts(target)


def columns_of(
    op: ContractOp, form: Windows, points: Points, target: Target
) -> Cut | None:
    """The blocks of the columns of c, which only b has. Each thread makes all points of
    a for itself, and then those of b which it multiplies, so these are never in memory:
    7x7 pixels of 512 channels, weights of the call, eight images 1.1-1.2 times as fast,
    four 1.1-1.4. Where a has more points than the weights it comes from memory instead
    (256 channels: eight images of 14x14 0.97, four 1.04-1.09 times as fast).

    Gradients by the weights whose sums outgrow the L2 go in columns, too, where threads
    would read from each other what they transformed together: 256 channels, eight
    images 1.04-1.2 times as fast, but on one thread 0.98, and 512 channels 0.93."""
    column = op.maps[2].results[-1]
    if not isinstance(column, AffineDimExpr) or form.read != 0:
        return None
    alone = column in op.maps[1].results and indexed_alone(op.maps, {column.position})
    if not alone or column.position in op.maps[0].used_dims():
        return None
    if form.taps_in_result:
        if form.cuts or target.threads == 1:
            return None
    elif points.a > points.b or is_load_time(op.b):
        return None
    extent = form.extents[column.position]
    bytes_ = points.bytes * (points.b + points.c) // extent
    lanes = target.lanes(points.bytes)
    return column_cut(column.position, extent, bytes_, lanes, target)


def indexed_alone(maps: Sequence[AffineMap], iterators: AbstractSet[int]) -> bool:
    """Whether dimensions that these index are indexed by nothing else."""
    return all(
        isinstance(e, AffineDimExpr) or not iterators & e.used_dims()
        for m in maps
        for e in m.results
    )


def is_worth_it(op: ContractOp, form: Windows, points: Points, target: Target) -> bool:
    """Whether the products spared outweigh the transforms."""
    positions = {w.position for w in form.windows}
    if not may_pad(op, form) and any(form.extents[i] % OUTPUTS for i in positions):
        return False
    spared = prod(form.extents) - points.products
    copies = target.threads if form.columns else 1
    pairs = ((copies * points.a, op.a), (points.b, op.b))
    made = [n for n, v in pairs if not is_load_time(v)]
    cold = points.bytes * points.weights > target.l2
    return (
        spared >= LEAST_SPARED * (sum(made) + points.c)
        and points.rows >= LEAST_TILES * (1 + cold)
        and (bool(form.cuts) or points.bytes * points.of_tiles <= MOST_BYTES)
    )
