"""br.parallel_call -> a call of `GOMP_parallel`, which every OpenMP runtime offers.

br.parallel_call @f(%a, %x : memref<8xf32>, index) tasks %n threads 2
->
%context = llvm.alloca                        // [%a, %x, %n], [0], [0]
llvm.call @GOMP_parallel(@f_team, %context, 2, 0)

llvm.func internal @f_team(%context: !llvm.ptr) {
  %t = llvm.call @omp_get_thread_num(); %all = llvm.call @omp_get_num_threads()
  for each thread %o, from %t on around to %t - 1
    %begin, %end = %n * %o / %all, %n * (%o + 1) / %all
    while (%first = %begin + atomic add to the counter of %o, %share) < %end
      llvm.call @f(%a, %x, %first, min(%first + %share, %end))
}

Every thread begins with the tasks that it has in every call, which keeps data in its
caches; when another one is late, because its core has other work, too, it helps. Which
thread runs a task changes nothing about the result.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import llvm
from xdsl.dialects.builtin import IntegerAttr, MemRefType, SymbolRefAttr, i8, i32, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.hints import isa

from brdialect.interface import SLOT
from brdialect.llvm_ops import AtomicRMWOp
from brdialect.machine_ops import ParallelCallOp
from passes.llvm.emitter import Emitter
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
    threads = op.threads.value.data
    counters = counters_at(len(values) + 1)
    context = context_of(low, counters + threads * LINE)
    for i, v in enumerate((*values, low.value(op.tasks))):
        slot = low.step(i8, context, i * SLOT)
        low.emit(llvm.StoreOp, (v, slot), (), _ACCESS)
    for t in range(threads):
        slot = low.step(i8, context, counters + t * LINE)
        low.emit(llvm.StoreOp, (low.int64(0), slot), (), _ACCESS)
    team = f"{callee}_team"
    low.library_call(
        "GOMP_parallel",
        (
            low.compute(
                llvm.AddressOfOp, (), POINTER, {"global_name": SymbolRefAttr(team)}
            ),
            context,
            low.constant(IntegerAttr(threads, i32), i32),
            low.constant(IntegerAttr(0, i32), i32),
        ),
        None,
    )
    low.extra_functions[team] = team_function(
        low, team, callee, [v.type for v in values]
    )


LINE = 64
"""Bytes of a cache line, at least."""

SHARES = 16
"""A thread takes about this part of its range at a time: what it has not begun when
others are through is theirs."""

_ACCESS: dict[str, Attribute] = {
    "alignment": IntegerAttr(SLOT, i64),
    "ordering": IntegerAttr(0, i64),
}
_ADD: dict[str, Attribute] = {
    "bin_op": IntegerAttr(AtomicRMWOp.ADD, i64),
    "ordering": IntegerAttr(AtomicRMWOp.MONOTONIC, i64),
}


def counters_at(slots: int) -> int:
    """Where the counters start behind so many arguments: each has a cache line of its
    own, so that no thread waits for another one's."""
    return -(-slots * SLOT // LINE) * LINE


def context_of(low: FunctionLowering, size: int) -> SSAValue:
    """Bytes on the stack, made once at the function's entry."""
    new = llvm.AllocaOp.create(
        operands=(low.int64(size),),
        result_types=(POINTER,),
        properties={"elem_type": i8, "alignment": IntegerAttr(LINE, i64)},
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
    """What each thread runs: its own range of the tasks, then what is left of the
    others' ranges, a share at a time."""
    region = Region([Block(arg_types=[POINTER])])
    low = FunctionLowering(region.block)
    low.location = caller.location
    (context,) = region.block.args
    *arguments, tasks = from_slots(low, context, (*types, i64))
    thread, threads = (
        low.compute(llvm.SExtOp, (low.library_call(function, (), i32).results[0],), i64)
        for function in ("omp_get_thread_num", "omp_get_num_threads")
    )
    counters = low.step(i8, context, counters_at(len(types) + 1))
    e = Emitter(low, i64)
    owner, take, run, next_, done = (Block() for _ in range(5))
    turn = owner.insert_arg(i64, 0)
    for block in (owner, take, run, next_, done):
        region.add_block(block)
    low.jump(owner, low.int64(0))

    low.start_block(owner)
    member = e.binary(llvm.URemOp, low.int64(low.add(thread, turn)), threads)
    begin, end = (
        e.binary(llvm.UDivOp, low.int64(low.mul(tasks, m)), threads)
        for m in (member, low.int64(low.add(member, 1)))
    )
    mine = e.binary(llvm.SubOp, end, begin)
    share = low.int64(low.add(e.binary(llvm.UDivOp, mine, low.int64(SHARES)), 1))
    counter = low.step(i8, counters, low.mul(member, LINE))
    low.jump(take)

    low.start_block(take)
    taken = low.compute(AtomicRMWOp, (counter, share), i64, _ADD)
    first = low.int64(low.add(begin, taken))
    low.branch(e.compare("ult", first, end), run, next_)

    low.start_block(run)
    beyond = low.int64(low.add(first, share))
    last = low.intrinsic("llvm.umin", (beyond, end), i64).results[0]
    low.library_call(callee, (*arguments, first, last), None)
    low.jump(take)

    low.start_block(next_)
    later = low.int64(low.add(turn, 1))
    low.branch(e.compare("ult", later, threads), owner, done, later)

    low.start_block(done)
    low.emit(llvm.ReturnOp, ())
    low.finish()
    caller.needed_functions.update(low.needed_functions)
    return llvm.FuncOp(
        name,
        llvm.LLVMFunctionType([POINTER]),
        llvm.LinkageAttr("internal"),
        body=region,
    )


HANDLERS: dict[str, Handler] = {ParallelCallOp.name: parallel_call}
