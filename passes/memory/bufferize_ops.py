"""How each tensor op looks on memory: the emitting half of bufferize.py."""

from __future__ import annotations

from xdsl.dialects import arith, memref, scf, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseIntOrFPElementsAttr,
    MemRefType,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
    i8,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from passes.memory.bufferize_control import Copy, emit_control
from passes.memory.bufferize_slices import Insertion, mixed, part, slice_shape
from passes.memory.buffers import ALIGNMENT, Arena, Buffer, Kind, Trips
from passes.shared.build import (
    Index,
    clone_block,
    clone_op,
    row_major,
    shape_of,
    tensor_type,
    value,
)
from passes.shared.linalg_match import emit_copy
from passes.shared.load_time import captured, is_splat

PRODUCERS: tuple[type[Operation], ...] = (
    tensor.PadOp,
    tensor.ConcatOp,
    tensor.FromElementsOp,
    tensor.SplatOp,
)
"""Ops that write a new buffer."""

COPIED_VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ReshapeOp)
"""Views of whole, contiguous tensors only: a strided source is copied first."""


def memref_of(v: SSAValue) -> MemRefType:
    """The type of a tensor in memory: row-major."""
    type_ = tensor_type(v)
    return MemRefType(type_.element_type, type_.get_shape())


class Emitter:
    """Emits each op on memrefs; `memory` maps old values to new ones."""

    def __init__(
        self,
        buffers: dict[SSAValue, Buffer],
        arena: Arena | None,
        parts: dict[SSAValue, Insertion],
        copies: set[Operation],
        moves: dict[Operation, list[Copy]],
        shared: dict[Operation, Trips],
    ):
        self.buffers = buffers
        self.arena = arena
        self.parts = parts
        self.copies = copies
        self.moves = moves
        self.shared = shared
        self.memory: dict[SSAValue, SSAValue] = {}

    def of(self, old: SSAValue) -> SSAValue:
        """The memref (or scalar) that stands for an old value."""
        if old not in self.memory:
            self.memory[old] = self.allocate(old)
        return self.memory[old]

    def allocate(self, old: SSAValue) -> SSAValue:
        """A memref of the whole buffer in the shape of `old`."""
        buffer = self.buffers[old]
        want = memref_of(old)
        if buffer.kind is Kind.ARENA:
            return self.piece(buffer, old)
        assert buffer.memory is not None
        return self.reshape(buffer.memory, want)

    def piece(self, buffer: Buffer, like: SSAValue) -> SSAValue:
        """A memref of a piece of the arena in the shape of `like`."""
        want = memref_of(like)
        if self.arena is None:  # no piece has an element
            return memref.AllocaOp.get(
                want.element_type, ALIGNMENT, want.get_shape()
            ).memref
        return self.arena.piece(buffer, want)

    def all_parts(self, trips: Trips) -> SSAValue | None:
        """The memory of all trips of a shared loop."""
        if not trips.whole.size:
            return None
        assert self.arena is not None
        return self.arena.piece(trips.whole, MemRefType(i8, [trips.whole.size]))

    def copy(self, source: SSAValue, target: SSAValue) -> None:
        """Copies the elements of a memref."""
        copy_elements(source, target)

    def reshape(self, source: SSAValue, want: MemRefType) -> SSAValue:
        """Another shape of the same contiguous memory."""
        if source.type == want:
            return source
        shape = want.get_shape()
        return memref.ReinterpretCastOp.from_dynamic(
            source, [0], list(shape), list(row_major(shape)), want
        ).result

    def emit(self, op: Operation) -> None:
        """Emits what `op` does on memory."""
        copy = op in self.copies
        for result in op.results:
            if (insert := self.parts.get(result)) is not None:
                self.memory[result] = self.place_of(op, insert)
        match op:
            case arith.ConstantOp() if isinstance(op.result.type, TensorType):
                self.constant(op)
            case tensor.EmptyOp():
                pass
            case tensor.ExtractSliceOp():
                self.memory[op.result] = self.slice(op, op.source, op)
            case tensor.CastOp():
                self.memory[op.dest] = self.of(op.source)
            case tensor.ExpandShapeOp() | tensor.CollapseShapeOp() | tensor.ReshapeOp():
                self.view(op, copy)
            case linalg.GenericOp() | linalg.FillOp():
                self.structured(op, len(op.inputs), copy)
            case ContractOp():
                self.structured(op, 2, copy)
            case RecurrenceOp() | RecurrenceBackwardOp():
                self.structured(op, len(op.operands) - len(op.destinations), copy)
            case tensor.InsertSliceOp():
                self.insert_slice(op, copy)
            case tensor.PadOp():
                self.pad(op)
            case tensor.ConcatOp():
                self.concat(op)
            case tensor.InsertOp():
                if copy:
                    copy_elements(self.of(op.dest), self.of(op.result))
                at = [self.of(i) for i in op.indices]
                memref.StoreOp.get(self.of(op.scalar), self.of(op.result), at)
            case tensor.ExtractOp():
                at = [self.of(i) for i in op.indices]
                self.memory[op.result] = memref.LoadOp.get(self.of(op.tensor), at).res
            case tensor.FromElementsOp():
                self.from_elements(op)
            case tensor.SplatOp():
                linalg.FillOp([self.of(op.input)], [self.of(op.result)], [])
            case scf.ForOp() | scf.IfOp() | scf.WhileOp():
                emit_control(self, op)
            case tensor.DimOp():
                dim = memref.DimOp(self.of(op.source), self.of(op.index))
                self.memory[op.result] = dim.result
            case _:
                self.scalar(op)

    def constant(self, op: arith.ConstantOp) -> None:
        """A global, or a fill where all elements are one number."""
        if not is_splat(op):
            self.memory[op.result] = constant(op)
            return
        assert isinstance(op.value, DenseIntOrFPElementsAttr)
        number = next(iter(op.value.iter_attrs()))
        linalg.FillOp([arith.ConstantOp(number).result], [self.of(op.result)], [])

    def scalar(self, op: Operation) -> None:
        """Ops without tensors stay as they are."""
        used = (*op.operands, *op.results, *captured(op))
        if any(isinstance(v.type, TensorType) for v in used):
            unsupported(op, "expected an op that has a bufferization")
        mapping = {v: self.of(v) for v in op.operands}
        new = clone_op(op, mapping)
        for old, result in zip(op.results, new.results, strict=True):
            self.memory[old] = result

    def view(self, op: Operation, copy: bool) -> None:
        """expand_shape, collapse_shape, reshape: the same elements in another shape."""
        source, result = op.operands[0], op.results[0]
        if copy:
            same = self.reshape(self.of(result), memref_of(source))
            copy_elements(self.of(source), same)
        else:
            self.memory[result] = self.reshape(self.of(source), memref_of(result))

    def structured(self, op: Operation, first: int, copy: bool) -> None:
        """The same op with memrefs for its operands and no results; its destinations
        are the operands from `first` on."""
        last = first + len(op.results)
        for result in op.results:
            self.overwrite(op, result)
        if copy:
            for old, result in zip(op.operands[first:last], op.results, strict=True):
                copy_elements(self.of(old), self.of(result))
        operands = [
            self.of(op.results[i - first] if first <= i < last else v)
            for i, v in enumerate(op.operands)
        ]
        mapping = dict(self.memory)
        new = type(op).create(
            operands=operands,
            result_types=[],
            properties=op.properties,
            attributes=op.attributes,
            regions=[Region(clone_block(r.block)) for r in op.regions],
        )
        for region in new.regions:
            self.use_memory(region, mapping)
        new.location = op.location

    def overwrite(self, op: Operation, result: SSAValue) -> None:
        """One memref for an operand and for the result that takes its place: who lowers
        the op sees that they overlap."""
        for v in op.operands:
            same = self.buffers.get(v) is self.buffers[result]
            if same and result not in self.memory and v.type == result.type:
                memory = self.of(v)
                if memory.type == memref_of(result):
                    self.memory[result] = memory

    def use_memory(self, region: Region, mapping: dict[SSAValue, SSAValue]) -> None:
        """Lets a body read memory where it read tensors or outer scalars."""
        for inner in list(region.walk()):
            for i, operand in enumerate(inner.operands):
                if operand in self.buffers and operand not in mapping:
                    mapping[operand] = self.of(operand)
                if operand in mapping:
                    inner.operands[i] = mapping[operand]
            if isinstance(inner, tensor.ExtractOp):
                load = memref.LoadOp.get(inner.tensor, inner.indices)
                load.detach()
                block = inner.parent
                assert block is not None
                block.insert_op_before(load, inner)
                inner.result.replace_all_uses_with(load.res)
                inner.detach()
                inner.erase()

    def place_of(self, op: Operation, insert: Insertion) -> SSAValue:
        """The part of an insertion's result that its source lies in."""
        if not isinstance(insert, tensor.PadOp):
            return self.slice(op, insert.result, insert)
        memory, shape = self.of(insert.result), shape_of(insert.source)
        low = insert.static_low.get_values()
        return part(op, memory, low, shape, [1] * len(shape), shape)

    def slice(
        self,
        op: Operation,
        source: SSAValue,
        at: tensor.ExtractSliceOp | tensor.InsertSliceOp,
    ) -> SSAValue:
        """The strided part of `source` that a slice op names."""
        memory = self.of(source)
        offsets = [
            self.of(x) if isinstance(x, SSAValue) else x
            for x in mixed(at.static_offsets.get_values(), at.offsets)
        ]
        sizes = mixed(at.static_sizes.get_values(), at.sizes)
        steps = mixed(at.static_strides.get_values(), at.strides)
        return part(op, memory, offsets, sizes, steps, slice_shape(op, at))

    def insert_slice(self, op: tensor.InsertSliceOp, copy: bool) -> None:
        """The source over a part of the destination, unless it is there."""
        if op.source in self.parts:
            return
        result = self.of(op.result)
        if copy:
            copy_elements(self.of(op.dest), result)
        copy_elements(self.of(op.source), self.slice(op, op.result, op))

    def concat(self, op: tensor.ConcatOp) -> None:
        """Each input into its part of the result."""
        result, dim = self.of(op.result), op.dim.value.data
        start = 0
        for v in op.inputs:
            shape = shape_of(v)
            offsets: list[Index] = [0] * len(shape)
            offsets[dim] = start
            start += shape[dim]
            copy_elements(
                self.of(v), part(op, result, offsets, shape, [1] * len(shape), shape)
            )

    def pad(self, op: tensor.PadOp) -> None:
        """The source in the middle, unless it is there; the border, slab by slab,
        filled."""
        low = mixed(op.static_low.get_values(), op.low)
        *body, last = op.region.block.ops
        fill = last.operands[0]
        if (
            body
            or fill.owner is op.region.block
            or not all(isinstance(n, int) for n in low)
        ):
            unsupported(op, "expected constant padding by static amounts")
        result = self.of(op.result)
        shape, whole = shape_of(op.source), shape_of(result)
        offsets: list[Index] = [0] * len(shape)
        sizes = list(whole)
        ones = [1] * len(shape)
        for d, (before, size, total) in enumerate(zip(low, shape, whole, strict=True)):
            assert isinstance(before, int)
            if before < 0 or total - size - before < 0:
                unsupported(op, f"expected padding of at least 0, got {before}")
            for start, width in ((0, before), (before + size, total - size - before)):
                if width:
                    slab = part(
                        op,
                        result,
                        [*offsets[:d], start, *offsets[d + 1 :]],
                        [*sizes[:d], width, *sizes[d + 1 :]],
                        ones,
                        [*sizes[:d], width, *sizes[d + 1 :]],
                    )
                    linalg.FillOp([self.of(fill)], [slab], [])
            offsets[d], sizes[d] = before, size
        if op.source not in self.parts:
            middle = part(op, result, offsets, shape, ones, shape)
            copy_elements(self.of(op.source), middle)

    def from_elements(self, op: tensor.FromElementsOp) -> None:
        """Each element into its place."""
        result = self.of(op.result)
        shape = shape_of(result)
        strides = row_major(shape)
        for i, element in enumerate(op.elements):
            at = [i // s % n for s, n in zip(strides, shape, strict=True)]
            memref.StoreOp.get(self.of(element), result, [value(x) for x in at])

    def store_result(self, v: SSAValue, output: SSAValue) -> None:
        """Copies a returned value that was not computed in its place."""
        memory = self.of(v)
        buffer = self.buffers[v]
        if buffer.kind is Kind.RESULT and buffer.memory is output:
            return
        copy_elements(memory, output)


def copy_elements(source: SSAValue, target: SSAValue) -> None:
    """`target[..] = source[..]` as a linalg.generic, vectorised like any other where
    the sizes are known."""
    if DYNAMIC_INDEX in shape_of(target):
        memref.CopyOp(source, target)
    else:
        emit_copy(source, target, AffineMap.identity(len(shape_of(target))))


def constant(op: arith.ConstantOp) -> SSAValue:
    """A tensor constant as a read-only global of the module."""
    if not isa(op.value, DenseIntOrFPElementsAttr):
        unsupported(
            op,
            f"expected a dense constant, got {op.value.name}; constants of other kinds "
            "are bound when a model is loaded (hoist-load-time)",
        )
    module = op.parent_op()
    while module is not None and not isinstance(module, ModuleOp):
        module = module.parent_op()
    assert module is not None
    names = {o.sym_name.data for o in module.ops if isinstance(o, memref.GlobalOp)}
    name = f"br_constant_{len(names)}"
    want = memref_of(op.result)
    global_ = memref.GlobalOp.get(
        StringAttr(name),
        want,
        op.value,
        constant=UnitAttr(),
        sym_visibility=StringAttr("private"),
    )
    global_.detach()
    first = module.body.block.first_op
    assert first is not None
    module.body.block.insert_op_before(global_, first)
    return memref.GetGlobalOp(name, want).memref
