"""The launches of a walk back in time: a product and a cell for each step.

    begin                                        // the gradients of the last states in
    cell(T - 1)
    for i below T - 1:
      product(T - 1 - i)                         // dh (+)= dG R
      cell(T - 2 - i)                            // dG, dh', dc' of a step
    product(0)                                   // unless nobody asks for it
    end, sums                                    // those of the first states out

Of a sequence that is read backwards, times run the other way. All arrays are row-major:
[K / panel, ..] with one panel of all units, so that R and the gradients of the gates
are read as they are. A thread of a cell has a unit of a sequence, and adds to sums of
its own; those of all sequences are added up at the end, in their order. With a reset
region come two launches more behind a cell: the product with R of the candidate, and
what goes through the reset gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from brdialect.errors import unsupported
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.target import Target
from passes.gpu.recurrence_back_cell import Arrays, BackCells
from passes.gpu.recurrence_launches import Launcher, part_of
from passes.recurrent.recurrence_back_memory import areas_of
from passes.recurrent.recurrence_back_step import runs_of
from passes.shared.build import Index, add, for_loop, mul, value

Pairs = Sequence[tuple[int, int]]
"""Parts of the gates, each with the gate whose R it is multiplied with."""


class BackLaunches(Launcher):
    """Those of a `br.recurrence_backward`."""

    def __init__(
        self, op: RecurrenceBackwardOp, module: ModuleOp, target: Target
    ) -> None:
        super().__init__(op, module, target, areas_of(op))
        self.op, s = op, op.sizes
        if s.panel != s.units or op.blocks[0] != 1:
            unsupported(
                op,
                f"expected one panel of {s.units} units and rows of 1, got {s.panel} "
                f"and {op.blocks[0]}; run lower-recurrent-ops for this target",
            )
        self.cells = BackCells(op)
        self.candidate = -1 if op.candidate is None else op.candidate.value.data

    @property
    def gradients(self) -> list[SSAValue]:
        """Of the states, h first."""
        return [self.areas[f"gradient {i}"] for i in range(len(self.op.given))]

    def time(self, turn: Index) -> Index:
        """Of a turn, of which there are T."""
        if self.op.reverse is not None:
            return turn
        return add(self.sizes.steps - 1, mul(turn, -1))

    def emit(self) -> None:
        """The whole walk."""
        op, steps, cells = self.op, self.sizes.steps, self.cells
        states, sums = self.gradients, self.areas["sums"]
        self.launch("begin", [*op.given, *states, sums], cells.begin)
        self.step(0)

        def turn(i: Index) -> Sequence[SSAValue]:
            self.back(i)
            self.step(add(i, 1))
            return ()

        for_loop(0, steps - 1, 1, turn)
        if op.drops_h is None:
            self.back(steps - 1)
        self.launch("end", [*states, *op.starts], cells.end)
        self.launch("sums", [sums, op.sums], cells.add_up)

    def step(self, turn: Index) -> None:
        """The gradients of the gates of a step."""
        op, time = self.op, value(self.time(turn))
        states, sums = self.gradients, self.areas["sums"]
        given = Arrays.operands(op)
        self.launch("cell", [*given, *states, sums, time], self.cells.cell)
        if op.reset is None:
            return
        reset = self.areas["reset"]
        pairs = [(self.candidate, self.candidate)]
        self.product("candidate", pairs, time, reset, adds=False)
        others = [states[0], sums, reset, time]
        self.launch("reset", [*given, *others], self.cells.reset)

    def back(self, turn: Index) -> None:
        """dh of the step before: `+= dG R`, but for a candidate with a reset region."""
        op, gates = self.op, range(self.sizes.gates)
        pairs = [(g, g) for g in gates if g != self.candidate]
        if op.apart is not None:
            pairs.append((self.sizes.gates, self.candidate))
        time = value(self.time(turn))
        self.product("product", pairs, time, self.gradients[0], self.cells.carries_h)

    def product(
        self, name: str, pairs: Pairs, time: SSAValue, target: SSAValue, adds: bool
    ) -> None:
        """`target[n, k] (+)= sum of gates[part, time, n, j] r[gate, j, k]`"""
        op, s = self.op, self.sizes
        step, square = s.batch * s.units, s.units * s.units
        rows = [(s.batch, s.units), (s.units, 1)]

        def emit(first: int, gate: int, count: int, adds: bool) -> None:
            def body(_: func.ReturnOp, args: Sequence[SSAValue]) -> None:
                gates, r, c, time = args
                start = add(first * s.steps * step, mul(time, step))
                a = part_of(gates, [(count, s.steps * step), *rows], start, step)
                matrix = [(count, square), (s.units, s.units), (s.units, 1)]
                b = part_of(r, matrix, gate * square)
                operands = [a, b, part_of(c, rows)]
                self.contract(operands, ("gnj", "gjk", "nk"), beta=float(adds))

            self.launch(f"{name}_{first}", [op.gates, op.r, target, time], body)

        for first, gate, count in runs_of(pairs):
            emit(first, gate, count, adds)
            adds = True
