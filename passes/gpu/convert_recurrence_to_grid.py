"""`convert-recurrence-to-grid`: a recurrence as launches, around the one op, over time.

    func.func private @br_recurrence_0(%x, %w, %r, %bias, .., %scratch, %y, %h, %c) {
      br.recurrence ins(%x, %w, %r, %bias) .. outs(%y, %h, %c) {chunk = 50, ..}
    ->
    func.func private @br_recurrence_0(%x, %w, %r, %bias, .., %scratch, %y, %h, %c) {
      %gates = memref.view %scratch[..], %h2 = memref.view %scratch[..]
      func.call @br_recurrence_0_begin(..)                  // the states in
      func.call @br_recurrence_0_inputs(%x, %w, %bias, %gates, ..)
      scf.for %t = 0 to 50 {
        func.call @br_recurrence_0_step(%h2, %r, %gates, %y, %c, %t, ..)
      }
      func.call @br_recurrence_0_end(%h2, %h)
    }
    func.func private @br_recurrence_0_inputs(..) {        // W x + bias of all steps
      br.contract ins(%x, %w) outs(%gates) epilogue (%bias) {schedule = ..}
    func.func private @br_recurrence_0_step(..) attributes {br.grid = 96, ..} {
      br.batch_reduce_gemm ins(%h2[t mod 2], %r) outs(%gates[t]) {finish, tile = ..}
        epilogue { ...the cell, from the four gates of a unit: recurrence_cell.py }

Columns of the products are the gates, those of one unit side by side:
lower-recurrent-ops has put the weights into panels of one unit. A step that is not one
kernel (recurrence_scratch.is_one_kernel: a GRU, f64) is

        func.call @br_recurrence_0_hidden(%h, %r, %hidden)            // R h
        func.call @br_recurrence_0_cell(%gates, %hidden, %h, %y, %t, ..)

and where a reset comes before the product of the candidate, @.._reset and @.._candidate
stand between them. The other states are kept where the final ones belong, h too where
nobody reads it meanwhile. Where W x of all steps would be too large, the loop over time
is in chunks. The host waits for nothing: launches on one stream come one after the
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import (
    MemRefType,
    ModuleOp,
)
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.destination_op import YieldOp
from brdialect.errors import unsupported
from brdialect.ops import BatchReduceGemmOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.target import Target, gpu_of
from passes.gpu.grid import make_kernel
from passes.gpu.recurrence_back_launches import BackLaunches
from passes.gpu.recurrence_cell import Cells
from passes.gpu.recurrence_launches import Dims, Launcher, part_of
from passes.recurrent.recurrence_memory import needs_of
from passes.recurrent.recurrence_scratch import gates_pitch, grid_areas, is_one_kernel
from passes.schedule.default_tile import Sizes, default_tile
from passes.shared.build import (
    Index,
    add,
    for_loop,
    memref_type,
    mul,
    remainder,
    static_strides,
    value,
)


class Launches(Launcher):
    """Those of a `br.recurrence`."""

    def __init__(self, op: RecurrenceOp, module: ModuleOp, target: Target) -> None:
        needs = needs_of(op)
        super().__init__(op, module, target, grid_areas(op.sizes, needs))
        self.op = op
        self.one_kernel = is_one_kernel(self.sizes, needs)
        self.pitch = gates_pitch(self.sizes.units, self.sizes.gates)

    def emit(self) -> None:
        """The states in, then chunk after chunk."""
        steps, chunk = self.sizes.steps, self.op.blocks[0]
        cells = Cells(self.op)
        states = list(self.op.finals)
        if self.one_kernel:
            states[0] = self.areas["h"]
        self.launch("begin", [*self.op.initial, *states], cells.begin)
        whole = steps // chunk * chunk if chunk < steps else steps
        for begin, end, size in (
            (0, whole, min(chunk, steps)),
            (whole, steps, steps - whole),
        ):

            def one(first: Index, size: int = size) -> Sequence[SSAValue]:
                self.chunk(cells, first, size)
                return ()

            if end > begin:
                for_loop(begin, end, size, one)
        if self.one_kernel:
            self.launch("end", [self.areas["h"], self.op.finals[0]], cells.end)

    def chunk(self, cells: Cells, first: Index, size: int) -> None:
        """Some steps from the `first` one on; of a sequence that is read backwards, the
        times before `T - first`."""
        steps, back = self.sizes.steps, self.op.reverse is not None
        time = add(steps - size, mul(first, -1)) if back else first
        self.inputs(time, size)

        def step(i: Index) -> Sequence[SSAValue]:
            place = add(size - 1, mul(i, -1)) if back else i
            at = value(add(time, place)), value(place)
            if self.one_kernel:
                self.step(cells, (*at, value(add(first, i))))
                return ()
            self.hidden()
            if self.op.reset is not None:
                self.reset(cells, place)
            gates, hidden = self.areas["gates"], self.areas["hidden"]
            operands = [gates, hidden, self.op.finals[0], *cells.operands(), *at]
            self.launch("cell", operands, cells.cell)
            return ()

        for_loop(0, size, 1, step)

    def step(self, cells: Cells, at: tuple[SSAValue, SSAValue, SSAValue]) -> None:
        """`R h + gates` and the cell in its epilogue. `at`: the time of the step, its
        place in the gates, and how many steps went before."""
        s = self.sizes
        columns, row = s.units * s.gates, gates_pitch(s.units, 1)
        operands = [self.areas["h"], self.op.r, self.areas["gates"]]

        def body(end: func.ReturnOp, args: Sequence[SSAValue]) -> None:
            h, r, gates, *others, time, place, turn = args
            parity = remainder(turn, 2)
            size = s.batch * row, s.batch * self.pitch
            sizes = Sizes(s.batch, columns, (s.units,), 1, 4, along_sum=True)
            tile = default_tile(sizes, self.target, may_split=False)
            blocks = -(-s.batch // tile.m) * -(-columns // tile.n)
            make_kernel(end, blocks, tile.threads, tile.shared_bytes(4))
            a = [(s.batch, row), (s.units, 1)]
            c = [(s.batch, self.pitch), (columns, 1)]
            gemm = BatchReduceGemmOp(
                part_of(h, a, mul(parity, size[0]), size[0]),
                part_of(r, [(s.units, 1), (columns, s.units)]),
                part_of(gates, c, mul(place, size[1]), size[1]),
                tile=tile,
                epilogue=cells.finish(end, [*others, time], h, parity),
                finish=True,
            )
            gemm.location = self.op.location

        self.launch("step", [*operands, *cells.operands(), *at], body)

    # The products

    def inputs(self, time: Index, size: int) -> None:
        """`gates = W x + bias` for `size` steps from `time` on."""
        op, s = self.op, self.sizes
        columns = s.units * s.gates
        operands = [op.x, op.w, op.bias, self.areas["gates"]]
        if not isinstance(time, int):
            operands.append(time)
        x_strides, _ = static_strides(op, op.x.type)
        if op.batch_first is not None:
            x_strides = [x_strides[1], x_strides[0], x_strides[2]]

        def body(_: func.ReturnOp, args: Sequence[SSAValue]) -> None:
            x, w, bias, gates, *more = args
            # all chunks begin at multiples of their size, counted from either end
            multiple = gcd(op.blocks[0], s.steps) if op.reverse else op.blocks[0]
            at = mul(more[0] if more else time, x_strides[0])
            dims = list(zip((size, s.batch, s.inputs), x_strides, strict=True))
            self.product(
                part_of(x, dims, at, multiple * x_strides[0]),
                self.matrix(w, columns, s.inputs),
                part_of(
                    gates,
                    [
                        (size, s.batch * self.pitch),
                        (s.batch, self.pitch),
                        (columns, 1),
                    ],
                ),
                part_of(bias, [(columns, 1)]),
            )

        self.launch(f"inputs_{size}", operands, body)

    def hidden(self) -> None:
        """`hidden = R h` for a step; without the candidate if that has a product of its
        own."""
        s = self.sizes
        operands = [self.op.finals[0], self.op.r, self.areas["hidden"]]

        def body(_: func.ReturnOp, args: Sequence[SSAValue]) -> None:
            h, r, hidden = args
            if self.op.reset is None:
                columns = s.units * s.gates
                c = part_of(hidden, [(s.batch, self.pitch), (columns, 1)])
                self.product(h, self.matrix(r, columns, s.units), c)
                return
            # the other two of three gates are 1 or 2 apart
            assert self.op.candidate is not None and s.gates == 3
            first, second = (g for g in range(3) if g != self.op.candidate.value.data)
            self.product(h, *self.some_gates(r, hidden, first, [(2, second - first)]))

        self.launch("hidden", operands, body)

    def reset(self, cells: Cells, place: Index) -> None:
        """What the reset region yields takes the place of h for the candidate."""
        candidate = self.op.candidate
        assert candidate is not None
        gates, hidden, reset = (self.areas[n] for n in ("gates", "hidden", "reset"))
        operands = [gates, hidden, self.op.finals[0], reset, value(place)]
        self.launch("reset", operands, cells.reset)

        def body(_: func.ReturnOp, args: Sequence[SSAValue]) -> None:
            reset, r, hidden = args
            s = self.sizes
            pitch = gates_pitch(s.units, 1)
            a = part_of(reset, [(s.batch, pitch), (s.units, 1)])
            self.product(a, *self.some_gates(r, hidden, candidate.value.data, []))

        self.launch("candidate", [reset, self.op.r, hidden], body)

    def matrix(self, weights: SSAValue, columns: int, depth: int) -> SSAValue:
        """[K, G, C, 1] as [K * G, C]"""
        return part_of(weights, [(columns, depth), (depth, 1)])

    def some_gates(
        self, r: SSAValue, hidden: SSAValue, first: int, which: Dims
    ) -> tuple[SSAValue, SSAValue]:
        """R and R h from gate `first` on: [K, K] and [N, K], or with a dimension more
        for several gates."""
        s = self.sizes
        more = [(n, step * s.units) for n, step in which]
        rows = [*more, (s.units, s.gates * s.units), (s.units, 1)]
        columns = [(s.batch, self.pitch), *which, (s.units, s.gates)]
        return (
            part_of(r, rows, first * s.units),
            part_of(hidden, columns, first),
        )

    def product(
        self, a: SSAValue, b: SSAValue, c: SSAValue, bias: SSAValue | None = None
    ) -> None:
        """`c[rows, columns] = sum a[rows, k] * b[columns, k] (+ bias[columns])`"""
        ranks = [len(memref_type(v).get_shape()) - 1 for v in (a, b)]
        rows, columns = "abcdefghij"[: ranks[0]], "lmnopqrstu"[: ranks[1]]
        operands, letters = [a, b, c], [rows + "k", columns + "k", rows + columns]
        epilogue = None
        if bias is not None:
            operands.append(bias)
            letters.append(columns)
            block = Block(arg_types=[self.element] * 2)
            with ImplicitBuilder(block) as (sum_, x):
                YieldOp(arith.AddfOp(sum_, x).result)
            epilogue = Region(block)
        self.contract(operands, letters, epilogue)


@dataclass(frozen=True)
class ConvertRecurrenceToGridPass(ModulePass):
    """Recurrences on memrefs become launches in a loop over time."""

    name = "convert-recurrence-to-grid"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = gpu_of(op)
        for recurrence in list(op.walk()):
            if not isinstance(recurrence, RecurrenceOp | RecurrenceBackwardOp):
                continue
            if not isinstance(recurrence.y.type, MemRefType):
                unsupported(
                    recurrence, "expected memrefs, got tensors; run bufferize first"
                )
            with ImplicitBuilder(Builder(InsertPoint.before(recurrence))):
                if isinstance(recurrence, RecurrenceOp):
                    Launches(recurrence, op, target).emit()
                else:
                    BackLaunches(recurrence, op, target).emit()
            recurrence.detach()
            recurrence.erase(safe_erase=False)
