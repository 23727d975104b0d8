"""The element-wise kernels of a walk back in time: a thread for each unit of each
sequence.

    thread (n, j) at a step:
      saved[time, n, all parts of j], the states before, the columns [j],
      the gradients of the states after [n, j], dy[time, n, j]
      -> the cell's region -> gates[.., time, n, j], the gradients of the states before

Each thread reads and writes elements of its own, sums among them, so all is updated in
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, func
from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue

from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.grid import each_element
from passes.gpu.recurrence_cell import Elements, applied, each_unit
from passes.recurrent.recurrence_gradients import yields_zero
from passes.shared.build import Index, add, compare, for_loop, value
from passes.shared.digits import unravel
from passes.shared.vectorise import splat


class Arrays:
    """What kernels of a step are given: these arrays, others, and the time."""

    def __init__(
        self, op: RecurrenceBackwardOp, end: func.ReturnOp, args: Sequence[SSAValue]
    ) -> None:
        self.op, self.time = op, args[-1]
        given = (Elements(end, v) for v in args[:-1])
        self.saved, self.y = next(given), next(given)
        self.initial = next(given)
        self.columns, self.lengths, self.dy = (
            None if v is None else next(given) for v in (op.columns, op.lengths, op.dy)
        )
        self.gates, self.before = next(given), next(given)
        self.others = list(given)

    @staticmethod
    def operands(op: RecurrenceBackwardOp) -> list[SSAValue]:
        """All but the others and the time."""
        more = [v for v in (op.columns, op.lengths, op.dy) if v is not None]
        return [op.saved, op.y, op.initial, *more, op.gates, op.before]

    def saved_of(self, n: Index, j: Index, parts: Sequence[int]) -> list[SSAValue]:
        """What was saved of some parts."""
        units = self.op.sizes.units
        return [self.saved.load(self.time, n, add(j, p * units)) for p in parts]

    def columns_of(self, j: Index) -> list[SSAValue]:
        """What the cell takes of each unit."""
        if self.columns is None:
            return []
        return [self.columns.load(0, q, j) for q in range(self.op.column_count)]

    def runs(self, n: Index, time: Index) -> SSAValue | None:
        """Whether a sequence has not ended at a time; None: none does."""
        if self.lengths is None:
            return None
        steps = arith.IndexCastOp(self.lengths.load(n), IndexType()).result
        return compare("slt", time, steps)

    def column_of_y(self, array: Elements, time: Index, n: Index, j: Index) -> SSAValue:
        """An element of this direction's part of y or dy."""
        at = (n, time) if self.op.batch_first is not None else (time, n)
        return array.load(*at, add(j, self.op.offset.value.data))

    def h_before(self, n: Index, j: Index) -> SSAValue:
        """h before the step: that of the step that the layer came from, or where it
        began with this one, the initial one."""
        op, back = self.op, self.op.reverse is not None
        begins = compare("eq", self.time, op.sizes.steps - 1 if back else 0)
        last = value(add(self.time, 1 if back else -1))
        if back and (runs := self.runs(n, last)) is not None:
            true = arith.ConstantOp.from_int_and_width(1, 1).result
            ended = arith.XOrIOp(runs, true).result
            begins = arith.OrIOp(begins, ended).result
        # any step will do where it is not looked at
        last = SelectOp(begins, self.time, last).result
        h = self.column_of_y(self.y, last, n, j)
        return SelectOp(begins, self.initial.load(n, j), h).result


