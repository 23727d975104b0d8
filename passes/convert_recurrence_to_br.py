"""`convert-recurrence-to-br`: a recurrence as a loop over time around the one op.

    br.recurrence ins(%x, %w, %r, %bias) .. outs(%y, %h, %c) {chunk = 3, rows = 168, ..}
    ->
    scf.for %s = 0 to T step 3 {
      br.contract ins(%x[s..s+3], %w) outs(%gates) epilogue (%bias)   // W x: no barrier
      scf.for %i = 0 to 3 {
        scf.parallel (%kb, %n) {                                      // one barrier
          br.batch_reduce_gemm ins(%h, %r[kb, g]) outs(%gates[..])    // for each gate
          ...the cell on the rows x panel elements of each gate, still in the L1
    }}}

W x of a chunk of steps is one contraction with a schedule of its own. Then each step
adds R h, and whoever computed a block of the gates also does the cell's element-wise
work on it. h has two buffers in turn, so that nobody writes what others read; the
other states belong to their blocks. With a reset region there are two such parallel
loops a step. T may be known at run time only: then what a whole chunk does not fill is
done in smaller ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyFloat,
    ArrayAttr,
    IndexType,
    MemRefType,
    ModuleOp,
)
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.ops import BatchReduceGemmOp, ContractOp, YieldOp, shaped
from brdialect.recurrence_op import RecurrenceOp
from brdialect.schedule import ScheduleAttr
from brdialect.target import Target, target_of
from brdialect.xdsl_repairs import SelectOp
from passes.buffers import element_bytes
from passes.build import (
    Index,
    add,
    branch,
    divide,
    for_loop,
    memref_type,
    mul,
    parallel_loop,
    remainder,
    row_major,
    shape_of,
    strided_type,
    value,
)
from passes.choose_schedule import analytic_schedule, problem_of
from passes.recurrence_scratch import Needs, scratch_areas
from passes.vectorise import (
    as_vector,
    iota,
    load_vector,
    splat,
    store_vector,
    vectorise_body,
)

SMALLER = 8
"""By how much chunks shrink towards the end of a T known at run time only."""


@dataclass(frozen=True)
class Step:
    """One step of time inside the loops."""

    time: Index
    """Which element of x and y."""
    row: Index
    """Where its rows begin in the gates of the chunk."""
    parity: Index
    """Which of the two buffers holds h of the step before."""


@dataclass(frozen=True)
class Task:
    """One block of the gates: rows of the batch by a panel of units."""

    panel: Index
    first: Index
    rows: int


class Emitter:
    """Emits the loops of one recurrence at the insertion point."""

    def __init__(self, op: RecurrenceOp, target: Target):
        self.op, self.target = op, target
        self.sizes = op.sizes
        element = shaped(op.y).element_type
        assert isinstance(element, AnyFloat)
        self.element = element
        self.lanes = target.lanes(element_bytes(element))
        self.chunk, self.rows, self.depth = op.blocks
        areas, _ = scratch_areas(self.sizes, needs_of(op))
        self.areas = {
            name: memref.ViewOp(
                op.scratch, value(area.offset), (), MemRefType(element, area.shape)
            ).result
            for name, area in areas.items()
        }
        self.candidate = None if op.candidate is None else op.candidate.value.data

    @cached_property
    def steps(self) -> Index:
        """T."""
        if self.sizes.steps != DYNAMIC_INDEX:
            return self.sizes.steps
        dim = 0 if self.op.batch_first is None else 1
        return memref.DimOp(self.op.x, value(dim)).result

    @property
    def states(self) -> list[SSAValue]:
        """Memory of the states, h first."""
        others = [self.areas[f"state {i}"] for i in range(1, len(self.op.initial))]
        return [self.areas["h"], *others]

    # the loop over time

    def emit(self) -> None:
        """The whole recurrence."""
        for state, start in zip(self.states, self.op.initial, strict=True):
            self.copy_state(start, state, to_state=True)
        done: Index = 0
        for size in self.chunk_sizes():
            trips = divide(add(self.steps, mul(done, -1)), size)
            end = add(done, mul(trips, size))
            self.over_time(done, end, size)
            done = end
        for state, final in zip(self.states, self.op.finals, strict=True):
            self.copy_state(final, state, to_state=False)

    def chunk_sizes(self) -> list[int]:
        """Steps of a chunk: whole ones first, then what fills the rest."""
        steps = self.steps
        if isinstance(steps, int):
            whole = min(self.chunk, steps)
            return [n for n in (whole, steps % whole if whole else 0) if n]
        sizes = [self.chunk]
        while sizes[-1] > 1:
            sizes.append(sizes[-1] // SMALLER or 1)
        return sizes

    def over_time(self, begin: Index, end: Index, size: int) -> None:
        """The chunks of `size` steps from `begin` to `end`."""

        def chunk(s: Index) -> Sequence[SSAValue]:
            first = s
            if self.op.reverse is not None:
                first = add(self.steps, mul(add(s, size), -1))
            self.input_product(first, size)

            def step(i: Index) -> Sequence[SSAValue]:
                self.step(s, first, i, size)
                return ()

            for_loop(0, size, 1, step)
            return ()

        for_loop(begin, end, size, chunk)

    def step(self, s: Index, first: Index, i: Index, size: int) -> None:
        """Step `i` of the chunk that begins with step `s` at time `first`."""
        place = i if self.op.reverse is None else add(size - 1, mul(i, -1))
        row = mul(place, self.sizes.batch)
        step = Step(add(first, place), row, remainder(add(s, i), 2))
        every = range(self.sizes.gates)
        if self.op.reset is None:
            self.over_tasks(lambda task: self.advance(step, task, every, "h"))
            return
        others = [g for g in every if g != self.candidate]
        late = [g for g in every if g == self.candidate]
        self.over_tasks(lambda task: self.reset(step, task, others))
        self.over_tasks(lambda task: self.advance(step, task, late, "reset"))

    # W x of a chunk

    def input_product(self, first: Index, size: int) -> None:
        """`gates = W x + bias` for `size` steps from time `first` on."""
        s = self.sizes
        rows = size * s.batch
        x = self.input_rows(first, size)
        shape = self.areas["gates"].type
        gates = self.view(
            self.areas["gates"],
            0,
            (s.blocks, s.gates, rows, s.panel),
            row_major(shape_of(self.areas["gates"])),
        )
        assert isinstance(shape, MemRefType)
        maps = [
            AffineMap.from_callable(lambda m, kb, g, j, c: (m, c)),
            AffineMap.from_callable(lambda m, kb, g, j, c: (kb, g, c, j)),
            AffineMap.from_callable(lambda m, kb, g, j, c: (kb, g, m, j)),
            AffineMap.from_callable(lambda m, kb, g, j, c: (kb, g, j)),
        ]
        block = Block(arg_types=[self.element] * 2)
        with ImplicitBuilder(block) as (sum_, bias):
            YieldOp(arith.AddfOp(sum_, bias).result)
        parallel, reduction = IteratorTypeAttr.parallel(), IteratorTypeAttr.reduction()
        contract = ContractOp(
            x,
            self.op.w,
            gates,
            maps,
            ArrayAttr([parallel] * 4 + [reduction]),
            extras=[self.op.bias],
            epilogue=Region(block),
            beta=0.0,
        )
        contract.location = self.op.location
        schedule = analytic_schedule(problem_of(contract, self.target))
        contract.schedule = ScheduleAttr(schedule)

    def input_rows(self, first: Index, size: int) -> SSAValue:
        """x of a chunk as a matrix of `size * N` rows."""
        s = self.sizes
        rows = size * s.batch
        if self.op.batch_first is None or s.batch == 1:
            at = mul(first, s.batch * s.inputs)
            return self.view(self.op.x, at, (rows, s.inputs), (s.inputs, 1))
        copy = self.areas["x"]

        def task(ivs: Sequence[Index]) -> None:
            t, n = ivs
            source = [n, add(first, t)]
            to = [add(mul(t, s.batch), n)]
            self.copy_row(self.op.x, source, copy, to, s.inputs)

        parallel_loop([size, s.batch], [1, 1], task)
        return self.view(copy, 0, (rows, s.inputs), (s.inputs, 1))

    # R h and the cell

    def over_tasks(self, body: Callable[[Task], None]) -> None:
        """`body` for each block of the gates, on the team."""
        n, rows = self.sizes.batch, min(self.rows, self.sizes.batch)
        rest = n % rows

        def task(ivs: Sequence[Index]) -> None:
            panel, first = ivs
            if not rest:
                body(Task(panel, first, rows))
                return
            last = arith.CmpiOp(value(first), value(n - rest), "uge").result
            branch(
                last,
                lambda: body(Task(panel, first, rest)),
                lambda: body(Task(panel, first, rows)),
            )

        parallel_loop([self.sizes.blocks, n], [1, rows], task)

    def advance(
        self, step: Step, task: Task, gates: Sequence[int], source: str
    ) -> None:
        """The products of the gates, then the cell."""
        self.products(step, task, gates, source)
        self.over_units(task, lambda n, j: self.cell(step, task, n, j))

    def reset(self, step: Step, task: Task, gates: Sequence[int]) -> None:
        """The gates but for the candidate, then what it takes in place of h."""
        self.products(step, task, gates, "h")
        region = self.op.reset
        assert region is not None

        def unit(n: Index, j: Index) -> None:
            row = add(task.first, n)
            unit = add(mul(task.panel, self.sizes.panel), j)
            values = [self.gate(g, step, task, n, j) for g in gates]
            values.append(self.load(self.areas["h"], step.parity, row, unit))
            result = self.apply(region.block, values)[0]
            self.store(result, self.areas["reset"], row, unit)

        self.over_units(task, unit)

    def products(
        self, step: Step, task: Task, gates: Sequence[int], source: str
    ) -> None:
        """Adds R h to the block's gates."""
        s = self.sizes
        a = self.areas[source]
        stride = shape_of(a)[-1]
        start = mul(step.parity, s.batch * stride) if source == "h" else 0
        start = add(start, mul(task.first, stride))

        def part(k: Index, depth: int) -> None:
            left = self.view(a, add(start, k), (task.rows, depth), (stride, 1))
            for gate in gates:
                panel = add(mul(task.panel, s.gates), gate)
                at = mul(add(mul(panel, s.units), k), s.panel)
                right = self.view(self.op.r, at, (depth, s.panel), (s.panel, 1))
                if self.op.apart is not None and gate == self.candidate:
                    place = mul(add(mul(task.panel, s.batch), task.first), s.panel)
                    memory, beta = self.areas["apart"], 1.0 if k != 0 else 0.0
                else:
                    rows = add(mul(panel, self.chunk_rows), step.row, task.first)
                    place, memory, beta = mul(rows, s.panel), self.areas["gates"], 1.0
                c = self.view(memory, place, (task.rows, s.panel), (s.panel, 1))
                gemm = BatchReduceGemmOp(left, right, c, beta=beta)
                gemm.location = self.op.location

        # unrolled: few parts, and the first one differs
        for k in range(0, s.units, self.depth):
            part(k, min(self.depth, s.units - k))

    @property
    def chunk_rows(self) -> int:
        """Rows of the gates' memory."""
        return self.chunk * self.sizes.batch

    def over_units(self, task: Task, body: Callable[[Index, Index], None]) -> None:
        """`body(row, unit)` for each vector of a block."""

        def row(n: Index) -> Sequence[SSAValue]:
            def vector(j: Index) -> Sequence[SSAValue]:
                body(n, j)
                return ()

            for_loop(0, self.sizes.panel, self.lanes, vector)
            return ()

        for_loop(0, task.rows, 1, row)

    def cell(self, step: Step, task: Task, n: Index, j: Index) -> None:
        """The new states and y of one vector of units."""
        s, op = self.sizes, self.op
        row = add(task.first, n)
        unit = add(mul(task.panel, s.panel), j)
        values = [self.gate(g, step, task, n, j) for g in range(s.gates)]
        if op.apart is not None:
            values.append(self.load(self.areas["apart"], task.panel, row, j))
        h, *others = self.states
        old = [self.load(h, step.parity, row, unit)]
        old += [self.load(state, row, unit) for state in others]
        values += old
        if op.columns is not None:
            for q in range(shape_of(op.columns)[1]):
                values.append(self.load(op.columns, task.panel, q, j))
        new = self.apply(op.cell.block, values)
        y = new[0]
        if op.lengths is not None:
            runs = self.is_running(step, row)
            new = [SelectOp(runs, x, o).result for x, o in zip(new, old, strict=True)]
            y = SelectOp(runs, y, splat(0.0, self.element, self.lanes)).result
        following = add(1, mul(step.parity, -1))
        self.store(new[0], h, following, row, unit)
        for state, x in zip(others, new[1:], strict=True):
            self.store(x, state, row, unit)
        at = [row, step.time] if op.batch_first is not None else [step.time, row]
        self.store_output(y, at, unit)

    def is_running(self, step: Step, row: Index) -> SSAValue:
        """Whether the sequence of a row has not ended yet, in every lane."""
        assert self.op.lengths is not None
        length = memref.LoadOp.get(self.op.lengths, [value(row)]).res
        steps = arith.IndexCastOp(length, IndexType()).result
        runs = arith.CmpiOp(value(step.time), steps, "slt").result
        return as_vector(runs, self.lanes)

    def store_output(self, y: SSAValue, at: Sequence[Index], unit: Index) -> None:
        """y at `at`; lanes beyond K are no units."""
        units, lanes = self.sizes.units, self.lanes
        where = [value(i) for i in (*at, add(unit, self.op.offset.value.data))]
        if units % self.sizes.panel == 0:
            store_vector(y, self.op.y, where)
            return
        whole = arith.CmpiOp(value(unit), value(units - lanes), "sle").result

        def masked() -> None:
            bound = as_vector(value(units), lanes)
            valid = arith.CmpiOp(iota(value(unit), lanes), bound, "slt").result
            store_vector(y, self.op.y, where, valid)

        branch(whole, lambda: store_vector(y, self.op.y, where), masked)

    # memory

    def apply(self, block: Block, values: Sequence[SSAValue]) -> list[SSAValue]:
        """A region on vectors."""
        arguments = dict[SSAValue, SSAValue](zip(block.args, values, strict=False))
        return vectorise_body(block, arguments, self.lanes)

    def gate(self, g: int, step: Step, task: Task, n: Index, j: Index) -> SSAValue:
        """One vector of a gate."""
        row = add(step.row, task.first, n)
        return self.load(self.areas["gates"], task.panel, g, row, j)

    def load(self, source: SSAValue, *at: Index) -> SSAValue:
        return load_vector(source, [value(i) for i in at], self.lanes)

    def store(self, x: SSAValue, target: SSAValue, *at: Index) -> None:
        store_vector(x, target, [value(i) for i in at])

    def view(
        self,
        source: SSAValue,
        offset: Index,
        shape: Sequence[int],
        strides: Sequence[int],
    ) -> SSAValue:
        """A strided view from `offset` on, in elements."""
        known = offset if isinstance(offset, int) else None
        type_ = strided_type(self.element, shape, strides, known)
        return memref.ReinterpretCastOp.from_dynamic(
            source, [offset], list(shape), list(strides), type_
        ).result

    def copy_state(self, outside: SSAValue, state: SSAValue, to_state: bool) -> None:
        """An initial state in, a final one out."""
        turns = len(shape_of(state)) == 3
        here: Index = 0 if to_state else remainder(self.steps, 2)

        def row(n: Index) -> Sequence[SSAValue]:
            inside = [here, n] if turns else [n]
            ends = (outside, [n]), (state, inside)
            (source, at), (target, to) = ends if to_state else ends[::-1]
            self.copy_row(source, at, target, to, self.sizes.units)
            return ()

        for_loop(0, self.sizes.batch, 1, row)

    def copy_row(
        self,
        source: SSAValue,
        at: Sequence[Index],
        target: SSAValue,
        to: Sequence[Index],
        size: int,
    ) -> None:
        """`target[to.., :size] = source[at.., :size]`."""

        def move(j: Index, valid: int | None = None) -> Sequence[SSAValue]:
            x = load_vector(source, [value(i) for i in (*at, j)], self.lanes, valid)
            store_vector(x, target, [value(i) for i in (*to, j)], valid)
            return ()

        rest = size % self.lanes
        for_loop(0, size - rest, self.lanes, move)
        if rest:
            move(size - rest, rest)


