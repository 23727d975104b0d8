"""The element-wise kernels of a recurrence: a thread for each unit of each sequence.

    thread (n, j):
      gates[place, n, j, :] + hidden[n, j, :], the states [n, j], the columns [j]
      -> the cell's region -> the states, y[time, n, j]

Each thread reads and writes elements of its own, so the states are updated in place.
Where the product R h is one kernel with this, its epilogue, there are two places of h
in turn: other blocks still read the one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, func, vector
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.irdl import IRDLOperation

from brdialect.destination_op import YieldOp
from brdialect.recurrence_op import RecurrenceOp, RecurrenceSizes
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.grid import each_element
from passes.gpu.views import flat, sizes_and_strides
from passes.shared.build import (
    Index,
    add,
    compare,
    memref_type,
    mul,
    shape_of,
    vector_of,
)
from passes.shared.digits import divided, unravel
from passes.shared.vectorise import splat, vectorise_body


@dataclass(frozen=True)
class Elements:
    """An array that the threads of a kernel read and write."""

    op: IRDLOperation
    array: SSAValue

    @property
    def element(self) -> Attribute:
        """What it holds."""
        return memref_type(self.array).element_type

    def _place(self, at: Sequence[Index]) -> Index:
        _, strides = sizes_and_strides(self.op, self.array)
        return add(0, *(mul(i, s) for i, s in zip(at, strides, strict=True)))

    def load(self, *at: Index, lanes: int = 1) -> SSAValue:
        """An element, or some that lie side by side from there on."""
        memory = flat(self.op, self.array)
        return memory.load(add(memory.offset, self._place(at)), lanes)

    def store(self, x: SSAValue, *at: Index) -> None:
        """The counterpart, of one element."""
        memory = flat(self.op, self.array)
        memory.store(x, add(memory.offset, self._place(at)))


def each_unit(
    s: RecurrenceSizes, end: func.ReturnOp, body: Callable[[Index, Index], None]
) -> None:
    """`body(sequence, unit)` in a thread of its own."""
    count = s.batch * s.units

    def element(i: Index) -> None:
        row, unit = unravel(i, (s.batch, s.units), count)
        body(row, unit)

    each_element(end, count, element)


@dataclass(frozen=True)
class Cells:
    """Emits the kernels of one recurrence, in front of the `end` of their functions."""

    op: RecurrenceOp

    def begin(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """The states before the first step, from the first half of the arguments; one
        that has two places to its first."""
        arrays = [Elements(end, v) for v in args]
        half = len(arrays) // 2

        def unit(n: Index, j: Index) -> None:
            for source, target in zip(arrays[:half], arrays[half:], strict=True):
                first = [0] * (len(shape_of(target.array)) - 2)
                target.store(source.load(n, j), *first, n, j)

        each_unit(self.op.sizes, end, unit)

    def end(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """h after the last step, out of the place where that has left it."""
        h, final = (Elements(end, v) for v in args)
        last = self.op.sizes.steps % 2
        each_unit(
            self.op.sizes, end, lambda n, j: final.store(h.load(last, n, j), n, j)
        )

    @property
    def candidate(self) -> int | None:
        """The gate that is treated on its own."""
        candidate = self.op.candidate
        return None if candidate is None else candidate.value.data

    def reset(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """What takes the place of h for the candidate: gates, hidden, h, reset; and the
        place of the step in the gates."""
        gates, hidden, h, reset = (Elements(end, v) for v in args[:4])
        region = self.op.reset
        assert region is not None

        def unit(n: Index, j: Index) -> None:
            sums = self.sums(gates, hidden, args[4], n, j)
            others = [x for g, x in enumerate(sums) if g != self.candidate]
            found = applied(region.block, [*others, h.load(n, j)])
            reset.store(found[0], n, j)

        each_unit(self.op.sizes, end, unit)

    def sums(
        self, gates: Elements, hidden: Elements, place: Index, n: Index, j: Index
    ) -> list[SSAValue]:
        """W x + bias + R h of each gate; with `apart` R h of the candidate behind them,
        in place of in it. The candidate of a cell with a reset is not yet there when
        that is computed."""
        count = self.op.sizes.gates
        first = mul(j, count)
        parts = [
            side_by_side(array, count, *at, first)
            for array, at in ((gates, (place, n)), (hidden, (n,)))
        ]
        apart = self.candidate if self.op.apart is not None else None
        found: list[SSAValue] = [
            x if g == apart else arith.AddfOp(x, y).result
            for g, (x, y) in enumerate(zip(*parts, strict=True))
        ]
        return found if apart is None else [*found, parts[1][apart]]

    def operands(self) -> list[SSAValue]:
        """What `update` needs, beside the gates and h."""
        op = self.op
        more = [v for v in (op.columns, op.lengths, op.saved) if v is not None]
        return [op.y, *op.finals[1:], *more]

    def cell(self, end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
        """A step in a kernel of its own: gates, hidden, h, `operands`, the time of the
        step and its place in the gates."""
        gates, hidden, h = (Elements(end, v) for v in args[:3])
        *others, time, place = args[3:]

        def unit(n: Index, j: Index) -> None:
            sums = self.sums(gates, hidden, place, n, j)
            new = self.update(end, others, sums, h.load(n, j), (time, n, j))
            h.store(new, n, j)

        each_unit(self.op.sizes, end, unit)

    def finish(
        self, end: func.ReturnOp, args: Sequence[SSAValue], h: SSAValue, parity: Index
    ) -> Region:
        """The same in the epilogue of the product, which has the gates of a unit: of h
        place `parity` is read, the other one written. `args`: `operands` and time."""
        count = self.op.sizes.gates
        element = memref_type(h).element_type
        group = element if count == 1 else vector_of(element, count)
        block = Block(arg_types=[IndexType(), IndexType(), group])
        states = Elements(end, h)
        with ImplicitBuilder(block) as (n, column, gates):
            j = divided(column, count)
            sums: list[SSAValue] = [gates]
            if count > 1:
                sums = [
                    vector.ExtractOp(gates, (g,), element).result for g in range(count)
                ]
            old = states.load(parity, n, j)
            new = self.update(end, args[:-1], sums, old, (args[-1], n, j))
            states.store(new, add(1, mul(parity, -1)), n, j)
            YieldOp()
        return Region(block)

    def update(
        self,
        end: func.ReturnOp,
        operands: Sequence[SSAValue],
        sums: Sequence[SSAValue],
        h: SSAValue,
        where: tuple[SSAValue, Index, Index],
    ) -> SSAValue:
        """h of a unit after a step, with its other states and y written. `where`: the
        time, the sequence and the unit."""
        op, (time, n, j) = self.op, where
        y, *rest = (Elements(end, v) for v in operands)
        count = len(op.finals) - 1
        states, more = rest[:count], rest[count:]
        old = [h, *(state.load(n, j) for state in states)]
        values = [*sums, *old]
        if op.columns is not None:
            columns = more.pop(0)
            which = range(shape_of(columns.array)[1])
            values += [columns.load(j, q, 0) for q in which]
        found = applied(op.cell.block, values)
        new, parts = found[: len(old)], found[len(old) :]
        result = new[0]
        if op.lengths is not None:
            steps = arith.IndexCastOp(more.pop(0).load(n), IndexType()).result
            runs = compare("slt", time, steps)
            new = [SelectOp(runs, x, o).result for x, o in zip(new, old, strict=True)]
            zero = splat(0.0, result.type, None)
            result = SelectOp(runs, result, zero).result
        for state, x in zip(states, new[1:], strict=True):
            state.store(x, n, j)
        at = (n, time) if op.batch_first is not None else (time, n)
        y.store(result, *at, add(j, op.offset.value.data))
        if op.saved is not None:
            saved = more.pop(0)
            for part, x in enumerate([*parts, *old[1:]]):
                saved.store(x, time, n, add(j, part * op.sizes.units))
        return new[0]


def applied(block: Block, values: Sequence[SSAValue]) -> list[SSAValue]:
    """What a region yields for some numbers."""
    given = dict[SSAValue, SSAValue](zip(block.args, values, strict=True))
    return vectorise_body(block, given, None)


def side_by_side(array: Elements, count: int, *at: Index) -> list[SSAValue]:
    """Some neighbours; four by one load."""
    *before, first = at
    if count != 4:
        return [array.load(*before, add(first, i)) for i in range(count)]
    four = array.load(*before, first, lanes=4)
    type_ = memref_type(array.array).element_type
    return [vector.ExtractOp(four, (i,), type_).result for i in range(4)]