@dataclass(frozen=True)
class BackCells:
    """Emits the element-wise kernels of a walk, in front of the `end` of their
    functions."""

    op: RecurrenceBackwardOp

    @property
    def carries_h(self) -> bool:
        """Whether dh' has a part that does not come through R."""
        op = self.op
        direct = not yields_zero(op.cell, op.parts)
        return direct or op.lengths is not None or op.reset is not None

    @property
    def sum_count(self) -> int:
        """Of a unit."""
        return self.op.parts + self.op.column_count

    def begin(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """The gradients of the states from the first arguments to the next ones; the
        sums, which come last, are 0."""
        *arrays, sums = (Elements(end, v) for v in args)
        half = len(arrays) // 2

        def unit(n: Index, j: Index) -> None:
            for source, target in zip(arrays[:half], arrays[half:], strict=True):
                target.store(source.load(n, j), 0, n, j)
            zero = splat(0.0, sums.element, None)
            for q in range(self.sum_count):
                sums.store(zero, n, 0, q, j)

        each_unit(self.op.sizes, end, unit)

    def end(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """The gradients of the states from the first arguments to the next ones."""
        arrays = [Elements(end, v) for v in args]
        half = len(arrays) // 2

        def unit(n: Index, j: Index) -> None:
            for source, target in zip(arrays[:half], arrays[half:], strict=True):
                target.store(source.load(0, n, j), n, j)

        each_unit(self.op.sizes, end, unit)

    def add_up(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """The sums of all sequences, in their order."""
        own, total = (Elements(end, v) for v in args)
        batch, units = self.op.sizes.batch, self.op.sizes.units
        shape = (self.sum_count, units)

        def one(index: Index) -> None:
            q, j = unravel(index, shape, shape[0] * shape[1])

            def more(n: Index, so_far: SSAValue) -> Sequence[SSAValue]:
                return [arith.AddfOp(so_far, own.load(n, 0, q, j)).result]

            zero = splat(0.0, own.element, None)
            (sum_,) = for_loop(0, batch, 1, more, [zero])
            total.store(sum_, 0, q, j)

        each_element(end, shape[0] * shape[1], one)

    def cell(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """The gradients of a step's gates, and of the states before it. Others: the
        gradients of the states, sums."""
        op, arrays = self.op, Arrays(self.op, end, args)
        *gradients, sums = arrays.others
        states = slice(op.parts, op.parts + len(gradients))

        def unit(n: Index, j: Index) -> None:
            runs = arrays.runs(n, arrays.time)
            zero = splat(0.0, sums.element, None)
            after = [v.load(0, n, j) for v in gradients]
            if arrays.dy is not None:
                dy = arrays.column_of_y(arrays.dy, arrays.time, n, j)
                if runs is not None:
                    dy = SelectOp(runs, dy, zero).result
                after[0] = arith.AddfOp(after[0], dy).result
            h = arrays.h_before(n, j)
            saved = arrays.saved_of(n, j, range(op.saved_parts))
            values = [*saved[: op.parts], h, *saved[op.parts :]]
            values += [*arrays.columns_of(j), *after]
            found = applied(op.cell.block, values)
            if runs is not None:
                nothing = [zero] * len(found)
                nothing[states] = after
                pairs = zip(found, nothing, strict=True)
                found = [SelectOp(runs, x, other).result for x, other in pairs]
            for p, x in enumerate(found[: op.parts]):
                arrays.gates.store(x, 0, p, arrays.time, n, j)
            arrays.before.store(h, 0, 0, arrays.time, n, j)
            for i, (v, x) in enumerate(zip(gradients, found[states], strict=True)):
                if i or self.carries_h:
                    v.store(x, 0, n, j)
            del found[states]
            self.count(sums, n, j, enumerate(found))

        each_unit(op.sizes, end, unit)

    def reset(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """Adds what goes through the reset gate. Others: the gradient of h, sums, and
        the gradient of what R of the candidate multiplies."""
        op, arrays = self.op, Arrays(self.op, end, args)
        dh, sums, reset = arrays.others
        assert op.reset is not None and op.candidate is not None
        region, candidate = op.reset, op.candidate.value.data
        others = [g for g in range(op.sizes.gates) if g != candidate]

        def unit(n: Index, j: Index) -> None:
            values = arrays.saved_of(n, j, others)
            values += [arrays.h_before(n, j), reset.load(0, n, j)]
            own, *gates, h = applied(region.block, values)
            arrays.before.store(own, 1, 0, arrays.time, n, j)
            for g, x in zip(others, gates, strict=True):
                at = (0, g, arrays.time, n, j)
                plus(arrays.gates, x, *at)
            plus(dh, h, 0, n, j)
            self.count(sums, n, j, zip(others, gates, strict=True))

        each_unit(op.sizes, end, unit)

    def count(
        self, sums: Elements, n: Index, j: Index, found: Iterator[tuple[int, SSAValue]]
    ) -> None:
        """Adds to the sums over all steps of a sequence."""
        for q, x in found:
            plus(sums, x, n, 0, q, j)


def plus(array: Elements, x: SSAValue, *at: Index) -> None:
    """Adds to an element."""
    array.store(arith.AddfOp(array.load(*at), x).result, *at)
