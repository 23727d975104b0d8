"""What a micro-kernel asks the caches for before it reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from brdialect.machine_ops import PrefetchOp
from passes.memory.buffers import ALIGNMENT as CACHE_LINE
from passes.memory.buffers import element_bytes
from passes.shared.build import (
    Index,
    add,
    divide,
    memref_type,
    minimum,
    mul,
    remainder,
    shape_of,
    value,
)

LEAST_STEPS = 32
"""Of a sum, that leave time to ask for C: shorter ones would mostly ask."""


def prefetch_lines(
    memref_: SSAValue, at: Sequence[Index], elements: int, *, far: bool = False
) -> None:
    """Asks for the cache lines of some elements of a row from `at` on."""
    line = CACHE_LINE // element_bytes(memref_type(memref_).element_type)
    *row, column = at
    for start in range(0, elements, line):
        PrefetchOp(memref_, [value(x) for x in (*row, add(column, start))], far=far)


def steps_done(at: Sequence[Index], extents: Sequence[int]) -> Index:
    """How many steps of the loops over the batch and k lie before `at`."""
    done: Index = 0
    for i, extent in zip(at, extents, strict=True):
        done = add(mul(done, extent), i)
    return done


@dataclass
class Share:
    """The part of `next` that one tile brings into the L2: `step` elements from
    `start` on in each step of its loops over the batch and k."""

    memref: SSAValue
    start: Index
    step: int
    extents: Sequence[int]

    def fetch(self, at: Sequence[Index], steps: int) -> None:
        """Asks for the lines of some steps from `at` on."""
        place = add(self.start, mul(steps_done(at, self.extents), self.step))
        prefetch_lines(self.memref, (place,), steps * self.step, far=True)


@dataclass
class RowsAhead:
    """The rows of `next` beside one tile of C, which it brings into the L2: some pieces
    at each place in the batch."""

    memref: SSAValue
    row: Index
    rows: int
    batch: Sequence[int]

    def fetch(self, at: Sequence[Index]) -> None:
        """Asks for what is due at a place."""
        _, *parts, width = shape_of(self.memref)
        pieces = self.rows * prod(parts)
        count = -(-pieces // prod(self.batch))
        first = mul(steps_done(at, self.batch), count)
        for i in range(count):
            left: Index = minimum(add(first, i), pieces - 1)
            where: list[Index] = [0]
            for size in reversed(parts):
                where.insert(0, remainder(left, size))
                left = divide(left, size)
            place = (add(self.row, left), *where)
            prefetch_lines(self.memref, place, width, far=True)


@dataclass
class Destination:
    """A tile of C, whose lines are asked for one by one while its sum is made: loads
    and stores that all miss at its end would keep the next tile waiting (an LSTM's
    gradient by 1024 x 4096 weights, with its sum in parts: 1.1 times as fast). All at
    once they would keep B waiting instead (1.06 times)."""

    memref: SSAValue
    row: Index
    column: Index
    shape: tuple[int, int]
    """Rows, and elements of each."""

    extents: Sequence[int]

    def fetch(self, at: Sequence[Index], steps: int) -> None:
        """Asks for what is due in some steps from `at` on; for all of it before the
        last quarter of the sum, so that it has arrived."""
        type_ = memref_type(self.memref)
        line = CACHE_LINE // element_bytes(type_.element_type)
        rows, columns = self.shape
        across = -(-columns // line)
        lines = rows * across
        total = prod(self.extents)
        window = max(steps, total * 3 // 4)
        every = max(steps, window // lines)
        count = -(-lines * every // window)
        first = mul(divide(steps_done(at, self.extents), every), count)
        for i in range(count):
            number = minimum(add(first, i), lines - 1)
            row = add(self.row, divide(number, across))
            column = add(self.column, mul(remainder(number, across), line))
            PrefetchOp(self.memref, [value(row), value(column)])


def known_extents(extents: Sequence[Index]) -> list[int] | None:
    """The extents of the batch and k, if all of them are known and there are steps."""
    known = [x for x in extents if isinstance(x, int)]
    return known if len(known) == len(extents) and 0 not in known else None


def share_of(
    next_: SSAValue,
    c: SSAValue,
    at: tuple[Index, Index],
    rows: int,
    extents: Sequence[Index],
) -> Share | RowsAhead | None:
    """What the tile of some rows at (i, j) of C brings of `next`: of a vector in
    proportion to its rows and columns."""
    known = known_extents(extents)
    length, (m, n) = prod(shape_of(next_)), shape_of(c)
    if known is None or min(length, m, n) < 1:
        return None
    i, j = at
    if memref_type(next_).get_num_dims() > 1:
        return RowsAhead(next_, i, rows, known[:-1])
    for_row = -(-length // m)
    start = add(mul(i, for_row), divide(mul(j, length), n))
    step = -(-rows * for_row // prod(known))
    return Share(next_, start, step, known)


def destination_of(
    c: SSAValue,
    at: tuple[Index, Index],
    shape: tuple[int, int],
    extents: Sequence[Index],
) -> Destination | None:
    """What a tile of C at (i, j) asks for, if its sum is known to be long enough."""
    known = known_extents(extents)
    if known is None or prod(known) < LEAST_STEPS:
        return None
    return Destination(c, *at, shape, known)
