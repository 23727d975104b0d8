"""One step of a recurrence, block by block: R h onto the gates, then the cell.

    for each block of rows x panel, on the team:
      br.batch_reduce_gemm ins(%h, %r[kb, g]) outs(%gates[kb, g]) next(%r[kb, g + 1])
      for each vector of the block:
        cell(gates, states, columns) -> states, y

A block's gates are still in the L1 when its cell reads them. h has two buffers in turn,
so that nobody writes what others read; the other states belong to their blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from brdialect.ops import BatchReduceGemmOp
from brdialect.recurrence_op import RecurrenceSizes
from brdialect.xdsl_repairs import SelectOp
from passes.recurrent.recurrence_memory import Memory
from passes.schedule.choose_schedule import PARALLEL_WORK
from passes.shared.build import (
    Index,
    add,
    branch,
    for_loop,
    mul,
    nested_loops,
    parallel_loop,
    shape_of,
)
from passes.shared.build import value as number
from passes.shared.vectorise import as_vector, splat, store_vector


@dataclass(frozen=True)
class Task:
    """One block of the gates: rows of the batch by a panel of units."""

    panel: Index
    first: Index
    rows: int


def over_tasks(
    s: RecurrenceSizes, rows: int, first: Index, size: int, body: Callable[[Task], None]
) -> None:
    """`body` for each block of `rows` out of `size` rows from `first` on, and each
    panel, on the team where a step is work enough."""
    work = size * s.gates * s.units * s.units
    loops = parallel_loop if work >= PARALLEL_WORK else nested_loops
    rows = min(rows, size)
    rest = size % rows

    def task(ivs: Sequence[Index]) -> None:
        panel, n = ivs
        begin = add(first, n)
        if not rest:
            body(Task(panel, begin, rows))
            return
        end = number(size - rest)
        branch(
            arith.CmpiOp(number(n), end, "uge").result,
            lambda: body(Task(panel, begin, rest)),
            lambda: body(Task(panel, begin, rows)),
        )

    loops([s.blocks, size], [1, rows], task)


def over_units(
    s: RecurrenceSizes, lanes: int, task: Task, body: Callable[[Index, Index], None]
) -> None:
    """`body(row, unit)` for each vector of a block."""

    def row(n: Index) -> Sequence[SSAValue]:
        def vector(j: Index) -> Sequence[SSAValue]:
            body(n, j)
            return ()

        for_loop(0, s.panel, lanes, vector)
        return ()

    for_loop(0, task.rows, 1, row)


@dataclass(frozen=True)
class Step:
    """Emits one step for some rows of the batch."""

    memory: Memory
    first: Index
    rows: int
    """Which rows of the batch."""

    time: Index
    """Which element of x and y."""

    place: Index
    """Which element of the chunk that the gates hold."""

    parity: Index
    """Which of the two buffers holds h of the step before."""

    is_first: SSAValue
    """Whether no step lies before this one."""

    def emit(self) -> None:
        """The whole step: one parallel loop, with a reset region two."""
        op = self.memory.op
        every = range(self.memory.sizes.gates)
        if op.reset is None:
            self.over_tasks(lambda task: self.advance(task, every, "h"))
            return
        late = [g for g in every if g == self.candidate]
        self.over_tasks(self.reset)
        self.over_tasks(lambda task: self.advance(task, late, "reset"))

    @property
    def candidate(self) -> int | None:
        """The gate that is treated on its own."""
        candidate = self.memory.op.candidate
        return None if candidate is None else candidate.value.data

    def over_tasks(self, body: Callable[[Task], None]) -> None:
        """`body` for each block of the gates."""
        m = self.memory
        over_tasks(m.sizes, m.op.blocks[1], self.first, self.rows, body)

    def advance(self, task: Task, gates: Sequence[int], source: str) -> None:
        """The products of the gates, then the cell."""
        self.products_unless_first(task, gates, source)
        self.over_units(task, lambda n, j: self.cell(task, n, j))

    def reset(self, task: Task) -> None:
        """The gates but for the candidate, then what it takes in place of h."""
        m = self.memory
        gates = [g for g in range(m.sizes.gates) if g != self.candidate]
        region = m.op.reset
        assert region is not None
        self.products_unless_first(task, gates, "h")

        def unit(n: Index, j: Index) -> None:
            row = add(task.first, n)
            unit = add(mul(task.panel, m.sizes.panel), j)
            values = [self.gate(g, task, n, j) for g in gates]
            values.append(m.load(m.areas["h"], self.parity, row, unit))
            m.store(m.apply(region.block, values)[0], m.areas["reset"], row, unit)

        self.over_units(task, unit)

    def products_unless_first(
        self, task: Task, gates: Sequence[int], source: str
    ) -> None:
        """The products, but for those of a state of 0."""

        def nothing() -> None:
            m = self.memory
            if m.op.apart is None:
                return
            zero, area = splat(0.0, m.element, m.lanes), m.areas["apart"]
            self.over_units(
                task,
                lambda n, j: m.store(zero, area, task.panel, add(task.first, n), j),
            )

        if self.memory.op.from_zero is None:
            self.products(task, gates, source)
            return
        branch(self.is_first, nothing, lambda: self.products(task, gates, source))

    def products(self, task: Task, gates: Sequence[int], source: str) -> None:
        """Adds R h to the block's gates."""
        m, s = self.memory, self.memory.sizes
        a = m.areas[source]
        stride = shape_of(a)[-1]
        start = mul(self.parity, s.batch * stride) if source == "h" else 0
        start = add(start, mul(task.first, stride))
        depth = min(m.op.blocks[2], s.units)
        group = mul(task.panel, s.gates * s.units * s.panel)
        # unrolled: few parts, and the first one differs
        parts = [(k, gate) for k in range(0, s.units, depth) for gate in gates]
        places = [(gate * s.units + k) * s.panel for k, gate in parts]
        places.append(s.gates * s.units * s.panel)
        for (k, gate), place, after in zip(parts, places, places[1:], strict=False):
            part = min(depth, s.units - k)
            left = m.view(a, add(start, k), (task.rows, part), (stride, 1))
            at = add(group, place)
            right = m.view(m.op.r, at, (part, s.panel), (s.panel, 1))
            memory, to, beta = self.destination(task, gate, k == 0)
            c = m.view(memory, to, (task.rows, s.panel), (s.panel, 1))
            ahead = m.ahead(m.op.r, add(group, after), part * s.panel, task.rows)
            gemm = BatchReduceGemmOp(left, right, c, beta=beta, next=ahead)
            gemm.location = m.op.location

    def destination(
        self, task: Task, gate: int, first: bool
    ) -> tuple[SSAValue, Index, float]:
        """Where R h of a gate goes: the memory, the offset, and beta."""
        m, s = self.memory, self.memory.sizes
        if m.op.apart is not None and gate == self.candidate:
            row = add(mul(task.panel, s.batch), task.first)
            return m.areas["apart"], mul(row, s.panel), 0.0 if first else 1.0
        panel = add(mul(task.panel, s.gates), gate)
        row = mul(add(mul(panel, m.op.blocks[0]), self.place), s.batch)
        return m.areas["gates"], mul(add(row, task.first), s.panel), 1.0

    def over_units(self, task: Task, body: Callable[[Index, Index], None]) -> None:
        """`body(row, unit)` for each vector of a block."""
        over_units(self.memory.sizes, self.memory.lanes, task, body)

    def cell(self, task: Task, n: Index, j: Index) -> None:
        """The new states and y of one vector of units."""
        m, op = self.memory, self.memory.op
        row = add(task.first, n)
        unit = add(mul(task.panel, m.sizes.panel), j)
        values = [self.gate(g, task, n, j) for g in range(m.sizes.gates)]
        if op.apart is not None:
            values.append(m.load(m.areas["apart"], task.panel, row, j))
        h, *others = m.states
        old = [m.load(h, self.parity, row, unit)]
        old += [m.load(state, row, unit) for state in others]
        values += old
        if op.columns is not None:
            for q in range(shape_of(op.columns)[1]):
                values.append(m.load(op.columns, task.panel, q, j))
        found = m.apply(op.cell.block, values)
        new, saved = found[: len(old)], found[len(old) :]
        y = new[0]
        if op.lengths is not None:
            runs = as_vector(m.is_running(op.lengths, row, self.time), m.lanes)
            new = [SelectOp(runs, x, o).result for x, o in zip(new, old, strict=True)]
            y = SelectOp(runs, y, splat(0.0, m.element, m.lanes)).result
        m.store(new[0], h, add(1, mul(self.parity, -1)), row, unit)
        for state, x in zip(others, new[1:], strict=True):
            m.store(x, state, row, unit)
        at = [row, self.time] if op.batch_first is not None else [self.time, row]
        self.store_output(y, op.y, at, unit, op.offset.value.data)
        if op.saved is not None:
            for part, x in enumerate([*saved, *old[1:]]):
                start = part * m.sizes.units
                self.store_output(x, op.saved, [self.time, row], unit, start)

    def gate(self, g: int, task: Task, n: Index, j: Index) -> SSAValue:
        """One vector of a gate."""
        row = add(mul(self.place, self.memory.sizes.batch), task.first, n)
        return self.memory.load(self.memory.areas["gates"], task.panel, g, row, j)

    def store_output(
        self,
        x: SSAValue,
        target: SSAValue,
        at: Sequence[Index],
        unit: Index,
        start: int,
    ) -> None:
        """`target[at.., start + unit]`; lanes beyond K are no units."""
        m, units = self.memory, self.memory.sizes.units
        where = [number(i) for i in (*at, add(unit, start))]
        if units % m.sizes.panel == 0:
            store_vector(x, target, where)
            return
        whole = arith.CmpiOp(number(unit), number(units - m.lanes), "sle").result
        branch(
            whole,
            lambda: store_vector(x, target, where),
            lambda: store_vector(x, target, where, m.valid(unit)),
        )
