"""`bufferize`: tensors become memory, in destination-passing style.

    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
      %e = tensor.empty() : tensor<4x3xf32>
      %y = br.contract ins(%x, %w) outs(%e) ... -> tensor<4x3xf32>
      %z = linalg.generic ins(%y) outs(%e) ...
      return %z
    ->
    func.func @main(%x: memref<4x8xf32>, %z: memref<4x3xf32>, %arena: memref<64xi8>) {
      %y = memref.view %arena[%c0] : memref<64xi8> to memref<4x3xf32>
      br.contract ins(%x, %w) outs(%y)
      linalg.generic ins(%y) outs(%z)

Arguments are read only and row-major; results are written by the op that computes them.
Everything else lies in one arena, the function's last argument, planned here: a piece
is reused as soon as its last reader is through. An op writes in place where its
destination is not read again; otherwise the contents are copied first. It overwrites an
input that it is the last to read where it reads each element before it writes there
(overwriting.py), such as a product's residual. What scf.for, scf.while and scf.if carry
and yield lies in buffers as well (bufferize_control.py). State that one call leaves to
the next is written in place (bufferize_state.py).

A recurrence takes any number of steps of time. All open sizes of a function are this
one number, and what grows with it lies at the arena's end:

    func.func @main(%x: memref<?x2x8xf32>, %y: memref<?x2x4xf32>,
                    %arena: memref<?xi8> {br.arena = array<i64: fixed, each step>}) {
      %T = memref.dim %x, %c0
      %h = memref.view %arena[fixed + T * offset][%T] : .. to memref<?x2x4xf32>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func, memref, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DictionaryAttr,
    MemRefType,
    ModuleOp,
    TensorType,
    UnitAttr,
    i8,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from passes.memory.bufferize_control import Copy, assign_control
from passes.memory.bufferize_ops import (
    COPIED_VIEWS,
    PRODUCERS,
    Emitter,
    memref_of,
)
from passes.memory.bufferize_slices import Insertion, insertion_of, insertions_of
from passes.memory.bufferize_state import in_order, may_overwrite, successors_of
from passes.memory.buffers import (
    ARENA,
    CONTROL,
    RESULT,
    VIEWS,
    Arena,
    Buffer,
    Kind,
    Liveness,
    Trips,
    element_bytes,
    is_strided,
    plan_arena,
)
from passes.memory.overwriting import is_read, read_where_written, reads_destination
from passes.shared.build import LocatedBuilder, int64s, value
from passes.shared.load_time import is_splat, used_by

OPEN = (func.FuncOp, func.ReturnOp, tensor.EmptyOp, RecurrenceOp)
"""Ops whose tensors may have one open size, the number of steps of time."""


def byte_size(op: Operation, type_: Attribute) -> tuple[int, bool]:
    """The bytes of a tensor; of one with an open size those of each step, and True."""
    assert isa(type_, TensorType)
    known = [n for n in type_.get_shape() if n != DYNAMIC_INDEX]
    grows = len(known) < type_.get_num_dims()
    if type_.get_num_dims() - len(known) > isinstance(op, OPEN):
        unsupported(
            op,
            f"expected static sizes, got {type_}; give the shapes of the arguments "
            "(br-run --input=SHAPExf32)",
        )
    size = prod(known) * element_bytes(type_.element_type)
    if size >= 1 << 63:
        unsupported(op, f"expected tensors of less than 2^63 bytes, got {type_}")
    return size, grows


def lowered_type(v: SSAValue) -> Attribute:
    """The row-major memref of a tensor; other types stay."""
    return memref_of(v) if isinstance(v.type, TensorType) else v.type


class Assignment:
    """Decides, op by op, which buffer each tensor value of a function lives in."""

    def __init__(self, function: func.FuncOp):
        self.function = function
        self.block = function.body.block
        self.live = Liveness(self.block)
        self.buffers: dict[SSAValue, Buffer] = {}
        self.copies: set[Operation] = set()
        self.moves: dict[Operation, list[Copy]] = {}
        """What is copied before a loop, and where a region ends."""
        self.parts: dict[SSAValue, Insertion] = {}
        """What is computed where it is inserted."""
        self.all: list[Buffer] = []
        self.returned: dict[int, Buffer] = {}
        self.shared: dict[Operation, Trips] = {}
        """The loops whose trips threads share."""
        self.successors = successors_of(function)

    def buffer(self, kind: Kind, value: SSAValue, start: int, op: Operation) -> Buffer:
        """A fresh buffer of the size of `value`."""
        buffer = Buffer(kind, *byte_size(op, value.type), start)
        self.all.append(buffer)
        return buffer

    def new(self, kind: Kind, value: SSAValue, start: int, op: Operation) -> Buffer:
        """A fresh buffer that holds `value`."""
        buffer = self.buffer(kind, value, start, op)
        self.put(value, buffer)
        return buffer

    def fills(self, value: SSAValue, buffer: Buffer) -> bool:
        """Whether the value is all that its buffer has room for."""
        whole = (buffer.size, buffer.grows) == byte_size(self.function, value.type)
        return whole and not is_strided(value)

    def put(self, value: SSAValue, buffer: Buffer) -> None:
        """Lets `value` live in `buffer`."""
        self.buffers[value] = buffer
        buffer.values.append(value)

    def run(self) -> None:
        for argument in self.block.args:
            if isinstance(argument.type, TensorType):
                self.new(Kind.ARGUMENT, argument, -1, self.function)
        self.visit_block(self.block)
        self.choose_results()
        for buffer in self.all:
            ends = [self.live.last_use(v) for v in buffer.values]
            buffer.end = max([buffer.start, buffer.end, *ends])

    def visit_block(self, block: Block) -> None:
        """Assigns the results of all ops of a block."""
        for op in block.ops:
            self.visit(self.live.index[op], op)

    def visit(self, i: int, op: Operation) -> None:
        """Assigns the results of one op."""
        tensors = [r for r in op.results if isinstance(r.type, TensorType)]
        if not tensors and not isinstance(op, CONTROL):
            return
        for v in op.operands:
            if isa(v.type, TensorType):
                byte_size(op, v.type)
        if isinstance(op, CONTROL):
            assign_control(self, i, op)
        elif isinstance(op, arith.ConstantOp):
            kind = Kind.ARENA if is_splat(op) else Kind.CONSTANT
            self.new(kind, tensors[0], i, op)
        elif isinstance(op, COPIED_VIEWS) and is_strided(op.operands[0]):
            self.new(Kind.ARENA, tensors[0], i, op)
            self.copies.add(op)
        elif isinstance(op, VIEWS):
            self.put(tensors[0], self.buffers[op.operands[0]])
        elif isinstance(op, tensor.EmptyOp):
            buffer = self.new(Kind.ARENA, tensors[0], i, op)
            if not is_read(tensors[0]):
                buffer.size = 0
        elif self.in_slice(i, op):
            pass
        elif isinstance(op, linalg.GenericOp | linalg.FillOp):
            inputs = len(op.inputs)
            for j, result in enumerate(op.res):
                self.destination(i, op, result, op.operands[inputs + j], j)
        elif isinstance(op, ContractOp):
            assert op.res is not None
            self.destination(i, op, op.res, op.c, 0)
        elif isinstance(op, RecurrenceOp | RecurrenceBackwardOp):
            for j, result in enumerate(op.res):
                self.destination(i, op, result, op.destinations[j], j)
        elif isinstance(op, tensor.InsertSliceOp | tensor.InsertOp):
            self.destination(i, op, op.result, op.dest, 0)
        elif isinstance(op, PRODUCERS):
            self.new(Kind.ARENA, tensors[0], i, op)
        else:
            others = ", ".join(p.name for p in (*PRODUCERS, *VIEWS))
            unsupported(
                op,
                "expected linalg, br or tensor ops on tensors, got one that has no "
                "bufferization; supported are linalg.generic, linalg.fill, "
                f"br.contract, arith.constant, scf.for, scf.while, scf.if and {others}",
            )

    def in_slice(self, i: int, op: Operation) -> bool:
        """Lets the op write the slice that its result is inserted into, if it may; an
        insertion has then nothing left to do."""
        if isinstance(op, Insertion):
            return op.source in self.parts
        if not isinstance(op, linalg.GenericOp | linalg.FillOp | ContractOp):
            return False
        if len(op.results) > 1:
            return self.in_slices(i, op)
        init = op.c if isinstance(op, ContractOp) else op.outputs[0]
        if reads_destination(op, 0) and not isinstance(init.owner, tensor.EmptyOp):
            return False
        insert = insertion_of(op, i, self.buffers, self.live)
        if insert is None:
            return False
        if isinstance(insert, tensor.PadOp) or isinstance(
            insert.dest.owner, tensor.EmptyOp
        ):
            self.new(Kind.ARENA, insert.result, i, insert)
        else:
            self.put(insert.result, self.buffers[insert.dest])
        self.put(op.results[0], self.buffers[insert.result])
        self.parts[op.results[0]] = insert
        return True

    def in_slices(self, i: int, op: Operation) -> bool:
        """The same for several results, inserted one after the other."""
        chain = insertions_of(op, i, self.buffers, self.live)
        if not chain or any(reads_destination(op, n) for n in range(len(op.results))):
            return False
        if isinstance(chain[0].dest.owner, tensor.EmptyOp):
            buffer = self.buffer(Kind.ARENA, chain[0].result, i, chain[0])
        else:
            buffer = self.buffers[chain[0].dest]
        for insert in chain:
            self.put(insert.result, buffer)
            self.put(insert.source, buffer)
            self.parts[insert.source] = insert
        return True

    def destination(
        self, i: int, op: Operation, result: SSAValue, init: SSAValue, number: int
    ) -> None:
        """In place where nothing else needs the old contents."""
        state = self.successors.get(result)
        if state and may_overwrite(self.live, i, op, number, state.argument):
            self.returned[state.result] = self.new(Kind.RESULT, result, i, op)
            return
        old = self.buffers[init]
        alone = self.fills(init, old) and self.is_all_of(init, op)
        # what nothing has written is no buffer yet
        fresh = isinstance(init.owner, tensor.EmptyOp)
        read = reads_destination(op, number) and not fresh
        if read and alone and old.writable and self.live.free_after(old, i):
            self.put(result, old)
            return
        if not read and (reuse := self.reusable_input(i, op, number)) is not None:
            self.put(result, reuse)
            return
        self.new(Kind.ARENA, result, i, op)
        if read:
            self.copies.add(op)

    def reusable_input(self, i: int, op: Operation, number: int) -> Buffer | None:
        """A dying input of the same shape that the op may overwrite."""
        for v in read_where_written(op, number):
            buffer = self.buffers.get(v)
            if buffer is None or buffer.kind is not Kind.ARENA:
                continue
            if v.type != op.results[number].type or not self.fills(v, buffer):
                continue
            if self.is_all_of(v, op) and self.live.free_after(buffer, i):
                return buffer
        return None

    def is_all_of(self, value: SSAValue, op: Operation) -> bool:
        """Whether the op uses the value once, and nothing else in its buffer."""
        buffer = self.buffers[value]
        return [v for v in used_by(op) if self.buffers.get(v) is buffer] == [value]

    def choose_results(self) -> None:
        """Lets what is returned be computed where the caller wants it."""
        last = self.block.last_op
        assert isinstance(last, func.ReturnOp)
        for number, v in enumerate(last.arguments):
            buffer = self.buffers[v]
            if v in self.successors:
                continue  # its memory is the old state's
            whole = (buffer.size, buffer.grows) == byte_size(last, v.type)
            if whole and buffer.kind is Kind.ARENA:
                buffer.kind = Kind.RESULT
                buffer.values.insert(0, v)
                self.returned[number] = buffer


def bufferize_function(old: func.FuncOp) -> func.FuncOp:
    """The function on memrefs."""
    if len(old.body.blocks) != 1:
        unsupported(old, "expected one block, got branches between blocks")
    last = old.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    for v in last.arguments:
        if not isinstance(v.type, TensorType):
            unsupported(last, f"expected tensor results, got {v.type}")
    plan = Assignment(old)
    plan.run()
    fixed, step = plan_arena(plan.all)

    types = [lowered_type(v) for v in (*plan.block.args, *last.arguments)]
    attributes = list(old.arg_attrs.data) if old.arg_attrs else []
    attributes += [DictionaryAttr({})] * (len(plan.block.args) - len(attributes))
    marks = (
        old.res_attrs.data
        if old.res_attrs
        else [DictionaryAttr({})] * len(last.arguments)
    )
    attributes += [DictionaryAttr({RESULT: UnitAttr(), **m.data}) for m in marks]
    if fixed or step:
        types.append(MemRefType(i8, [DYNAMIC_INDEX if step else fixed]))
        mark = int64s(fixed, step) if step else UnitAttr()
        attributes.append(DictionaryAttr({ARENA: mark}))
    block = Block(arg_types=types)
    new = func.FuncOp(
        old.sym_name.data,
        (types, ()),
        Region(block),
        old.sym_visibility,
        arg_attrs=ArrayAttr(attributes),
    )
    new.attributes |= old.attributes
    new.location = old.location
    count = len(plan.block.args)
    outputs = block.args[count : count + len(last.arguments)]
    with ImplicitBuilder(block):
        steps = number_of_steps(old, block.args) if step else None
    arena = Arena(block.args[-1], fixed, steps) if fixed or step else None
    emitter = Emitter(
        plan.buffers, arena, plan.parts, plan.copies, plan.moves, plan.shared
    )
    for v, argument in zip(plan.block.args, block.args, strict=False):
        emitter.memory[v] = argument
        argument.name_hint = v.name_hint
    for number, buffer in plan.returned.items():
        buffer.memory = outputs[number]
    at_end = InsertPoint.at_end(block)
    for op in list(plan.block.ops)[:-1]:
        with ImplicitBuilder(LocatedBuilder(at_end, op.location)):
            emitter.emit(op)
    with ImplicitBuilder(LocatedBuilder(at_end, last.location)):
        for number in in_order(old):
            emitter.store_result(last.arguments[number], outputs[number])
        func.ReturnOp()
    return new


def number_of_steps(function: func.FuncOp, memory: Sequence[SSAValue]) -> SSAValue:
    """What all open sizes of a function's tensors are."""
    arguments = function.body.block.args
    places = [
        (i, a.type.get_shape().index(DYNAMIC_INDEX))
        for i, a in enumerate(arguments)
        if isa(a.type, TensorType) and DYNAMIC_INDEX in a.type.get_shape()
    ]
    if not places:
        types = ", ".join(str(a.type) for a in arguments)
        unsupported(
            function, f"expected an argument with the number of steps, got ({types})"
        )
    i, dim = places[0]
    return memref.DimOp(memory[i], value(dim)).result


@dataclass(frozen=True)
class BufferizePass(ModulePass):
    """Tensors become memrefs; one planned arena holds all but inputs and results."""

    name = "bufferize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [o for o in op.walk() if isinstance(o, func.FuncOp)]:
            if function.body.blocks and has_tensors(function):
                Rewriter.replace_op(function, bufferize_function(function), [])


def has_tensors(function: func.FuncOp) -> bool:
    """Whether any value in the function is a tensor."""
    types = [*function.function_type.inputs, *function.function_type.outputs]
    types += [r.type for o in function.body.walk() for r in o.results]
    return any(isinstance(t, TensorType) for t in types)
