"""`convert-to-llvm`: func, cf, arith, math, memref and vector -> the llvm dialect.

    func.func @f(%m: memref<4x8xf32>, %i: index) -> f32 {
      %0 = memref.load %m[%i, %i] : memref<4x8xf32>
      return %0 : f32
    }
    ->
    llvm.func @f(%m: !llvm.ptr, %i: i64) -> f32 {
      %0 = llvm.mul %i, 8
      %1 = llvm.add %0, %i
      %2 = llvm.getelementptr inbounds %m[%1]
      %3 = llvm.load %2 {alignment = 4}
      llvm.return %3
    }

An index is an i64. A memref argument is its pointer, already advanced by its offset,
then an i64 for each dynamic size, then one for each dynamic stride (see `passes.llvm`).
Structured control flow has to be gone: `lower-scf-to-cf` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func, llvm, memref
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Block, Operation, Region
from xdsl.passes import ModulePass

from brdialect.errors import unsupported
from passes.llvm import (
    arithmetic,
    casts,
    functions,
    gpu,
    memory,
    parallel,
    tensor_copy,
    vectors,
    views,
    warpgroup,
)
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.types import convert_type

HANDLERS: dict[str, Handler] = {
    **arithmetic.HANDLERS,
    **casts.HANDLERS,
    **functions.HANDLERS,
    **gpu.HANDLERS,
    **memory.HANDLERS,
    **parallel.HANDLERS,
    **vectors.HANDLERS,
    **views.HANDLERS,
    **tensor_copy.HANDLERS,
    **warpgroup.HANDLERS,
}

# Which pass removes the operations of a dialect that has no business here
_CURES = {
    "linalg": "run bufferize, convert-linalg-to-br, convert-linalg-to-vector first",
    "tensor": "run bufferize first",
    "br": "run convert-linalg-to-br, then convert-br-to-vector first",
    "scf": "run lower-scf-to-cf first, and outline-parallel before it",
    "math": "run expand-math first",
    "affine": "run lower-affine first",
}


def no_handler(op: Operation) -> None:
    """Stops at an operation that cannot be lowered, and says what to do."""
    dialect = op.name.partition(".")[0]
    cure = _CURES.get(dialect, "lower-to-cpu runs all passes in their order")
    unsupported(
        op,
        "convert-to-llvm: expected an operation of func, cf, arith, memref, vector or "
        f"llvm that has a lowering, got '{op.name}'; {cure}",
    )


def reachable(region: Region) -> list[Block]:
    """The blocks that can run, each after all that dominate it (reverse post-order)."""
    order: list[Block] = []
    seen = {region.blocks[0]}
    stack = [(region.blocks[0], iter(_successors(region.blocks[0])))]
    while stack:
        block, rest = stack[-1]
        following = next(rest, None)
        if following is None:
            order.append(block)
            stack.pop()
        elif following not in seen:
            seen.add(following)
            stack.append((following, iter(_successors(following))))
    return order[::-1]


def _successors(block: Block) -> tuple[Block, ...]:
    last = block.last_op
    return tuple(reversed(last.successors)) if last is not None else ()


def lower_body(
    function: func.FuncOp,
    needed: dict[str, llvm.LLVMFunctionType],
    extra: dict[str, llvm.FuncOp],
    variables: dict[str, Callable[[], llvm.GlobalOp]],
) -> Region:
    """The new body of a function; adds the library functions it calls to `needed`, and
    those made on the way to `extra`, variables that it needs to `variables`."""
    if not function.body.blocks:
        return Region()
    blocks = reachable(function.body)
    region = Region([Block() for _ in blocks])
    low = FunctionLowering(region.blocks[0])
    low.blocks = dict(zip(blocks, region.blocks, strict=True))
    functions.enter(low, function)
    for old in blocks[1:]:
        new = low.blocks[old]
        for arg in old.args:
            if isinstance(arg.type, MemRefType):
                low.location = function.location
                unsupported(
                    function,
                    "convert-to-llvm: expected no memref as a block argument, "
                    f"got {arg.type}; carry an index and take a subview of it",
                )
            low.values[arg] = new.insert_arg(
                convert_type(arg.type, function), arg.index
            )
    for old in blocks:
        low.start_block(low.blocks[old])
        for op in old.ops:
            lower_op(low, op)
    low.finish()
    needed.update(low.needed_functions)
    extra.update(low.extra_functions)
    variables.update(low.extra_globals)
    return region


def lower_op(low: FunctionLowering, op: Operation) -> None:
    """Emits what becomes of one operation."""
    low.location = op.location
    if (handler := HANDLERS.get(op.name)) is not None:
        handler(low, op)
    elif op.name.startswith("llvm.") and not op.regions:
        new = low.emit(
            type(op),
            low.operands(op),
            op.result_types,
            op.properties,
            [low.blocks[block] for block in op.successors],
        )
        new.attributes.update(op.attributes)
        low.replace(op, *new.results)
    else:
        no_handler(op)


def lower_module(module: ModuleOp) -> None:
    """Replaces all functions and globals."""
    needed: dict[str, llvm.LLVMFunctionType] = {}
    extra: dict[str, llvm.FuncOp] = {}
    variables: dict[str, Callable[[], llvm.GlobalOp]] = {}
    for op in list(module.body.ops):
        if isinstance(op, func.FuncOp):
            new = functions.llvm_function(op, lower_body(op, needed, extra, variables))
        elif isinstance(op, memref.GlobalOp):
            new = memory.global_op(op)
        elif isinstance(op, (llvm.FuncOp, llvm.GlobalOp)):
            continue
        else:
            no_handler(op)
            continue
        module.body.block.insert_op_before(new, op)
        op.detach()
        op.erase(safe_erase=False)
    module.body.block.add_ops([make() for make in variables.values()])
    module.body.block.add_ops(extra.values())
    declared = {
        op.sym_name.data for op in module.body.ops if isinstance(op, llvm.FuncOp)
    }
    for name in sorted(needed.keys() - declared):
        external = llvm.LinkageAttr("external")
        module.body.block.add_op(llvm.FuncOp(name, needed[name], external))


@dataclass(frozen=True)
class ConvertToLlvmPass(ModulePass):
    """Lowers everything that a CPU program holds to the llvm dialect."""

    name = "convert-to-llvm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        lower_module(op)
