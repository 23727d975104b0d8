"""What a micro-kernel asks the caches for before it reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from brdialect.machine_ops import PrefetchOp
from passes.memory.buffers import ALIGNMENT as CACHE_LINE
from passes.memory.buffers import element_bytes
from passes.shared.build import Index, add, memref_type, mul, value


def prefetch_lines(
    memref_: SSAValue, at: Sequence[Index], elements: int, *, far: bool = False
) -> None:
    """Asks for the cache lines of some elements of a row from `at` on."""
    line = CACHE_LINE // element_bytes(memref_type(memref_).element_type)
    *row, column = at
    for start in range(0, elements, line):
        PrefetchOp(memref_, [value(x) for x in (*row, add(column, start))], far=far)


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
        done: Index = 0
        for i, extent in zip(at, self.extents, strict=True):
            done = add(mul(done, extent), i)
        place = add(self.start, mul(done, self.step))
        prefetch_lines(self.memref, (place,), steps * self.step, far=True)
