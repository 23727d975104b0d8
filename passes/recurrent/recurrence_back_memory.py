"""The memory of a walk back in time while its loops are emitted. Everything emits into
the enclosing `ImplicitBuilder`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, scf
from xdsl.ir import Block, Region, SSAValue

from brdialect.destination_op import shaped
from brdialect.machine_ops import PrefetchOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.target import Target
from passes.memory.buffers import element_bytes
from passes.recurrent.recurrence_memory import Work
from passes.recurrent.recurrence_scratch import Areas, backward_areas, row_tasks
from passes.shared.build import (
    Index,
    add,
    divide,
    for_loop,
    memref_type,
    mul,
    value,
    vector_of,
)
from passes.shared.vectorise import load_vector, splat, store_vector


def areas_of(op: RecurrenceBackwardOp) -> Areas:
    """What the scratch has to hold."""
    rows, _, groups = op.blocks
    return backward_areas(
        op.sizes,
        row_tasks(op.sizes.batch, rows, groups),
        op.parts + op.column_count,
        len(op.given),
        op.reset is not None,
        element_bytes(shaped(op.y).element_type),
    )


class BackMemory(Work):
    """What the loops of one walk read and write."""

    def __init__(self, op: RecurrenceBackwardOp, target: Target):
        self.op = op
        super().__init__(op, target, areas_of(op))

    @property
    def gradients(self) -> list[SSAValue]:
        """Of the states, h first: [K / panel, N, panel]."""
        return [self.areas[f"gradient {i}"] for i in range(len(self.op.given))]

    @property
    def sum_count(self) -> int:
        """How many sums of each unit there are."""
        return self.op.parts + self.op.column_count

    def lanes_of(self, unit: Index) -> SSAValue | None:
        """Which lanes from a unit on are units; None where all of them always are."""
        return None if self.sizes.units % self.sizes.panel == 0 else self.valid(unit)

    def load_units(
        self, source: SSAValue, at: Sequence[Index], unit: Index, start: int = 0
    ) -> SSAValue:
        """`source[at.., start + unit]`, one vector of units; 0 beyond K."""
        where = [value(i) for i in (*at, add(unit, start))]
        return load_vector(source, where, self.lanes, self.lanes_of(unit))

    def ask_units(
        self, source: SSAValue, at: Sequence[Index], unit: Index, start: int = 0
    ) -> None:
        """Asks for what `load_units` will read."""
        PrefetchOp(source, [value(i) for i in (*at, add(unit, start))])

    def rows_of(
        self,
        source: SSAValue,
        at: Sequence[Index],
        rows: tuple[int, int],
        parts: tuple[int, int] | None = None,
    ) -> list[SSAValue]:
        """`[rows, parts, panel]` of an array from an element on, whose last dimension
        is along a panel. `rows`: the dimension and their number; `parts`: how far they
        lie apart, and their number. Nothing where nobody knows how the array lies."""
        type_ = memref_type(source)
        strides, offset = type_.get_strides(), type_.get_offset()
        if strides is None or None in strides or offset is None:
            return []
        known = [s for s in strides if s is not None]
        start = add(offset, *(mul(i, s) for i, s in zip(at, known, strict=True)))
        dims = [(rows[1], known[rows[0]]), (self.sizes.panel, 1)]
        if parts is not None:
            apart, count = parts
            dims.insert(1, (count, apart))
        sizes, steps = zip(*dims, strict=True)
        return [self.view(source, start, sizes, steps)]

    def at(self, time: Index, row: Index) -> list[Index]:
        """Where a step of a sequence lies in y and dy."""
        return [row, time] if self.op.batch_first is not None else [time, row]

    def load_h(
        self, source: SSAValue, time: Index, row: Index, unit: Index
    ) -> SSAValue:
        """One vector of this direction's columns of y or dy."""
        start = self.op.offset.value.data
        return self.load_units(source, self.at(time, row), unit, start)

    def either(
        self,
        condition: SSAValue,
        then: Callable[[], SSAValue],
        otherwise: Callable[[], SSAValue],
    ) -> SSAValue:
        """A vector from one of two places."""
        blocks = (Block(), Block())
        type_ = vector_of(self.element, self.lanes)
        op = scf.IfOp(condition, [type_], Region(blocks[0]), Region(blocks[1]))
        for block, emit in zip(blocks, (then, otherwise), strict=True):
            with ImplicitBuilder(block):
                scf.YieldOp(emit())
        return op.results[0]

    def plus(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """x + y"""
        return arith.AddfOp(x, y).result

    def slot(self, first: Index, size: int, n: Index) -> Index:
        """The number of a block of rows: `n` counts from `first`, where its group of
        `size` rows begins."""
        rows = min(self.op.blocks[0], size)
        return add(mul(divide(first, size), -(-size // rows)), divide(n, rows))

    def begin(self, first: Index, size: int) -> None:
        """The gradients of the last states in, sums to 0, of one group."""
        for own, given in zip(self.gradients, self.op.given, strict=True):

            def copy(
                kb: Index, n: Index, j: Index, own: SSAValue = own, v: SSAValue = given
            ) -> None:
                row, unit = add(first, n), add(mul(kb, self.sizes.panel), j)
                self.store(self.load_units(v, [row], unit), own, kb, row, j)

            self.over_all(size, copy)
        zero = splat(0.0, self.element, self.lanes)
        rows = min(self.op.blocks[0], size)

        def clear(n: Index) -> Sequence[SSAValue]:
            slot = self.slot(first, size, n)

            def one(kb: Index, q: Index, j: Index) -> None:
                self.store(zero, self.areas["sums"], slot, kb, q, j)

            self.over_all(self.sum_count, one)
            return ()

        for_loop(0, size, rows, clear)

    def end(self, first: Index, size: int) -> None:
        """The gradients of the initial states out, of one group."""
        for own, start in zip(self.gradients, self.op.starts, strict=True):

            def copy(
                kb: Index, n: Index, j: Index, own: SSAValue = own, v: SSAValue = start
            ) -> None:
                row, unit = add(first, n), add(mul(kb, self.sizes.panel), j)
                where = [value(i) for i in (row, unit)]
                x = self.load(own, kb, row, j)
                store_vector(x, v, where, self.lanes_of(unit))

            self.over_all(size, copy)

    def add_up(self) -> None:
        """The sums of all blocks of rows, in their order."""
        sums = self.areas["sums"]
        tasks = shaped(sums).get_shape()[0]

        def total(kb: Index, q: Index, j: Index) -> None:
            def plus(i: Index, so_far: SSAValue) -> Sequence[SSAValue]:
                return [self.plus(so_far, self.load(sums, i, kb, q, j))]

            one = self.load(sums, 0, kb, q, j)
            (all_,) = for_loop(1, tasks, 1, plus, [one])
            self.store(all_, self.op.sums, kb, q, j)

        self.over_all(self.sum_count, total)

    def over_all(self, rows: int, body: Callable[[Index, Index, Index], None]) -> None:
        """`body(block, row, unit in it)` for each vector of an array in blocks."""

        def block(kb: Index) -> Sequence[SSAValue]:
            def row(n: Index) -> Sequence[SSAValue]:
                def vector(j: Index) -> Sequence[SSAValue]:
                    body(kb, n, j)
                    return ()

                for_loop(0, self.sizes.panel, self.lanes, vector)
                return ()

            for_loop(0, rows, 1, row)
            return ()

        for_loop(0, self.sizes.blocks, 1, block)
