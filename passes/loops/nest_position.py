"""Where the loops of a contraction have got to, for convert-linalg-to-br."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from brdialect.roles import Contraction
from brdialect.schedule import Loop
from passes.shared.build import Index, add, compare, minimum, value


@dataclass(frozen=True)
class Position:
    """A place in the body of some loops of `table`: its iterators, and the blocks of
    them that one trip of the innermost loops covers."""

    table: Contraction
    at: Mapping[int, Index] = field(default_factory=dict[int, Index])
    blocks: Mapping[int, int] = field(default_factory=dict[int, int])

    def of(self, iterator: int) -> Index:
        """The value of an iterator, 0 where no loop goes over it."""
        return self.at.get(iterator, 0)

    def block(self, iterator: int) -> int:
        """What one trip of the loops covers of an iterator."""
        return self.blocks.get(iterator, self.table.extents[iterator])

    def inside(self, run: Sequence[Loop], ivs: Sequence[Index]) -> Position:
        """The position in the body of further loops, one for each iterator, at `ivs`
        from where their blocks begin."""
        moved = {
            x.iterator: add(self.of(x.iterator), iv)
            for x, iv in zip(run, ivs, strict=True)
        }
        steps = {loop.iterator: loop.step for loop in run}
        return Position(self.table, {**self.at, **moved}, {**self.blocks, **steps})

    def bound(self, loop: Loop) -> Index:
        """How far a loop runs inside the block of its outer loops."""
        extent, block = self.table.extents[loop.iterator], self.block(loop.iterator)
        if extent % block == 0:
            return block
        left = arith.SubiOp(value(extent), value(self.of(loop.iterator))).result
        return minimum(left, block)

    def is_split(self, iterator: int) -> bool:
        """Whether a loop goes over the iterator."""
        return self.block(iterator) < self.table.extents[iterator]

    def reaches_end(self, iterator: int) -> SSAValue:
        """Whether the block is the last one."""
        last = (self.table.extents[iterator] - 1) // self.block(iterator)
        return compare("uge", self.of(iterator), last * self.block(iterator))
