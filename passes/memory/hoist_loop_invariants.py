"""`hoist-loop-invariants`: what is the same in each trip of a loop is computed once.

    %y = scf.for %i = .. iter_args(%a = %x) {
      %e = tensor.empty() : tensor<2x8x16xf32>
      %p = linalg.generic ins(%w) outs(%e) ...     // %w in panels
      %b = br.contract ins(%a, %p) ..
    ->
    %e = tensor.empty() : tensor<2x8x16xf32>
    %p = linalg.generic ins(%w) outs(%e) ...
    %y = scf.for %i = .. iter_args(%a = %x) {
      %b = br.contract ins(%a, %p) ..

Out of a loop moves what depends on nothing in it, out of a branch what depends on
weights alone: `hoist-load-time` lets that be computed when the model is loaded, if it
stands at the top of the function. Empty tensors and those of one number are made where
they are used.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from passes.memory.buffers import CONTROL
from passes.shared.build import clone_op
from passes.shared.load_time import is_cheap, is_load_time, is_tensor, used_by
from passes.shared.vectorise import divides_integers


def is_outside(value: SSAValue, control: Operation) -> bool:
    """Whether the value is made outside a loop or branch."""
    owner = value.owner
    current = owner.parent_op() if isinstance(owner, Block) else owner
    while current is not None and current is not control:
        current = current.parent_op()
    return current is None or owner is control


def can_follow(value: SSAValue, control: Operation) -> bool:
    """Whether a value is there in front of `control`, or can be made there: a number,
    an empty tensor."""
    if is_outside(value, control):
        return True
    owner = value.owner
    if isinstance(owner, Block) or owner.parent_op() is not control:
        return False
    cheap = (
        is_cheap(value) if is_tensor(value) else not (owner.operands or owner.regions)
    )
    return cheap and all(can_follow(v, control) for v in used_by(owner))


def move_before(op: Operation, control: Operation) -> None:
    """Moves an op in front of a loop or branch, with copies of what it is made of."""
    known: dict[SSAValue, SSAValue] = {}
    copied: list[Operation] = []

    def follow(value: SSAValue) -> None:
        owner = value.owner
        if value not in known and not is_outside(value, control):
            assert isinstance(owner, Operation)
            for v in used_by(owner):
                follow(v)
            clone_op(owner, known)
            copied.append(owner)

    with ImplicitBuilder(Builder(InsertPoint.before(control))):
        for v in used_by(op):
            follow(v)
    for inner in op.walk():
        for i, v in enumerate(inner.operands):
            if v in known:
                inner.operands[i] = known[v]
    for owner in reversed(copied):
        if not any(r.uses for r in owner.results):
            owner.detach()
            owner.erase()
    op.detach()
    block = control.parent
    assert block is not None
    block.insert_op_before(op, control)


def moves(op: Operation, control: Operation) -> bool:
    """Whether an op of a loop or branch is computed in front of it."""
    tensors = bool(op.results) and all(is_tensor(r) for r in op.results)
    if not tensors or all(map(is_cheap, op.results)) or isinstance(op, CONTROL):
        return False
    # in a loop that never runs, or the branch not taken, nothing may divide by zero
    if any(divides_integers(block) for region in op.regions for block in region.blocks):
        return False
    loops = isinstance(control, scf.ForOp | scf.WhileOp)
    if not loops and not all(is_load_time(r) for r in op.results):
        return False
    return all(can_follow(v, control) for v in used_by(op))


def hoist_from(control: Operation) -> None:
    """Out of the regions of a loop or branch, the inner ones first."""
    for region in control.regions:
        for block in region.blocks:
            for op in list(block.ops):
                if isinstance(op, CONTROL):
                    hoist_from(op)
            for op in list(block.ops):
                if moves(op, control):
                    move_before(op, control)


@dataclass(frozen=True)
class HoistLoopInvariantsPass(ModulePass):
    """What does not change from trip to trip moves out of loops over tensors."""

    name = "hoist-loop-invariants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp):
                for block in function.body.blocks:
                    for inner in list(block.ops):
                        if isinstance(inner, CONTROL):
                            hoist_from(inner)
