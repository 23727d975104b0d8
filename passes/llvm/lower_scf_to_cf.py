"""`lower-scf-to-cf`: loops and branches with bodies -> blocks and jumps.

    %r = scf.for %i = %lb to %ub step %s iter_args(%x = %a) { ... scf.yield %y }
    ->
      cf.br ^head(%lb, %a)
    ^head(%i, %r):
      %more = arith.cmpi slt, %i, %ub
      cf.cond_br %more, ^body, ^after
    ^body:                          // %x is %r
      ...
      %next = arith.addi %i, %s overflow<nsw>
      cf.br ^head(%next, %y)        // with the mark `br.unroll`, if the loop has it
    ^after:

xDSL's `convert-scf-to-cf` leaves scf.while and scf.parallel standing without a word,
keeps 32 bits of the index of scf.index_switch, and says nothing about overflow, without
which LLVM cannot count the trips of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, cf, scf
from xdsl.dialects.builtin import (
    DenseIntElementsAttr,
    IntegerAttr,
    ModuleOp,
    VectorType,
    i64,
)
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from passes.shared.build import UNROLL

_NO_OVERFLOW = arith.IntegerOverflowAttr([arith.IntegerOverflowFlag.NSW])


def split_at(op: Operation) -> tuple[Block, Block]:
    """The block that ends before `op`, and a new one that goes on after it.

    The arguments of the new one stand for the results. `op` is left without a block.
    """
    before = op.parent
    assert before is not None and before.parent is not None
    after = before.split_before(op)
    op.detach()
    for number, old in enumerate(op.results):
        old.replace_all_uses_with(after.insert_arg(old.type, number))
    return before, after


def jump(at_end_of: Block, op: Operation, jump_: Operation) -> None:
    """Appends a terminator that comes from `op`."""
    jump_.location = op.location
    at_end_of.add_op(jump_)


def replace_yield(block: Block, target: Block, *first: SSAValue) -> cf.BranchOp:
    """Turns the terminator of `block` into a jump to `target` with its operands."""
    yielded = block.last_op
    assert yielded is not None
    operands = tuple(yielded.operands)
    yielded.detach()
    yielded.erase()
    block.add_op(branch := cf.BranchOp(target, *first, *operands))
    return branch


def inline(region: Region, before: Block) -> tuple[Block, Block]:
    """Moves the blocks of `region` in front of a block; its first and last block."""
    first, last = region.blocks[0], region.blocks[-1]
    region.move_blocks_before(before)
    return first, last


def take_arguments(block: Block, values: Sequence[SSAValue]) -> None:
    """Replaces the arguments of `block` by `values`, which dominate it."""
    for arg, value in zip(tuple(block.args), values, strict=True):
        arg.replace_all_uses_with(value)
        block.erase_arg(arg)


def lower_for(op: scf.ForOp) -> None:
    """scf.for: see the top of the file."""
    step = op.step.owner
    if isinstance(step, arith.ConstantOp) and isa(step.value, IntegerAttr):
        size = step.value.value.data
        if size < 1:
            unsupported(op, f"expected a step of at least 1, got {size}; it never ends")
    before = op.parent
    assert before is not None and before.parent is not None
    after = before.split_before(op)
    op.detach()
    head = Block(arg_types=[op.lb.type, *op.result_types])
    before.parent.insert_block_before(head, after)
    for old, new in zip(op.results, head.args[1:], strict=True):
        old.replace_all_uses_with(new)
    first, last = inline(op.body, after)
    iv = head.args[0]
    iv.name_hint = first.args[0].name_hint
    take_arguments(first, head.args)

    step = arith.AddiOp(iv, op.step)
    step.overflow_flags = _NO_OVERFLOW
    assert last.last_op is not None
    last.insert_op_before(step, last.last_op)
    back = replace_yield(last, head, step.result)
    if UNROLL in op.attributes:
        back.attributes[UNROLL] = op.attributes[UNROLL]
    more = arith.CmpiOp(iv, op.ub, "slt")
    head.add_op(more)
    jump(head, op, cf.ConditionalBranchOp(more.result, first, (), after, ()))
    jump(before, op, cf.BranchOp(head, op.lb, *op.iter_args))


def lower_if(op: scf.IfOp) -> None:
    """if c {then} else {else} -> cond_br c, ^then, ^else; both jump to what follows"""
    before, after = split_at(op)
    then, then_end = inline(op.true_region, after)
    replace_yield(then_end, after)
    other = after
    if op.false_region.blocks:
        other, other_end = inline(op.false_region, after)
        replace_yield(other_end, after)
    jump(before, op, cf.ConditionalBranchOp(op.cond, then, (), other, ()))


def lower_while(op: scf.WhileOp) -> None:
    """condition(c) %x -> cond_br c, ^body(%x), ^after(%x); the body jumps back"""
    before, after = split_at(op)
    test, test_end = inline(op.before_region, after)
    body, body_end = inline(op.after_region, after)
    condition = test_end.last_op
    assert isinstance(condition, scf.ConditionOp)
    cond, values = condition.condition, tuple(condition.args)
    condition.detach()
    condition.erase()
    jump(test_end, op, cf.ConditionalBranchOp(cond, body, values, after, values))
    replace_yield(body_end, test)
    jump(before, op, cf.BranchOp(test, *op.arguments))


def lower_index_switch(op: scf.IndexSwitchOp) -> None:
    """switch i case 2 {..} default {..} -> cf.switch i: i64, [default: ^d, 2: ^b]"""
    before, after = split_at(op)
    starts: list[Block] = []
    for region in (op.default_region, *op.case_regions):
        start, end = inline(region, after)
        replace_yield(end, after)
        starts.append(start)
    default, *cases = starts
    numbers = op.cases.get_values()
    values = DenseIntElementsAttr.from_list(VectorType(i64, (len(numbers),)), numbers)
    value = arith.IndexCastOp(op.arg, i64)
    before.add_op(value)
    switch = cf.SwitchOp(
        value, default, (), values if cases else None, cases, [()] * len(cases)
    )
    jump(before, op, switch)


def lower_execute_region(op: scf.ExecuteRegionOp) -> None:
    """The region's blocks in place; each of its yields jumps to what follows"""
    before, after = split_at(op)
    blocks = tuple(op.region.blocks)
    start, _ = inline(op.region, after)
    for block in blocks:
        if isinstance(block.last_op, scf.YieldOp):
            replace_yield(block, after)
    jump(before, op, cf.BranchOp(start))


LOWERINGS: dict[type[Operation], Callable[..., None]] = {
    scf.ExecuteRegionOp: lower_execute_region,
    scf.ForOp: lower_for,
    scf.IfOp: lower_if,
    scf.IndexSwitchOp: lower_index_switch,
    scf.WhileOp: lower_while,
}
_TERMINATORS = (scf.YieldOp, scf.ConditionOp, scf.ReduceOp, scf.ReduceReturnOp)


def lower_structured(root: Operation) -> None:
    """Lowers all that lies in `root`.

    From the last to the first, inner before outer: so an operation moves only once for
    each loop that it lies in.
    """
    found = [op for op in root.walk() if op.name.startswith("scf.")]
    for op in reversed(found):
        if isinstance(op, _TERMINATORS):
            continue
        if (lower := LOWERINGS.get(type(op))) is None:
            unsupported(
                op,
                "lower-scf-to-cf: expected scf.for, if, while, index_switch or "
                f"execute_region, got '{op.name}'; run outline-parallel first",
            )
        lower(op)
        op.erase()


@dataclass(frozen=True)
class LowerScfToCfPass(ModulePass):
    """Replaces structured control flow by branches; fails where it cannot."""

    name = "lower-scf-to-cf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        lower_structured(op)
