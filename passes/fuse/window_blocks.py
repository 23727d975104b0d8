"""Which tiles of a convolution are transformed and multiplied together.

The numbers made for the points of all tiles are four times those of the images, and as
many come out of the products. Block by block they stay in the L2: 64 channels of eight
images of 56x56 pixels 1.5 times as fast. Where the weights have more points than the
tiles, these stay and the weights come block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from brdialect.target import Target

L2_FILLS = 2
"""How often the bytes of a block fill the L2: those of the points before the products,
and after them (one and a half: 0.9 times as fast, three: 1.0)."""

LEAST_ROWS = 48
"""Rows of a product: for fewer of them the micro-kernel waits for the weights."""

WASTE = 1 / 16
"""The part of the time in which threads wait for others, or tiles of padding are
computed, that larger blocks are worth."""

MOST_WASTE = 1 / 5
"""More than the blocks gain."""

COLUMN_VECTORS = (4, 2)
"""Blocks of columns are a multiple of so many vectors wide, the first if it goes: those
of the register blocks of a micro-kernel that reads all else as seldom (192 to 384
channels in blocks of six vectors: 0.9 times as fast as in blocks of four)."""


@dataclass(frozen=True)
class Cut:
    """An iterator over images, tiles or columns in blocks; the last block may reach
    beyond, but for columns."""

    iterator: int
    size: int
    trips: int


@dataclass(frozen=True)
class Tiles:
    """What may be cut."""

    outer: Sequence[tuple[int, int]]
    """Iterators and their extents, the outermost first; the last counts tiles."""

    inner: int
    """Tiles for each trip of these."""

    bytes: int
    """Of the points of a tile, before and after the products."""

    may_pad: bool
    """Whether the last iterator may run beyond its end."""

    least: int
    """In a block."""

    def cuts(self, target: Target) -> Sequence[Cut]:
        """Those of the best block; none if all fits into one, or no block does."""
        least = max(self.least, LEAST_ROWS)
        total = self.inner * prod(n for _, n in self.outer)
        most = max(L2_FILLS * target.l2 // self.bytes, 2 * least)
        # threads that share tiles fetch them from each other between the three parts
        most = min(most, -(-total // target.threads))
        if total <= most:
            return ()
        found: list[tuple[float, int, Sequence[Cut]]] = []
        for cuts, tiles in self.blocks():
            rounds = -(-prod(c.trips for c in cuts) // target.threads)
            waste = rounds * target.threads * tiles / total - 1
            if least <= tiles <= most and waste <= MOST_WASTE:
                found.append((max(waste, WASTE), -tiles, cuts))
        return min(found, key=lambda each: each[:2])[2] if found else ()

    def blocks(self) -> Iterator[tuple[Sequence[Cut], int]]:
        """All ways to cut, and the tiles of a block."""
        for place, (iterator, extent) in enumerate(self.outer):
            single = [Cut(i, 1, n) for i, n in self.outer[:place]]
            inside = self.inner * prod(n for _, n in self.outer[place + 1 :])
            pads = self.may_pad and place + 1 == len(self.outer)
            for size in range(1, extent + 1):
                if pads or extent % size == 0:
                    trips = -(-extent // size)
                    yield [*single, Cut(iterator, size, trips)], size * inside


def column_cut(
    iterator: int, extent: int, bytes_: int, lanes: int, target: Target
) -> Cut | None:
    """The largest blocks of columns that the L2 holds, of `bytes_` for the points of
    each column; None where threads would wait for others."""
    most = min(extent // target.threads, int(L2_FILLS * target.l2 / bytes_))
    for vectors in COLUMN_VECTORS:
        unit = vectors * lanes
        for size in range(most // unit * unit, 0, -unit):
            trips = extent // size
            rounds = -(-trips // target.threads)
            waste = rounds * target.threads / trips - 1
            if extent % size == 0 and waste <= WASTE:
                return Cut(iterator, size, trips)
    return None
