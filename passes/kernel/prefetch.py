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
