"""`time-nests`: the entry reads the clock between its nests.

    func.func @main(%x: .., %y: .. {br.result}, %arena: .. {br.arena}) {
      call @br_contract_0(%x, ..)
      call @br_generic_1(.., %y)
    ->
    func.func @main(%x: .., %y: .. {br.result}, %clock: memref<3xi64> {br.clock},
                    %arena: .. {br.arena}) {
      memref.store ticks, %clock[0]
      call @br_contract_0(%x, ..)
      memref.store ticks, %clock[1]
      call @br_generic_1(.., %y)
      memref.store ticks, %clock[2]

This is no part of `lower-to-cpu`: only a build whose times are to be looked at has it.
A tick is what the processor's time stamp counter counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    MemRefType,
    ModuleOp,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.interface import Nest
from brdialect.locations import node_of, place, sources
from passes.memory.buffers import ARENA
from passes.program.flops import flops_of
from passes.shared.build import value

CLOCK = "br.clock"
"""Marks the argument to which the entry writes what it reads off the clock."""

COUNTER = "llvm.readcyclecounter"
"""The intrinsic that reads the time stamp counter. Nothing that touches memory is moved
across it."""


def takes_time(op: Operation) -> bool:
    """Whether an op of the function's own block is more than a few instructions: a
    call, a loop, a copy."""
    return isinstance(op, func.CallOp | memref.CopyOp) or bool(op.regions)


def nest_of(op: Operation, functions: dict[str, func.FuncOp]) -> Nest:
    """Where an op comes from, and its floating-point operations."""
    work = op
    if isinstance(op, func.CallOp):
        work = functions.get(op.callee.string_value(), op)
    nodes = [node_of(s) or (place(s), "") for s in sources(op.location)]
    return Nest(nodes, flops_of(work))


def time_function(
    function: func.FuncOp, functions: dict[str, func.FuncOp]
) -> list[Nest]:
    """Makes a function read the clock; the nests between the readings."""
    if len(function.body.blocks) != 1:
        unsupported(
            function, "expected one block to profile, got branches between blocks"
        )
    block = function.body.block
    nests = [op for op in block.ops if takes_time(op)]
    type_ = MemRefType(i64, [len(nests) + 1])
    attributes = _argument_attributes(function)
    at = next((i for i, a in enumerate(attributes) if ARENA in a.data), len(attributes))
    clock = block.insert_arg(type_, at)
    attributes.insert(at, DictionaryAttr({CLOCK: UnitAttr()}))
    inputs: list[Attribute] = [a.type for a in block.args]
    outputs = list(function.function_type.outputs)
    function.function_type = FunctionType.from_lists(inputs, outputs)
    function.arg_attrs = ArrayAttr(attributes)

    first = block.first_op
    assert first is not None
    _read_clock(InsertPoint.before(nests[0] if nests else first), clock, 0)
    for i, op in enumerate(nests, 1):
        _read_clock(InsertPoint.after(op), clock, i)
    return [nest_of(op, functions) for op in nests]


def _argument_attributes(function: func.FuncOp) -> list[DictionaryAttr]:
    given: Sequence[DictionaryAttr] = (
        function.arg_attrs.data if function.arg_attrs else ()
    )
    missing = len(function.body.block.args) - len(given)
    return [*given, *[DictionaryAttr({})] * missing]


def _read_clock(at: InsertPoint, clock: SSAValue, index: int) -> None:
    with ImplicitBuilder(Builder(at)):
        ticks = func.CallOp(COUNTER, (), (i64,)).res[0]
        memref.StoreOp.get(ticks, clock, [value(index)])


def declare_counter(module: ModuleOp) -> None:
    """The intrinsic, where the module can call it."""
    counter = func.FuncOp(COUNTER, ((), (i64,)), Region(), visibility="private")
    module.body.block.add_op(counter)


def functions_of(module: ModuleOp) -> dict[str, func.FuncOp]:
    """The functions of a module by name."""
    return {o.sym_name.data: o for o in module.ops if isinstance(o, func.FuncOp)}


@dataclass(frozen=True)
class TimeNestsPass(ModulePass):
    """A function, by default @main, reads the clock between its nests."""

    name = "time-nests"

    entry: str = "main"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        time_entry(op, self.entry)


def time_entry(module: ModuleOp, entry: str) -> list[Nest]:
    """Makes the entry of a module read the clock; the nests between the readings."""
    functions = functions_of(module)
    if entry not in functions:
        names = ", ".join(f"@{name}" for name in functions)
        unsupported(module, f"expected a function @{entry}, got {names or 'none'}")
    nests = time_function(functions[entry], functions)
    declare_counter(module)
    return nests
