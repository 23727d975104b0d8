"""One step back in time, block by block: R^T onto dh, then the cell's derivative.

    for each block of rows x panel, on the team:
      br.batch_reduce_gemm ins(%gates[.., t+1], %r) outs(%dh)     // dh_t += dG_{t+1} R
      for each vector of the block:
        cell(saved, h', c', dh + dy, dc) -> gates[.., t], dh', dc'

The product of a step waits for all of the gates of the step that was done before, and
what it adds to is only touched by the task that owns the block. So there is one barrier
a step. One turn more than there are steps leaves the product of the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from brdialect.ops import BatchReduceGemmOp
from brdialect.xdsl_repairs import SelectOp
from passes.recurrent.recurrence_back_memory import BackMemory
from passes.recurrent.recurrence_gradients import yields_zero
from passes.recurrent.recurrence_step import Task, over_tasks, over_units
from passes.shared.build import Index, add, branch, mul, shape_of
from passes.shared.vectorise import as_vector, splat

AHEAD = 8
"""Rows: some hundred cycles each."""


@dataclass(frozen=True)
class BackStep:
    """Emits one turn for some rows of the batch."""

    memory: BackMemory
    first: Index
    rows: int
    """Which rows of the batch."""

    time: Index
    """The step whose gates are made, out of range in the last turn."""

    done: Index
    """The step before in this walk, out of range in the first turn."""

    has_step: SSAValue
    has_done: SSAValue
    """Whether they are in range."""

    is_first: SSAValue
    """Whether the layer came to `time` first, and not from another step."""

    def emit(self) -> None:
        """The whole turn: one parallel loop, with a reset region two."""
        op = self.memory.op

        def advance(task: Task) -> None:
            self.when(self.has_done, lambda: self.product(task))
            self.when(self.has_step, lambda: self.over(task, self.cell))

        def reset(task: Task) -> None:
            self.reset_product(task)
            self.over(task, self.reset)

        self.over_tasks(advance)
        if op.reset is not None:
            self.when(self.has_step, lambda: self.over_tasks(reset))

    def when(self, condition: SSAValue, body: Callable[[], None]) -> None:
        branch(condition, body, lambda: None)

    def over_tasks(self, body: Callable[[Task], None]) -> None:
        m = self.memory
        over_tasks(m.sizes, m.op.blocks[0], self.first, self.rows, body)

    def over(self, task: Task, body: Callable[[Task, Index, Index], None]) -> None:
        m = self.memory
        over_units(m.sizes, m.lanes, task, lambda n, j: body(task, n, j))

    @property
    def carries_h(self) -> bool:
        """Whether dh' has a part that does not come through R."""
        op = self.memory.op
        direct = not yields_zero(op.cell, op.parts)
        return direct or op.lengths is not None or op.reset is not None

    # products

    def product(self, task: Task) -> None:
        """dh += dG R for the step before, but for the candidate with a reset region."""
        op, m = self.memory.op, self.memory
        gates = range(m.sizes.gates)
        candidate = op.candidate.value.data if op.candidate is not None else -1
        pairs = [(g, g) for g in gates if g != candidate]
        if op.apart is not None:
            pairs.append((m.sizes.gates, candidate))
        target, then = m.gradients[0], self.rows_ahead(task)
        self.products(task, pairs, self.done, target, self.carries_h, then)

    def reset_product(self, task: Task) -> None:
        """The gradient of what R of the candidate multiplies, for this step."""
        m = self.memory
        assert m.op.candidate is not None
        g = m.op.candidate.value.data
        self.products(task, [(g, g)], self.time, m.areas["reset"], False, [])

    def products(
        self,
        task: Task,
        pairs: Sequence[tuple[int, int]],
        time: Index,
        target: SSAValue,
        adds: bool,
        then: Sequence[SSAValue],
    ) -> None:
        """`target (+)= sum of gates[.., part, time, ..] r[.., gate, ..]` over the
        pairs (part, gate). `then`: what is read behind them."""
        m, s = self.memory, self.memory.sizes
        parts, panel = m.op.parts, s.panel
        step = s.batch * panel
        part = s.steps * step
        row = add(mul(task.panel, s.batch), task.first)
        c = m.view(target, mul(row, panel), (task.rows, panel), (panel, 1))
        here = add(mul(time, step), mul(task.first, panel))
        square, depth = panel * panel, m.op.blocks[1]
        # unrolled: few parts, and the first one differs
        runs, starts = [*runs_of(pairs)], range(0, s.blocks, depth)
        calls = [(run, kb) for run in runs for kb in starts]
        for number, ((p, g, count), kb) in enumerate(calls, 1):
            blocks = min(depth, s.blocks - kb)
            a = m.view(
                m.op.gates,
                add(here, (kb * parts + p) * part),
                (blocks, count, task.rows, panel),
                (parts * part, part, panel, 1),
            )
            panels = mul(task.panel, s.blocks * s.gates * square)
            at = add(panels, (kb * s.gates + g) * square)
            b = m.view(
                m.op.r,
                at,
                (blocks, count, panel, panel),
                (s.gates * square, square, panel, 1),
            )
            size = blocks * count * square
            ahead = m.ahead(m.op.r, add(at, size), size, task.rows)
            if number == len(calls):
                ahead += then
            beta = 1.0 if adds else 0.0
            gemm = BatchReduceGemmOp(a, b, c, beta=beta, next=ahead)
            gemm.location = m.op.location
            adds = True

    def rows_ahead(self, task: Task) -> list[SSAValue]:
        """What the cell will read and write of each row of a task: its parts lie far
        apart, each in a few cache lines, and memory rests while a product is made (256
        units, 50 steps: the walk is 1.06 times as fast)."""
        m, op, s = self.memory, self.memory.op, self.memory.sizes
        unit = mul(task.panel, s.panel)
        part = s.steps * s.batch * s.panel
        place = [self.time, task.first, 0]
        found = m.rows_of(
            op.saved,
            [self.time, task.first, unit],
            (1, task.rows),
            (s.units, op.saved_parts),
        )
        found += m.rows_of(
            op.gates, [task.panel, 0, *place], (3, task.rows), (part, op.parts)
        )
        found += m.rows_of(op.before, [0, task.panel, *place], (3, task.rows))
        start = add(unit, op.offset.value.data)
        dim = 1 if op.batch_first is None else 0
        for v, time in ((op.y, self.time_before), (op.dy, self.time)):
            if v is not None:
                at = [*m.at(time, task.first), start]
                found += m.rows_of(v, at, (dim, task.rows))
        return found

    # element by element

    @property
    def time_before(self) -> Index:
        """Of the step that the layer came from."""
        return add(self.time, 1 if self.memory.op.reverse is not None else -1)

    def h_before(self, row: Index, unit: Index) -> SSAValue:
        """h before the step."""
        m, op = self.memory, self.memory.op
        is_first = self.is_first
        last = self.time_before
        if op.reverse is not None and op.lengths is not None:
            ended = m.is_running(op.lengths, row, last)
            true = arith.ConstantOp.from_int_and_width(1, 1).result
            over = arith.XOrIOp(ended, true).result
            is_first = arith.OrIOp(is_first, over).result

        return m.either(
            is_first,
            lambda: m.load_units(op.initial, [row], unit),
            lambda: m.load_h(op.y, last, row, unit),
        )

    def saved_of(self, row: Index, unit: Index, parts: Sequence[int]) -> list[SSAValue]:
        """What was saved of some parts."""
        m = self.memory
        return [
            m.load_units(m.op.saved, [self.time, row], unit, p * m.sizes.units)
            for p in parts
        ]

    def ask_ahead(self, row: Index, unit: Index) -> None:
        """Asks for what a later row reads: its parts lie far apart, each in a few cache
        lines, which no hardware sees coming."""
        m, op = self.memory, self.memory.op
        later, start = add(row, AHEAD), op.offset.value.data
        last = self.time_before
        for p in range(op.saved_parts):
            m.ask_units(op.saved, [self.time, later], unit, p * m.sizes.units)
        m.ask_units(op.y, m.at(last, later), unit, start)
        if op.dy is not None:
            m.ask_units(op.dy, m.at(self.time, later), unit, start)

    def columns_of(self, task: Task, j: Index) -> list[SSAValue]:
        """What the cell takes of each unit."""
        m = self.memory
        if m.op.columns is None:
            return []
        count = shape_of(m.op.columns)[1]
        return [m.load(m.op.columns, task.panel, q, j) for q in range(count)]

    def gradients(self, runs: SSAValue | None, at: Sequence[Index]) -> list[SSAValue]:
        """Of the states after the step. `at`: panel, row, unit in it, unit."""
        m, op = self.memory, self.memory.op
        kb, row, j, unit = at
        found = [m.load(v, kb, row, j) for v in m.gradients]
        if op.dy is not None:
            dy = m.load_h(op.dy, self.time, row, unit)
            if runs is not None:
                zero = splat(0.0, m.element, m.lanes)
                dy = SelectOp(runs, dy, zero).result
            found[0] = m.plus(found[0], dy)
        return found

    def cell(self, task: Task, n: Index, j: Index) -> None:
        """The gradients of one vector of units."""
        m, op = self.memory, self.memory.op
        row = add(task.first, n)
        unit = add(mul(task.panel, m.sizes.panel), j)
        runs = None
        if op.lengths is not None:
            runs = as_vector(m.is_running(op.lengths, row, self.time), m.lanes)
        self.ask_ahead(row, unit)
        after = self.gradients(runs, (task.panel, row, j, unit))
        h = self.h_before(row, unit)
        saved = self.saved_of(row, unit, range(op.saved_parts))
        values = [*saved[: op.parts], h, *saved[op.parts :]]
        values += [*self.columns_of(task, j), *after]
        found = m.apply(op.cell.block, values)
        states = slice(op.parts, op.parts + len(after))
        if runs is not None:
            zero = splat(0.0, m.element, m.lanes)
            nothing = [zero] * len(found)
            nothing[states] = after
            pairs = zip(found, nothing, strict=True)
            found = [SelectOp(runs, x, other).result for x, other in pairs]
        for p, x in enumerate(found[: op.parts]):
            m.store(x, op.gates, task.panel, p, self.time, row, j)
        m.store(h, op.before, 0, task.panel, self.time, row, j)
        for i, (area, x) in enumerate(zip(m.gradients, found[states], strict=True)):
            if i or self.carries_h:
                m.store(x, area, task.panel, row, j)
        del found[states]
        self.count(task, j, enumerate(found))

    def reset(self, task: Task, n: Index, j: Index) -> None:
        """Adds what goes through the reset gate, for one vector of units."""
        m, op = self.memory, self.memory.op
        assert op.reset is not None and op.candidate is not None
        others = [g for g in range(m.sizes.gates) if g != op.candidate.value.data]
        row = add(task.first, n)
        unit = add(mul(task.panel, m.sizes.panel), j)
        values = self.saved_of(row, unit, others)
        values.append(self.h_before(row, unit))
        values.append(m.load(m.areas["reset"], task.panel, row, j))
        own, *gates, h = m.apply(op.reset.block, values)
        m.store(own, op.before, 1, task.panel, self.time, row, j)
        for g, x in zip(others, gates, strict=True):
            at = [task.panel, g, self.time, row, j]
            m.store(m.plus(m.load(op.gates, *at), x), op.gates, *at)
        at = [task.panel, row, j]
        m.store(m.plus(m.load(m.gradients[0], *at), h), m.gradients[0], *at)
        self.count(task, j, zip(others, gates, strict=True))

    def count(
        self, task: Task, j: Index, found: Iterator[tuple[int, SSAValue]]
    ) -> None:
        """Adds to the sums over all rows and steps."""
        m = self.memory
        n = add(task.first, mul(self.first, -1))
        slot = m.slot(self.first, self.rows, n)
        for q, x in found:
            at = [slot, task.panel, q, j]
            m.store(m.plus(m.load(m.areas["sums"], *at), x), m.areas["sums"], *at)


def runs_of(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Pairs that follow one another on both sides, together: (part, gate, count)."""

    def key(numbered: tuple[int, tuple[int, int]]) -> tuple[int, int]:
        i, (p, g) = numbered
        return p - i, g - i

    for _, group in groupby(enumerate(pairs), key):
        (_, (p, g)), *others = group
        yield p, g, 1 + len(others)
