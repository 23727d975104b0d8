"""`outline-nests`: each distinct op on memory becomes one function.

    br.contract ins(%x, %w) outs(%y) ...       // the same shapes and schedule twice
    br.contract ins(%y, %v) outs(%z) ...
    ->
    func.call @br_contract_0(%x, %w, %y)
    func.call @br_contract_0(%y, %v, %z)

    func.func private @br_contract_0(%0: memref<..>, %1: memref<..>, %2: memref<..>) {
      br.contract ins(%0, %1) outs(%2) ...

On a CPU, a view passes on where it begins; the function need not know (its type has
offset 0):

    br.contract ins(%x, ..)        // memref<8x8xf32, strided<[16, 1], offset: 32>>
    ->
    func.call @br_contract_0(%r, ..)            // memref<8x8xf32, strided<[16, 1]>>

The layers of a network repeat: ResNet-50 has 53 convolutions of 20 kinds. Everything
after this pass, LLVM included, sees each kind once, and functions that stay small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import MemRefType, ModuleOp, UnrealizedConversionCastOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.llvm import LLVMPointerType
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.target import target_of
from passes.memory.buffers import CONTROL
from passes.shared.build import LocatedBuilder, body_key, clone_op, strided_type
from passes.shared.load_time import used_by

KINDS: dict[type[Operation], str] = {
    ContractOp: "contract",
    RecurrenceOp: "recurrence",
    RecurrenceBackwardOp: "recurrence_backward",
    linalg.GenericOp: "generic",
    linalg.FillOp: "fill",
    scf.ParallelOp: "shared",
}


def inputs_of(op: Operation) -> list[SSAValue]:
    """What the function takes: operands and captured values, but for constants."""
    values = dict.fromkeys(used_by(op))
    return [v for v in values if not isinstance(v.owner, arith.ConstantOp)]


def constants_of(op: Operation) -> list[arith.ConstantOp]:
    """The constants that the function makes for itself."""
    values = dict.fromkeys(used_by(op))
    return [v.owner for v in values if isinstance(v.owner, arith.ConstantOp)]


def key_of(op: Operation, inputs: Sequence[SSAValue]) -> str:
    """Equal for ops that one function serves."""
    names: dict[SSAValue, str] = {v: f"in{i}" for i, v in enumerate(inputs)}
    for constant in constants_of(op):
        names[constant.result] = str(constant.value)
    operands = [names[v] for v in op.operands]
    types = [str(v.type) for v in inputs]
    bodies = [body_key(r.block, names) for r in op.regions if r.blocks]
    return f"{op.name} {operands} {types} {op.properties} {op.attributes} {bodies}"


def pass_on_offsets(op: Operation) -> None:
    """Lets an op take views as if they began where they do; in a loop that threads
    share, all ops inside."""
    if isinstance(op, scf.ParallelOp):
        for inner in ops_of(op.body.block):
            if type(inner) in KINDS:
                pass_on_offsets(inner)
        return
    for i, value in enumerate(op.operands):
        if not isa(type_ := value.type, MemRefType) or type_.get_offset() == 0:
            continue
        strides = type_.get_strides()
        if strides is None or None in strides:
            continue
        shape = type_.get_shape()
        moved = strided_type(type_.element_type, shape, strides, 0)
        with ImplicitBuilder(LocatedBuilder(InsertPoint.before(op), op.location)):
            start = UnrealizedConversionCastOp.get([value], [LLVMPointerType()])
            view = UnrealizedConversionCastOp.get(start.results, [moved])
        op.operands[i] = view.results[0]


def check_offsets(op: Operation) -> None:
    """Refuses views of which a loop says where they begin, and loops for threads."""
    if isinstance(op, scf.ParallelOp):
        unsupported(
            op,
            "expected no loop whose trips threads share (br.parallel), because the "
            "target is a GPU; compile it for a CPU",
        )
    for value in op.operands:
        if isa(type_ := value.type, MemRefType) and type_.get_offset() is None:
            unsupported(
                op,
                "expected parts of arrays that begin at a known place, because the "
                f"target is a GPU, got {type_}; compile the loop for a CPU",
            )


def make_function(op: Operation, inputs: Sequence[SSAValue], name: str) -> func.FuncOp:
    """A private function that does what `op` does."""
    types = [v.type for v in inputs]
    block = Block(arg_types=types)
    known: dict[SSAValue, SSAValue] = dict(zip(inputs, block.args, strict=True))
    with ImplicitBuilder(block):
        for constant in constants_of(op):
            clone_op(constant, known)
        clone_op(op, known)
        func.ReturnOp()
    function = func.FuncOp(name, (types, ()), Region(block), visibility="private")
    function.location = op.location
    return function


def ops_of(block: Block) -> Iterator[Operation]:
    """The ops of a block, and of the regions of its loops and branches."""
    for op in block.ops:
        yield op
        if isinstance(op, CONTROL):
            for region in op.regions:
                for inner in region.blocks:
                    yield from ops_of(inner)


def nests_in(module: ModuleOp) -> list[Operation]:
    """The ops on memrefs that stand in a function's own blocks, and in its loops and
    branches."""
    functions = [o for o in module.ops if isinstance(o, func.FuncOp)]
    return [
        op
        for function in functions
        for block in function.body.blocks
        for op in ops_of(block)
        if type(op) in KINDS
        and not op.results
        and any(isinstance(v.type, MemRefType) for v in used_by(op))
    ]


@dataclass(frozen=True)
class OutlineNestsPass(ModulePass):
    """One function for each distinct contraction or linalg op on memrefs."""

    name = "outline-nests"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions: dict[str, func.FuncOp] = {}
        # a kernel of a GPU reads off the offset how its arrays are aligned
        apart = target_of(op).is_gpu
        for nest in nests_in(op):
            if apart:
                check_offsets(nest)
            else:
                pass_on_offsets(nest)
            inputs = inputs_of(nest)
            key = key_of(nest, inputs)
            if key not in functions:
                name = f"br_{KINDS[type(nest)]}_{len(functions)}"
                functions[key] = make_function(nest, inputs, name)
            call = func.CallOp(functions[key].sym_name.data, inputs, ())
            call.location = nest.location
            Rewriter.insert_op(call, InsertPoint.before(nest))
            nest.detach()
            nest.erase(safe_erase=False)
        op.body.block.add_ops(functions.values())
