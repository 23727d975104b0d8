"""`outline-parallel`: parallel loops become functions that the thread team runs.

    scf.parallel (%i, %j) = (0, 0) to (4, 64) step (1, 16) { body(%i, %j, %a, %b) }
    ->
    br.parallel_call @main_parallel_0(%a, %b) tasks 16 threads 2

    func.func private @main_parallel_0(%a, %b, %begin: index, %end: index) {
      scf.for %t = %begin to %end { body(%t / 4, (%t mod 4) * 16, %a, %b) }
    }

Each thread runs one contiguous range of the tasks, the same ones in every call, so data
stays in its caches and results do not depend on timing. On a target of one thread, and
inside another parallel loop, the loops run in place, one inside the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import IndexType, ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.machine_ops import ParallelCallOp
from brdialect.target import target_of
from passes.shared.build import (
    Index,
    add,
    ceil_divide,
    clone_op,
    divide,
    for_loop,
    known_index,
    mul,
    remainder,
    value,
)
from passes.shared.load_time import captured

Known = dict[SSAValue, SSAValue]


def index_of(v: SSAValue, known: Known) -> Index:
    """A bound of a loop: its number, or the value that stands for it."""
    number = known_index(v)
    return known.get(v, v) if number is None else number


def trips(loop: scf.ParallelOp, known: Known) -> list[Index]:
    """How often each dimension of the loop runs."""
    result: list[Index] = []
    for bounds in zip(loop.lowerBound, loop.upperBound, loop.step, strict=True):
        low, high, step = (index_of(v, known) for v in bounds)
        if isinstance(step, int) and step < 1:
            unsupported(loop, f"expected steps of at least 1, got {step}")
        if isinstance(low, int) and isinstance(high, int):
            result.append(ceil_divide(max(0, high - low), step))
        else:
            span = arith.SubiOp(value(high), value(low)).result if low != 0 else high
            # two negative counts would make a positive number of tasks
            positive = arith.MaxSIOp(value(span), value(0)).result
            result.append(ceil_divide(positive, step))
    return result


def emit_trip(loop: scf.ParallelOp, ordinals: Sequence[Index], known: Known) -> None:
    """Clones the loop's body for the trip with these ordinals."""
    mapping = dict(known)
    bounds = zip(
        loop.body.block.args, loop.lowerBound, loop.step, ordinals, strict=True
    )
    for iv, low, step, ordinal in bounds:
        moved = mul(ordinal, index_of(step, known))
        mapping[iv] = value(add(index_of(low, known), moved))
    *ops, _ = loop.body.block.ops
    for op in ops:
        clone_op(op, mapping)


def run_in_place(loop: scf.ParallelOp) -> None:
    """Nested `scf.for`, the last dimension inside."""
    counts = trips(loop, {})

    def nest(*ordinals: Index) -> Sequence[SSAValue]:
        def body(iv: Index) -> Sequence[SSAValue]:
            return nest(*ordinals, iv)

        if len(ordinals) == len(counts):
            emit_trip(loop, ordinals, {})
        else:
            for_loop(0, counts[len(ordinals)], 1, body)
        return ()

    nest()


def outline(loop: scf.ParallelOp, name: str, threads: int) -> func.FuncOp:
    """Emits the call before the loop and returns the function it runs."""
    used = captured(loop)
    used += [v for v in loop.operands if v not in used]
    passed = [v for v in used if not is_constant(v)]
    with ImplicitBuilder(Builder(InsertPoint.before(loop))):
        tasks: Index = 1
        for count in trips(loop, {}):
            tasks = mul(tasks, count)
        ParallelCallOp(name, passed, value(tasks), threads)

    types = [v.type for v in passed] + [IndexType(), IndexType()]
    block = Block(arg_types=types)
    *copies, begin, end = block.args
    known: Known = dict(zip(passed, copies, strict=True))
    with ImplicitBuilder(block):
        for v in used:
            if is_constant(v):
                assert isinstance(v.owner, Operation)
                known[v] = v.owner.clone().results[0]
        counts = trips(loop, known)

        def task(t: Index) -> Sequence[SSAValue]:
            ordinals: list[Index] = []
            for count in reversed(counts[1:]):
                ordinals.insert(0, remainder(t, count))
                t = divide(t, count)
            emit_trip(loop, [t, *ordinals], known)
            return ()

        for_loop(begin, end, 1, task)
        func.ReturnOp()
    return func.FuncOp(name, (types, ()), Region(block), visibility="private")


def is_constant(v: SSAValue) -> bool:
    """Whether the function can make the value itself."""
    return isinstance(v.owner, arith.ConstantOp)


def innermost_first(module: ModuleOp) -> list[scf.ParallelOp]:
    """The parallel loops, each after those inside it."""
    walk = module.walk(reverse=True, region_first=True)
    return [o for o in walk if isinstance(o, scf.ParallelOp)]


@dataclass(frozen=True)
class OutlineParallelPass(ModulePass):
    """`scf.parallel` becomes a call of the thread team; plain loops on one thread."""

    name = "outline-parallel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        threads = target_of(op).threads
        functions: list[func.FuncOp] = []
        for loop in innermost_first(op):
            if loop.initVals:
                unsupported(loop, "expected no reduction in a parallel loop")
            function = enclosing(loop)
            nested = has_parallel_parent(loop)
            if threads == 1 or nested or function is None:
                with ImplicitBuilder(Builder(InsertPoint.before(loop))):
                    run_in_place(loop)
            else:
                name = f"{function.sym_name.data}_parallel_{len(functions)}"
                functions.append(outline(loop, name, threads))
            loop.detach()
            loop.erase(safe_erase=False)
        op.body.block.add_ops(functions)


def enclosing(op: Operation) -> func.FuncOp | None:
    """The function an op is in."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, func.FuncOp):
        parent = parent.parent_op()
    return parent


def has_parallel_parent(op: Operation) -> bool:
    """Whether the op is inside a parallel loop."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, scf.ParallelOp):
        parent = parent.parent_op()
    return parent is not None