def needs_of(op: RecurrenceOp) -> Needs:
    """What the scratch has to hold."""
    return Needs(
        states=len(op.initial),
        chunk=op.blocks[0],
        element_bytes=element_bytes(shaped(op.y).element_type),
        apart=op.apart is not None,
        reset=op.reset is not None,
        gathers_x=op.batch_first is not None and op.sizes.batch > 1,
    )


def check(op: RecurrenceOp) -> None:
    """What this lowering takes."""
    if not isinstance(op.y.type, MemRefType):
        unsupported(op, "expected memrefs, got tensors; run bufferize first")
    if op.sizes.batch < 0 or op.sizes.inputs < 0:
        unsupported(
            op,
            "expected N and C known (only T may be known at run time), got "
            f"{op.x.type}; give the shapes of the arguments",
        )
    _, size = scratch_areas(op.sizes, needs_of(op))
    got = memref_type(op.scratch).get_shape()[0]
    if got < size:
        unsupported(op, f"expected {size} bytes of scratch, got {got}")


@dataclass(frozen=True)
class ConvertRecurrenceToBrPass(ModulePass):
    """Recurrences on memrefs become loops over time."""

    name = "convert-recurrence-to-br"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for recurrence in [o for o in op.walk() if isinstance(o, RecurrenceOp)]:
            check(recurrence)
            with ImplicitBuilder(Builder(InsertPoint.before(recurrence))):
                Emitter(recurrence, target_of(op)).emit()
            recurrence.detach()
            recurrence.erase(safe_erase=False)
