"""Which operands of a contraction the tensor memory accelerator can copy (`copy=tma`),
by how they lie as tensors. What lies otherwise in memory in the end, as a part of
something larger, threads copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import ClassVar

from brdialect.block_tile import BlockTile
from brdialect.roles import Contraction, Edges
from brdialect.schedule import Schedule
from passes.schedule.boxes import Boxes, Slices, boxes_of, cut_of
from passes.schedule.check_tile import split_loop
from passes.schedule.default_tile import Steps
from passes.shared.digits import Digits


@dataclass(frozen=True)
class TileCopies:
    """The boxes of A and B, None where threads have to copy, and how slices of the sum
    are cut for them."""

    ALLOWED: ClassVar[bool] = True
    """Whether the accelerator is to be used where no schedule asks for it; a
    measurement may do without."""

    boxes: tuple[Boxes | None, Boxes | None]
    cut: int
    depth: int
    steps: int
    """Of the whole sum."""

    @property
    def any(self) -> bool:
        """Whether boxes bring an operand: what the tuner tries."""
        return self.ALLOWED and self.boxes != (None, None)

    @property
    def all(self) -> bool:
        """Whether boxes bring all that there is and, but at the end of the sum, nothing
        else: what the default asks for."""
        whole = self.cut % self.depth == 0 or self.cut == self.steps
        return self.ALLOWED and None not in self.boxes and whole


def tile_copies(
    table: Contraction,
    schedule: Schedule,
    steps: Steps,
    element_bytes: int,
    tile: BlockTile,
    edges: Sequence[Edges] = (),
) -> TileCopies:
    """How the slices of a block of this form could come. `steps`: how far each iterator
    goes in A, B and C, in elements; `edges`: those of A."""
    extents = dict(enumerate(table.extents))
    loops = [(loop.iterator, 1) for loop in schedule.loops]
    part = split_loop(table, replace(schedule, block=tile)) if tile.split > 1 else None
    if part is not None:
        extents[part.iterator] = part.step
        loops.append((part.iterator, part.step))
    of: tuple[Sequence[Edges], Sequence[Edges]] = (edges, ())
    ends = tuple((x.start, x.size) for x in edges), ()
    counts = [tile.split if step > 1 else table.extents[i] for i, step in loops]

    def digits(number: int, iterators: Sequence[int | None]) -> Digits:
        its = [i for i in iterators if i is not None]
        found = steps[number]
        return Digits(
            tuple(extents[i] for i in its),
            tuple(found[i] if i < len(found) else 0 for i in its),
            tuple(tuple(x.coefficients[i] for i in its) for x in of[number]),
        )

    sums, rows = (*schedule.batch, schedule.k), (*schedule.rows, schedule.m)
    found: list[tuple[Slices, Digits]] = []
    for number, its, size in ((0, rows, tile.m), (1, (schedule.n,), tile.n)):
        sum_, places = digits(number, sums), digits(number, [i for i, _ in loops])
        strides = [s * by for s, (_, by) in zip(places.strides, loops, strict=True)]
        outer = Digits(tuple(counts), tuple(strides), places.places)
        index = digits(number, its)
        slices = Slices(index, sum_, size, tile.k, sum_.size, ends[number])
        found.append((slices, outer))
    whole = found[0][0].sum_.size
    cut = gcd(whole, *(cut_of(*x, 0, element_bytes) for x in found))
    a, b = (boxes_of(replace(s, cut=cut), x, 0, element_bytes) for s, x in found)
    return TileCopies((a, b), cut, tile.k, whole)
