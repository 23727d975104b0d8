"""`lower-recurrent-ops`: br.lstm, br.gru and br.rnn become `br.recurrence`.

    %y, %h, %c = br.lstm ins(%x, %w, %r) bias(%b) {gates = "ifco"}
    ->
    %wp = panels of %w           // tensor<1x4KxCxf32> -> tensor<(K/16)x4xCx16xf32>
    %rp = panels of %r           // the gates of 16 units side by side
    %y, %h, %c = br.recurrence ins(%x, %wp, %rp, %bp) .. {chunk = 3, rows = 168, ..}
                 cell { i, o, f, c, h, c -> h, c }

One `br.recurrence` for each direction; both write into the same y. The panels are plain
linalg on tensors: hoist-load-time packs weights once. A cell is a sequence of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyFloat,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    ModuleOp,
    TensorType,
    i8,
    i64,
)
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.recurrence_op import RecurrenceOp, RecurrenceSizes
from brdialect.recurrent_ops import (
    GruCellOp,
    GruOp,
    LstmCellOp,
    LstmOp,
    RecurrentOp,
    RnnCellOp,
    RnnOp,
    SequenceOp,
)
from brdialect.target import Target, target_of
from passes.buffers import element_bytes
from passes.build import shape_of, tensor_type, value
from passes.length_limits import check_constant_lengths
from passes.linalg_match import parallel_generic, reassociation
from passes.pack_operands import make_panels
from passes.recurrence_scratch import Needs, scratch_areas
from passes.recurrent_cells import Cell, cell_of
from passes.register_block import Panels, default_register_block
from passes.schedule_problem import block_evenly

CHUNK_ROWS = 512
"""Rows that W x of a chunk should have: W comes by once for all of them."""

OPEN_CHUNK = 64
"""Steps of a chunk at most where T is known at run time only: what T leaves over is
done in smaller chunks."""

TASK_ROWS = 192
"""Rows of a task: R comes by once for all of them."""

GROUP_ROWS = 32
"""From so many rows a thread on, it reads all of the weights rather than wait for the
others at each step."""

SEQUENCES: dict[type[RecurrentOp], type[SequenceOp]] = {
    LstmCellOp: LstmOp,
    GruCellOp: GruOp,
    RnnCellOp: RnnOp,
}


@dataclass(frozen=True)
class Blocks:
    """How one recurrence is cut up."""

    panel: int
    chunk: int
    rows: int
    depth: int
    groups: int


def choose_blocks(op: SequenceOp, target: Target) -> Blocks:
    """Blocks for the sizes of an op and the caches of a target."""
    s = op.sizes
    size = element_bytes(tensor_type(op.x).element_type)
    lanes = target.lanes(size)
    tile = default_register_block(s.N, s.K, lanes, target, Panels(s.K))
    panel = block_evenly(-(-s.K // lanes), tile[1]) * lanes
    chunk = max(1, CHUNK_ROWS // s.N)
    chunk = min(chunk, OPEN_CHUNK if s.T == DYNAMIC_INDEX else max(1, s.T))
    groups = target.threads
    if s.N % groups or s.N // groups < GROUP_ROWS:
        groups = 1
    rows = block_evenly(s.N // groups, TASK_ROWS)
    panels = -(-s.K // panel)
    while (
        groups < target.threads
        and panels * -(-s.N // rows) % target.threads
        and rows > 2 * tile[0]
    ):
        rows = block_evenly(s.N, rows // 2)
    # h of a task and the panels of its gates share the L2
    depth = block_evenly(s.K, target.l2 // 2 // size // (rows + s.G * panel))
    return Blocks(panel, chunk, rows, depth, groups)


# tensors


def reshape(v: SSAValue, shape: Sequence[int]) -> SSAValue:
    """A static tensor in another shape, by way of a flat one."""
    type_ = tensor_type(v)
    if type_.get_shape() == tuple(shape):
        return v
    rank = type_.get_num_dims()
    if rank > 1:
        flat = TensorType(type_.element_type, [prod(type_.get_shape())])
        v = tensor.CollapseShapeOp(
            operands=[v],
            result_types=[flat],
            properties={"reassociation": reassociation([range(rank)])},
        ).result
    if len(shape) == 1:
        return v
    return tensor.ExpandShapeOp(
        v,
        (),
        reassociation([range(len(shape))]),
        DenseArrayBase.from_list(i64, list(shape)),
        TensorType(type_.element_type, list(shape)),
    ).result


def row(v: SSAValue, index: int, shape: Sequence[int]) -> SSAValue:
    """`v[index]` in another shape."""
    type_ = tensor_type(v)
    first, *rest = type_.get_shape()
    if first > 1:
        offsets = [index, *[0] * len(rest)]
        result = TensorType(type_.element_type, rest)
        ones = [1] * (len(rest) + 1)
        v = tensor.ExtractSliceOp(v, offsets, [1, *rest], ones, result).result
    return reshape(v, shape)


def with_row(v: SSAValue, index: int, into: SSAValue) -> SSAValue:
    """`into` with v as `into[index]`."""
    shape = shape_of(v)
    offsets = [index, *[0] * len(shape)]
    return tensor.InsertSliceOp.from_static_parameters(
        v, into, offsets, [1, *shape]
    ).result


def zeros(shape: Sequence[int], element: AnyFloat) -> SSAValue:
    """A tensor of zeros."""
    type_ = TensorType(element, shape)
    return arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(type_, [0.0])).result


def sum_of(x: SSAValue, y: SSAValue) -> SSAValue:
    """x + y."""
    type_ = tensor_type(x)
    block = Block(arg_types=[type_.element_type] * 3)
    with ImplicitBuilder(block) as (a, b, _):
        YieldOp(arith.AddfOp(a, b).result)
    maps = [AffineMap.identity(type_.get_num_dims())] * 2
    out = tensor.EmptyOp((), type_).tensor
    return parallel_generic([x, y], out, maps, block).res[0]


class Lowering:
    """Emits the recurrences of one op."""

    def __init__(self, op: SequenceOp, target: Target):
        self.op = op
        self.sizes = op.sizes
        element = tensor_type(op.x).element_type
        assert isinstance(element, AnyFloat)
        self.element = element
        self.target = target

    @cached_property
    def blocks(self) -> Blocks:
        """How the op is cut up; it has sequences and steps."""
        return choose_blocks(self.op, self.target)

    def panels(self, v: SSAValue) -> SSAValue:
        """[any, K, ...] -> [K / panel, any, ..., panel]."""
        rank = len(shape_of(v))
        others = [d for d in range(rank) if d != 1]
        return make_panels(v, 1, others, self.blocks.panel)

    def weights(self, v: SSAValue, d: int) -> SSAValue:
        """The panels of w or r of a direction."""
        s = self.sizes
        return self.panels(row(v, d, (s.G, s.K, shape_of(v)[-1])))

    def bias_rows(self, v: SSAValue | None, d: int) -> SSAValue | None:
        """A bias of a direction as [G, K]."""
        return None if v is None else row(v, d, (self.sizes.G, self.sizes.K))

    def biases(self, d: int, cell: Cell) -> tuple[SSAValue, SSAValue | None]:
        """What is added to the gates, and what the cell takes of each unit."""
        s, op = self.sizes, self.op
        bias = self.bias_rows(op.bias, d)
        recurrent = self.bias_rows(op.recurrent_bias, d)
        columns = None
        if isinstance(op, LstmOp) and op.peepholes is not None:
            columns = row(op.peepholes, d, (3, s.K))
        if cell.apart:
            assert cell.candidate is not None
            none = zeros((s.K,), self.element)
            columns = reshape(none, (1, s.K))
            if recurrent is not None:
                columns = row(recurrent, cell.candidate, (1, s.K))
                recurrent = with_row(none, cell.candidate, recurrent)
        both = [b for b in (bias, recurrent) if b is not None]
        total = both[0] if both else zeros((s.G, s.K), self.element)
        if len(both) == 2:
            total = sum_of(*both)
        packed = None if columns is None else self.panels(columns)
        return self.panels(total), packed

    def initial(self, d: int) -> list[SSAValue]:
        """The states before the first step."""
        s, op = self.sizes, self.op
        given = [op.h0, op.c0] if isinstance(op, LstmOp) else [op.h0]
        none = zeros((s.N, s.K), self.element)
        return [none if v is None else row(v, d, (s.N, s.K)) for v in given]

    def scratch(self, cell: Cell) -> SSAValue:
        """The bytes that a recurrence works in."""
        s, b = self.sizes, self.blocks
        sizes = RecurrenceSizes(s.T, s.N, s.C, s.K, -(-s.K // b.panel), s.G, b.panel)
        needs = Needs(
            states=2 if isinstance(self.op, LstmOp) else 1,
            chunk=b.chunk,
            element_bytes=element_bytes(self.element),
            apart=cell.apart,
            reset=cell.reset is not None,
            gathers_x=self.op.batch_first is not None and s.N > 1,
        )
        _, size = scratch_areas(sizes, needs)
        return tensor.EmptyOp((), TensorType(i8, [size])).tensor

    def emit(self) -> list[SSAValue]:
        """y and the final states."""
        s, op = self.sizes, self.op
        type_ = tensor_type(op.y)
        open_ = [d for d, n in enumerate(type_.get_shape()) if n == DYNAMIC_INDEX]
        y = tensor.EmptyOp(
            [tensor.DimOp(op.x, value(d)).result for d in open_], type_
        ).tensor
        states: list[Sequence[SSAValue]] = []
        for d, backwards in enumerate(op.directions):
            y, *finals = self.direction(d, backwards, y)
            states.append(finals)
        shape = (s.D, s.N, s.K)
        results = [y]
        for finals in zip(*states, strict=True):
            if s.D == 1:
                results.append(reshape(finals[0], shape))
                continue
            whole = tensor.EmptyOp((), TensorType(self.element, shape)).tensor
            for d, final in enumerate(finals):
                whole = with_row(final, d, whole)
            results.append(whole)
        return results

    def direction(self, d: int, backwards: bool, y: SSAValue) -> Sequence[SSAValue]:
        """The recurrence of one direction into its columns of y."""
        s, b = self.sizes, self.blocks
        cell = cell_of(self.op, d, self.element)
        bias, columns = self.biases(d, cell)
        initial = self.initial(d)
        state = TensorType(self.element, (s.N, s.K))
        finals = [tensor.EmptyOp((), state).tensor for _ in initial]
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
            reset=cell.reset,
            candidate=cell.candidate,
            apart=cell.apart,
            reverse=backwards,
            batch_first=self.op.batch_first is not None,
            offset=d * s.K,
        )
        new.location = self.op.location
        return new.res

    def empty(self) -> list[SSAValue]:
        """The results of no steps, or of no sequences: the states stay."""
        s, op = self.sizes, self.op
        given = [op.h0, op.c0] if isinstance(op, LstmOp) else [op.h0]
        none = zeros((s.D, s.N, s.K), self.element)
        y = tensor.EmptyOp((), tensor_type(op.y)).tensor
        return [y, *(none if v is None else v for v in given)]


def as_sequence(op: RecurrentOp) -> list[SSAValue]:
    """The states after the one step of a cell, by an op over a sequence."""
    kind = SEQUENCES[type(op)]
    operands = {
        name: reshape(v, (1, *shape_of(v)))
        for name, v in op.tensors()
        if v.owner is not op
    }
    x, w, r = (operands.pop(name) for name in ("x", "w", "r"))
    new = kind(x, w, r, None, **operands)
    kept = [k for k in op.properties if k != "operandSegmentSizes"]
    new.properties |= {k: op.properties[k] for k in kept}
    new.location = op.location
    finals = new.results[1:]
    return [reshape(v, shape_of(v)[1:]) for v in finals]


def lower(op: Operation, target: Target) -> list[SSAValue]:
    """What replaces the results of one op."""
    assert isinstance(op, SequenceOp)
    s = op.sizes
    if s.N == DYNAMIC_INDEX:
        unsupported(
            op,
            "expected N known (only T may be known at run time), got "
            f"{op.x.type}; give the shapes of the arguments",
        )
    check_constant_lengths(op)
    lowering = Lowering(op, target)
    return lowering.empty() if 0 in (s.T, s.N) else lowering.emit()


@dataclass(frozen=True)
class LowerRecurrentOpsPass(ModulePass):
    """Recurrent ops on tensors become one `br.recurrence` for each direction."""

    name = "lower-recurrent-ops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for cell in [o for o in op.walk() if type(o) in SEQUENCES]:
            assert isinstance(cell, RecurrentOp)
            replace(cell, lambda cell=cell: as_sequence(cell))
        for sequence in [o for o in op.walk() if isinstance(o, SequenceOp)]:
            replace(sequence, lambda sequence=sequence: lower(sequence, target))


def replace(op: Operation, emit: Callable[[], Sequence[SSAValue]]) -> None:
    """Puts what `emit` makes in the place of an op."""
    with ImplicitBuilder(Builder(InsertPoint.before(op))):
        new = emit()
    for old, result in zip(op.results, new, strict=True):
        old.replace_all_uses_with(result)
    op.detach()
    op.erase()
