"""`hoist-load-time`: what does not change from call to call is computed once.

    func.func @main(%x: tensor<..>, %w: tensor<..> {br.bound = 1}) {
      %p = panels of %w
      %y = br.contract ins(%x, %p) ...
    ->
    func.func @main_load(%w: tensor<..> {br.bound = 1}) -> tensor<..> { panels of %w }

    func.func @main(%x: tensor<..>, %p: tensor<..> {br.packed}) {
      %y = br.contract ins(%x, %p) ...

Everything that depends on constants and bound arguments alone moves: packing of
weights, folding of a batch-norm, transposes. The loader calls `@main_load` when the
model is loaded and keeps the results. Constants become its arguments too,
`{br.constant = ...}`, so their data never passes through LLVM.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    ModuleOp,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from passes.shared.build import clone_op
from passes.shared.load_time import (
    CONSTANT,
    is_bound,
    is_cheap,
    is_load_time,
    is_splat,
    is_tensor,
    used_by,
)

PACKED = "br.packed"
"""Marks the arguments that the load function computed."""

SUFFIX = "_load"


def needed_values(function: func.FuncOp, known: dict[SSAValue, bool]) -> list[SSAValue]:
    """The load-time tensors that the rest of the function reads."""
    found: dict[SSAValue, None] = {}
    for op in function.body.block.ops:
        if not moves(op, known):
            read = [v for v in used_by(op) if is_tensor(v)]
            kept = [v for v in read if is_load_time(v, known) and not is_cheap(v)]
            found |= dict.fromkeys(kept)
    return list(found)


def moves(op: Operation, known: dict[SSAValue, bool]) -> bool:
    """Whether a top-level op moves to the load function."""
    tensors = [r for r in op.results if is_tensor(r)]
    return all(is_load_time(r, known) for r in tensors) and not all(
        is_cheap(r) for r in tensors
    )


def closure(values: list[SSAValue]) -> set[Operation]:
    """The ops that compute the values."""
    ops: set[Operation] = set()
    stack = list(values)
    while stack:
        owner = stack.pop().owner
        if isinstance(owner, Operation) and owner not in ops:
            ops.add(owner)
            stack += used_by(owner)
    return ops


def load_function(function: func.FuncOp, needed: list[SSAValue]) -> func.FuncOp:
    """`@main_load`: bound arguments and constants -> the needed values."""
    ops = closure(needed)
    block = Block()
    known: dict[SSAValue, SSAValue] = {}
    attributes: list[DictionaryAttr] = []

    def argument(old: SSAValue, attribute: DictionaryAttr) -> None:
        known[old] = block.insert_arg(old.type, len(block.args))
        attributes.append(attribute)

    for arg in function.body.block.args:
        if is_bound(arg):
            assert function.arg_attrs is not None
            argument(arg, function.arg_attrs.data[arg.index])
    for op in function.body.block.ops:
        if op in ops and isinstance(op, arith.ConstantOp) and is_data(op):
            argument(op.result, DictionaryAttr({CONSTANT: op.value}))
    with ImplicitBuilder(block):
        for op in function.body.block.ops:
            if op in ops and not all(r in known for r in op.results):
                clone_op(op, known)
        func.ReturnOp(*(known[v] for v in needed))
    types = [a.type for a in block.args], [v.type for v in needed]
    return func.FuncOp(
        function.sym_name.data + SUFFIX,
        types,
        Region(block),
        arg_attrs=ArrayAttr(attributes),
    )


def is_data(op: arith.ConstantOp) -> bool:
    """Whether the constant is a tensor of more than one number."""
    return is_tensor(op.result) and not is_splat(op)


def hoist(function: func.FuncOp) -> func.FuncOp | None:
    """Splits one function; returns its load function if there is something to load."""
    known: dict[SSAValue, bool] = {}
    block = function.body.block
    needed = needed_values(function, known)
    load = load_function(function, needed) if needed else None
    for v in needed:
        new = block.insert_arg(v.type, len(block.args))
        v.replace_uses_with_if(
            new, lambda use: not moves(top_level(use.operation), known)
        )
    for op in reversed(list(block.ops)):
        unused = op.results and not any(r.uses for r in op.results)
        if unused and all(is_load_time(r, known) for r in op.results):
            op.detach()
            op.erase()
    finish(function, len(needed))
    return load


def top_level(op: Operation) -> Operation:
    """The op of the function's own block that holds `op`."""
    while (parent := op.parent_op()) is not None and not isinstance(
        parent, func.FuncOp
    ):
        op = parent
    return op


def finish(function: func.FuncOp, packed: int) -> None:
    """Drops the bound arguments and brings the function's type up to date."""
    block = function.body.block
    count = len(block.args) - packed
    attributes = list(function.arg_attrs.data) if function.arg_attrs else []
    attributes += [DictionaryAttr({})] * (count - len(attributes))
    attributes += [DictionaryAttr({PACKED: UnitAttr()})] * packed
    bound: list[BlockArgument] = [a for a in block.args[:count] if is_bound(a)]
    keep = [a for i, a in enumerate(attributes) if block.args[i] not in bound]
    for arg in bound:
        block.erase_arg(arg)
    inputs: list[Attribute] = [a.type for a in block.args]
    function.function_type = FunctionType.from_lists(
        inputs, list(function.function_type.outputs)
    )
    function.arg_attrs = ArrayAttr(keep)


@dataclass(frozen=True)
class HoistLoadTimePass(ModulePass):
    """Work on constants and bound arguments moves to a function that runs once."""

    name = "hoist-load-time"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [o for o in op.ops if isinstance(o, func.FuncOp)]:
            if len(function.body.blocks) == 1:
                load = hoist(function)
                if load is not None:
                    op.body.block.insert_op_before(load, function)
