"""br.parallel_call -> a call of `GOMP_parallel`, which every OpenMP runtime offers.

br.parallel_call @f(%a, %x : memref<8xf32>, index) tasks %n threads 2
->
%context = llvm.alloca                        // [%a, %x, %n]
llvm.call @GOMP_parallel(@f_team, %context, 2, 0)

llvm.func internal @f_team(%context: !llvm.ptr) {
  %t = llvm.call @omp_get_thread_num(); %all = llvm.call @omp_get_num_threads()
  llvm.call @f(%a, %x, %n * %t / %all, %n * (%t + 1) / %all)
}
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import llvm
from xdsl.dialects.builtin import IntegerAttr, MemRefType, SymbolRefAttr, i8, i32, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.hints import isa

from brdialect.interface import SLOT
from brdialect.machine_ops import ParallelCallOp
from passes.llvm.functions import lowered_memref
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.types import POINTER


def parallel_call(low: FunctionLowering, op: Operation) -> None:
    """Stores the arguments in a context on the stack and wakes the team."""
    assert isinstance(op, ParallelCallOp)
    values: list[SSAValue] = []
    for old in op.args:
        if isa(t := old.type, MemRefType):
            values += lowered_memref(low, low.view(old, op), t)
        else:
            values.append(low.value(old))
    callee = op.callee.string_value()
    context = context_of(low, len(values) + 1)
    for i, v in enumerate((*values, low.value(op.tasks))):
        slot = low.step(i8, context, i * SLOT)
        low.emit(llvm.StoreOp, (v, slot), (), _ACCESS)
    team = f"{callee}_team"
    low.library_call(
        "GOMP_parallel",
        (
            low.compute(
                llvm.AddressOfOp, (), POINTER, {"global_name": SymbolRefAttr(team)}
            ),
            context,
            low.constant(IntegerAttr(op.threads.value.data, i32), i32),
            low.constant(IntegerAttr(0, i32), i32),
        ),
        None,
    )
    low.extra_functions[team] = team_function(
        low, team, callee, [v.type for v in values]
    )


_ACCESS: dict[str, Attribute] = {
    "alignment": IntegerAttr(SLOT, i64),
    "ordering": IntegerAttr(0, i64),
}


def context_of(low: FunctionLowering, slots: int) -> SSAValue:
    """Room for the arguments on the stack, made once at the function's entry."""
    new = llvm.AllocaOp.create(
        operands=(low.int64(slots * SLOT),),
        result_types=(POINTER,),
        properties={"elem_type": i8, "alignment": IntegerAttr(SLOT, i64)},
    )
    low.at_entry(new)
    return new.results[0]


def from_slots(
    low: FunctionLowering, memory: SSAValue, types: Sequence[Attribute]
) -> list[SSAValue]:
    """The values that stand side by side in memory."""
    return [
        low.compute(llvm.LoadOp, (low.step(i8, memory, i * SLOT),), type_, _ACCESS)
        for i, type_ in enumerate(types)
    ]


def team_function(
    caller: FunctionLowering, name: str, callee: str, types: Sequence[Attribute]
) -> llvm.FuncOp:
    """What each thread runs: its range of the tasks."""
    block = Block(arg_types=[POINTER])
    low = FunctionLowering(block)
    low.location = caller.location
    (context,) = block.args

    *arguments, tasks = from_slots(low, context, (*types, i64))
    thread = low.library_call("omp_get_thread_num", (), i32).results[0]
    threads = low.library_call("omp_get_num_threads", (), i32).results[0]
    mine = low.compute(llvm.SExtOp, (thread,), i64)
    all_ = low.compute(llvm.SExtOp, (threads,), i64)

    def edge(t: SSAValue) -> SSAValue:
        scaled = low.int64(low.mul(tasks, t))
        return low.compute(llvm.UDivOp, (scaled, all_), i64)

    bounds = [edge(mine), edge(low.int64(low.add(mine, 1)))]
    low.library_call(callee, (*arguments, *bounds), None)
    low.emit(llvm.ReturnOp, ())
    low.finish()
    caller.needed_functions.update(low.needed_functions)
    return llvm.FuncOp(
        name,
        llvm.LLVMFunctionType([POINTER]),
        llvm.LinkageAttr("internal"),
        body=Region(block),
    )


HANDLERS: dict[str, Handler] = {ParallelCallOp.name: parallel_call}
