"""`convert-recurrence-to-br`: a recurrence as a loop over time around the one op.

    br.recurrence ins(%x, %w, %r, %bias) .. outs(%y, %h, %c) {chunk = 3, rows = 168, ..}
    ->
    scf.for %s = 0 to T step 3 {
      br.contract ins(%x[s..s+3], %w) outs(%gates) epilogue (%bias)   // W x: no barrier
      scf.for %i = 0 to 3 {
        scf.parallel (%kb, %n) {                                      // one barrier
          br.batch_reduce_gemm ins(%h, %r[kb, g]) outs(%gates[..])    // for each gate
          ...the cell on the rows x panel elements of each gate
    }}}

W x of a chunk of steps is one contraction with a schedule of its own; the rest is in
recurrence_step.py. With `groups = 2` all of this stands in an scf.parallel over halves
of the batch, and nobody waits for anybody. T may be known at run time only: then what a
whole chunk does not fill is done in smaller ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.destination_op import YieldOp
from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.schedule import ScheduleAttr
from brdialect.target import Target, target_of
from passes.recurrent.recurrence_back_memory import BackMemory
from passes.recurrent.recurrence_back_step import BackStep
from passes.recurrent.recurrence_memory import Memory
from passes.recurrent.recurrence_step import Step
from passes.schedule.choose_schedule import analytic_schedule
from passes.schedule.nearest_schedule import has_panels_of_b
from passes.schedule.schedule_problem import problem_of
from passes.shared.build import (
    Index,
    add,
    compare,
    divide,
    for_loop,
    mul,
    parallel_loop,
    remainder,
)

SMALLER = 8
"""By how much chunks shrink towards the end of a T known at run time only."""


def emit_recurrence(op: RecurrenceOp, target: Target) -> None:
    """Emits the loops of one recurrence at the insertion point."""
    memory = Memory(op, target)
    rows = op.sizes.batch // op.blocks[3]
    _ = memory.steps  # T is asked for outside of all loops

    def group(ivs: Sequence[Index]) -> None:
        (first,) = ivs
        TimeLoop(memory, first, rows).emit()

    parallel_loop([op.sizes.batch], [rows], group)


@dataclass(frozen=True)
class TimeLoop:
    """Emits all steps of some rows of the batch."""

    memory: Memory
    first: Index
    rows: int

    def emit(self) -> None:
        """The states in, the chunks, the states out."""
        self.memory.copy_states(self.first, self.rows, into_scratch=True)
        done: Index = 0
        for size in self.chunk_sizes():
            trips = divide(add(self.memory.steps, mul(done, -1)), size)
            end = add(done, mul(trips, size))
            self.chunks(done, end, size)
            done = end
        self.memory.copy_states(self.first, self.rows, into_scratch=False)

    def chunk_sizes(self) -> list[int]:
        """Steps of a chunk: whole ones first, then what fills the rest."""
        chunk, steps = self.memory.op.blocks[0], self.memory.steps
        if isinstance(steps, int):
            whole = min(chunk, steps)
            return [n for n in (whole, steps % whole if whole else 0) if n]
        sizes = [chunk]
        while sizes[-1] > 1:
            sizes.append(sizes[-1] // SMALLER or 1)
        return sizes

    def chunks(self, begin: Index, end: Index, size: int) -> None:
        """The chunks of `size` steps from `begin` to `end`."""
        back = self.memory.op.reverse is not None

        def chunk(s: Index) -> Sequence[SSAValue]:
            # the earliest time of the chunk
            time = add(self.memory.steps, mul(add(s, size), -1)) if back else s
            self.input_product(time, size)

            def step(i: Index) -> Sequence[SSAValue]:
                place = add(size - 1, mul(i, -1)) if back else i
                done, at = add(s, i), add(time, place)
                Step(
                    self.memory,
                    self.first,
                    self.rows,
                    at,
                    place,
                    remainder(done, 2),
                    compare("eq", done, 0),
                ).emit()
                return ()

            for_loop(0, size, 1, step)
            return ()

        for_loop(begin, end, size, chunk)

    def input_product(self, time: Index, size: int) -> None:
        """`gates = W x + bias` for `size` steps from `time` on."""
        m, s = self.memory, self.memory.sizes
        step = s.batch * s.panel
        gate = m.op.blocks[0] * step
        gates = m.view(
            m.areas["gates"],
            mul(self.first, s.panel),
            (s.blocks, s.gates, size, self.rows, s.panel),
            (s.gates * gate, gate, step, s.panel, 1),
        )
        kb, g, t, n, j, c = (AffineExpr.dimension(i) for i in range(6))
        operands = (t, n, c), (kb, g, c, j), (kb, g, t, n, j), (kb, g, j)
        maps = [AffineMap(6, 0, operand) for operand in operands]
        block = Block(arg_types=[m.element] * 2)
        with ImplicitBuilder(block) as (sum_, bias):
            YieldOp(arith.AddfOp(sum_, bias).result)
        parallel, reduction = IteratorTypeAttr.parallel(), IteratorTypeAttr.reduction()
        contract = ContractOp(
            m.input_rows(time, size, self.first, self.rows),
            m.op.w,
            gates,
            maps,
            ArrayAttr([parallel] * 5 + [reduction]),
            extras=[m.op.bias],
            epilogue=Region(block),
            beta=0.0,
        )
        contract.location = m.op.location
        problem = problem_of(contract, m.target)
        schedule = analytic_schedule(problem)
        ahead = m.fetches_ahead(m.op.w, size * self.rows)
        if ahead and has_panels_of_b(problem.table, schedule):
            schedule = replace(schedule, prefetch_b=True)
        contract.schedule = ScheduleAttr(schedule)


def emit_backward(op: RecurrenceBackwardOp, target: Target) -> None:
    """Emits the loops of one walk back in time at the insertion point."""
    memory = BackMemory(op, target)
    steps, batch = op.sizes.steps, op.sizes.batch
    rows = batch // op.blocks[2]

    def group(ivs: Sequence[Index]) -> None:
        (first,) = ivs
        memory.begin(first, rows)

        def turn(i: Index) -> Sequence[SSAValue]:
            # a turn more than steps has only the product of the step before
            back = op.reverse is not None
            time = i if back else add(steps - 1, mul(i, -1))
            is_first = compare("eq", time, steps - 1 if back else 0)
            BackStep(
                memory,
                first,
                rows,
                time,
                add(time, -1 if back else 1),
                has_step=compare("ult", i, steps),
                has_done=compare("ugt", i, 0),
                is_first=is_first,
            ).emit()
            return ()

        for_loop(0, steps + (op.drops_h is None), 1, turn)
        memory.end(first, rows)

    parallel_loop([batch], [rows], group)
    memory.add_up()


def check(op: RecurrenceOp | RecurrenceBackwardOp) -> None:
    """What this lowering takes."""
    if not isinstance(op.y.type, MemRefType):
        unsupported(op, "expected memrefs, got tensors; run bufferize first")
    backward = isinstance(op, RecurrenceBackwardOp)
    steps = op.sizes.steps if backward else 0
    if min(op.sizes.batch, op.sizes.inputs, steps) < 0:
        known = "T and N" if backward else "N and C known (only T may be"
        unsupported(
            op,
            f"expected {known} known{'' if backward else ' at run time)'}, got "
            f"{op.y.type if backward else op.x.type}; give the shapes of the arguments",
        )


@dataclass(frozen=True)
class ConvertRecurrenceToBrPass(ModulePass):
    """Recurrences on memrefs become loops over time, forth or back."""

    name = "convert-recurrence-to-br"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for recurrence in list(op.walk()):
            if not isinstance(recurrence, RecurrenceOp | RecurrenceBackwardOp):
                continue
            check(recurrence)
            with ImplicitBuilder(Builder(InsertPoint.before(recurrence))):
                if isinstance(recurrence, RecurrenceOp):
                    emit_recurrence(recurrence, target)
                else:
                    emit_backward(recurrence, target)
            recurrence.detach()
            recurrence.erase(safe_erase=False)
