"""`lower-recurrent-ops`: br.lstm, br.gru and br.rnn become `br.recurrence`.

    %y, %h, %c = br.lstm ins(%x, %w, %r) bias(%b) {gates = "ifco"}
    ->
    %wp = panels of %w           // tensor<1x4KxCxf32> -> tensor<(K/16)x4xCx16xf32>
    %rp = panels of %r           // the gates of 16 units side by side
    %y, %h, %c = br.recurrence ins(%x, %wp, %rp, %bp) .. {chunk = 3, rows = 168, ..}
                 cell { i, o, f, c, h, c -> h, c }

One `br.recurrence` for each direction; both write into the same y. The panels are plain
linalg on tensors: hoist-load-time packs weights once. A cell is a sequence of one step.
What br.lstm_backward and its kin become is told in lower_recurrent_backward.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ModuleOp,
    TensorType,
    i8,
)
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from brdialect.errors import unsupported
from brdialect.recurrence_op import RecurrenceOp, RecurrenceSizes
from brdialect.recurrent_backward_ops import BackwardOp
from brdialect.recurrent_ops import (
    SequenceOp,
)
from brdialect.target import Target, target_of
from passes.memory.buffers import element_bytes
from passes.normalise.recurrent_sequences import (
    cells_as_sequences,
    operands_of,
    replace,
)
from passes.program.length_limits import check_constant_lengths
from passes.recurrent.lower_recurrent_backward import lower_backward
from passes.recurrent.recurrence_scratch import Needs, grid_areas, scratch_areas
from passes.recurrent.recurrent_cells import Cell, cell_of
from passes.recurrent.recurrent_panels import LayerLowering
from passes.shared.build import tensor_type, value
from passes.shared.recurrent_tensors import stack, zeros


class Lowering(LayerLowering[SequenceOp]):
    """Emits the recurrences of one layer."""

    def scratch(self, cell: Cell) -> SSAValue:
        """The bytes that a recurrence works in."""
        s, b = self.sizes, self.blocks
        sizes = RecurrenceSizes(s.T, s.N, s.C, s.K, -(-s.K // b.panel), s.G, b.panel)
        needs = Needs(
            states=len(self.op.STATES),
            chunk=b.chunk,
            element_bytes=element_bytes(self.element),
            apart=cell.apart,
            reset=cell.reset is not None,
            gathers_x=self.op.batch_first is not None and s.N > 1,
        )
        areas = grid_areas if self.target.is_gpu else scratch_areas
        _, size = areas(sizes, needs)
        return tensor.EmptyOp((), TensorType(i8, [size])).tensor

    def emit(self) -> list[SSAValue]:
        """y and the final states."""
        op = self.op
        type_ = tensor_type(op.y)
        open_ = [d for d, n in enumerate(type_.get_shape()) if n == DYNAMIC_INDEX]
        y = tensor.EmptyOp(
            [tensor.DimOp(op.x, value(d)).result for d in open_], type_
        ).tensor
        others: list[Sequence[SSAValue]] = []
        for d, backwards in enumerate(op.directions):
            y, *rest = self.direction(d, backwards, y)
            others.append(rest)
        return [y, *(stack(each) for each in zip(*others, strict=True))]

    def direction(self, d: int, backwards: bool, y: SSAValue) -> Sequence[SSAValue]:
        """The recurrence of one direction into its columns of y."""
        s, b = self.sizes, self.blocks
        cell = cell_of(self.op, d, self.element)
        bias, columns = self.biases(d, cell)
        initial = self.initial(d)
        state = TensorType(self.element, (s.N, s.K))
        finals = [tensor.EmptyOp((), state).tensor for _ in initial]
        saved = None
        if self.op.saved is not None:
            kept = TensorType(self.element, (s.T, s.N, s.S * s.K))
            saved = tensor.EmptyOp((), kept).tensor
        new = RecurrenceOp(
            self.op.x,
            (self.weights(self.op.w, d), self.weights(self.op.r, d), bias),
            initial,
            [y, *finals],
            self.scratch(cell),
            cell.cell,
            blocks=(b.chunk, b.rows, b.depth, b.groups),
            columns=columns,
            lengths=self.op.lengths,
            saved=saved,
            reset=cell.reset,
            candidate=cell.candidate,
            apart=cell.apart,
            reverse=backwards,
            batch_first=self.op.batch_first is not None,
            from_zero=self.starts_from_zero,
            offset=d * s.K,
        )
        new.location = self.op.location
        return new.res

    def empty(self) -> list[SSAValue]:
        """The results of no steps, or of no sequences: the states stay."""
        s, op = self.sizes, self.op
        given = operands_of(op)
        none = zeros((s.D, s.N, s.K), self.element)
        y = tensor.EmptyOp((), tensor_type(op.y)).tensor
        states = [given.get(name, none) for name in op.STATES]
        if op.saved is None:
            return [y, *states]
        return [y, *states, tensor.EmptyOp((), tensor_type(op.saved)).tensor]


def lower(op: SequenceOp, target: Target) -> list[SSAValue]:
    """What replaces the results of one layer."""
    s = op.sizes
    if s.N == DYNAMIC_INDEX:
        unsupported(
            op,
            "expected N known (only T may be known at run time), got "
            f"{op.x.type}; give the shapes of the arguments",
        )
    if op.saved is not None and s.T == DYNAMIC_INDEX:
        unsupported(
            op,
            f"expected T known where gates are saved for gradients, got {op.x.type}; "
            "give the shapes of the arguments",
        )
    if target.is_gpu and s.T == DYNAMIC_INDEX:
        unsupported(
            op,
            f"expected T known on a GPU, got {op.x.type}; give the shapes of the "
            "arguments",
        )
    check_constant_lengths(op)
    lowering = Lowering(op, target)
    return lowering.empty() if 0 in (s.T, s.N) else lowering.emit()


@dataclass(frozen=True)
class LowerRecurrentOpsPass(ModulePass):
    """Recurrent ops on tensors become one `br.recurrence` for each direction, their
    gradients one `br.recurrence_backward` and contractions."""

    name = "lower-recurrent-ops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        cells_as_sequences(op.body)
        for layer in list(op.walk()):
            if isinstance(layer, SequenceOp):
                replace(layer, lambda layer=layer: lower(layer, target))
            elif isinstance(layer, BackwardOp):
                replace(layer, lambda layer=layer: lower_backward(layer, target))
