"""`pack-state`: parameters that are learnt lie as the products read them.

    func.func @step(%x: tensor<..>, %w: tensor<NxKxf32> {br.state = 1}, ..) {
      %y = br.contract ins(%x, %w) ...                   // y[m, n] = x[m, k] w[n, k]
      %dx = br.contract ins(%dy, %w) ...
      %g = br.contract ins(%dy, %x) ...                  // g[n, k]
      %w1 = linalg.generic ins(%w, %g) ...               // the update
      return .., %w1
    ->
    func.func @step(%x: tensor<..>, %w: tensor<(N/16)xKx16xf32> {br.state = 1,
                    br.layout = (n, k) -> (n floordiv 16, k, n mod 16)}, ..) {
      %y = br.contract ins(%x, %w) ... {schedule = #br.schedule<".. | pack=b16">}
      %dx = br.contract ins(%dy', %w) ...                // dy'[m, n / 16, n mod 16]
      %g = br.contract ins(%x, %dy') ...                 // g[n / 16, k, n mod 16]
      %w1 = linalg.generic ins(%w, %g) ...
      return .., %w1

An argument is packed where its first product wants panels of it, if they hold a whole
number of columns, and what comes of it is an element-wise update; moments take the same
layout. So nothing is packed or unpacked in a step for that product, for the gradient
and for the update. Other products, which want the weights transposed, read the panels,
and may make others of them (`pack=` of their schedules); all else reads a row-major
copy.

The schedule of the first product is chosen here, as for weights that are packed when a
program is loaded; the other ones by `choose-schedule`, which comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from brdialect.interface import Panels
from brdialect.ops import ContractOp
from brdialect.roles import Linear
from brdialect.schedule import Schedule, ScheduleAttr
from brdialect.target import Target, target_of
from passes.fuse.coalesce_contractions import collapse
from passes.fuse.fuse_epilogues import erase_unused
from passes.memory.hoist_load_time import top_level
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.choose_schedule import analytic_schedule
from passes.schedule.pack_operands import make_panels, panel_map, panel_order
from passes.schedule.schedule_problem import problem_of
from passes.schedule.split_iterator import (
    panel_type,
    split_for_operand,
    split_for_result,
)
from passes.schedule.tuned_schedules import Tuned, tuned_of, tuned_schedule
from passes.shared.build import LocatedBuilder, clone_block, shape_of
from passes.shared.linalg_match import (
    has_index,
    is_all_parallel,
    maps_of,
    reads_output,
    transpose,
)
from passes.shared.state import mark_panels, state_of


@dataclass(frozen=True)
class Reader:
    """The product whose panels an argument comes to lie in."""

    op: ContractOp
    schedule: Schedule
    panels: Panels


def reader_of(argument: BlockArgument, target: Target, tuned: Tuned) -> Reader | None:
    """The first product that wants panels of the argument; None if there is none, or
    they do not divide it."""
    for op in argument.block.ops:
        if not isinstance(op, ContractOp) or op.b is not argument:
            continue
        if list(op.operands).count(argument) > 1:
            return None
        if op.schedule is not None:
            schedule = op.schedule.data
        else:
            problem = replace(problem_of(op, target), load_time_b=True)
            schedule = tuned_schedule(op, tuned, target) or analytic_schedule(problem)
        table = contraction_of((op.a, op.b, op.c), op.maps)
        columns, size = schedule.n, schedule.pack_b
        if size is None or columns is None or table is None:
            continue
        forms = [f for f in table.b if isinstance(f, Linear)]
        if len(forms) < len(table.b) or not any(f.plain == columns for f in forms):
            return None
        cut, others = panel_order(forms, columns, table, schedule)
        if shape_of(argument)[cut] % size:
            return None
        return Reader(op, schedule, Panels(cut, others, size))
    return None


def update_of(argument: BlockArgument, next_: SSAValue) -> linalg.GenericOp | None:
    """The op that computes what takes an argument's place, element by element, from
    operands that all lie like it."""
    op = next_.owner
    if not isinstance(op, linalg.GenericOp) or op.parent is not argument.block:
        return None
    same = AffineMap.identity(len(shape_of(argument)))
    alike = all(m == same for m in maps_of(op))
    once = list(op.inputs).count(argument) == 1
    if not (alike and once and is_all_parallel(op)):
        return None
    return None if reads_output(op) or has_index(op.body.block) else op


def state_in(
    update: linalg.GenericOp, state: dict[int, int]
) -> dict[BlockArgument, int] | None:
    """The arguments that an update reads and replaces, with the results' numbers; None
    if it does anything else with them."""
    block = update.parent
    assert block is not None
    last = block.last_op
    assert isinstance(last, func.ReturnOp)
    found: dict[BlockArgument, int] = {}
    for argument in update.inputs:
        if not isinstance(argument, BlockArgument) or argument.index not in state:
            continue
        if last.arguments[state[argument.index]].owner is not update:
            return None
        found[argument] = state[argument.index]
    uses = [use.operation for r in update.res for use in r.uses]
    alone = uses == [last] * len(update.res) and len(found) == len(update.res)
    return found if alone else None


class Packing:
    """One argument with its moments, while they get their new layout."""

    def __init__(
        self,
        argument: BlockArgument,
        reader: Reader,
        update: linalg.GenericOp,
        state: Sequence[BlockArgument],
    ):
        self.argument, self.reader, self.update = argument, reader, update
        self.state, self.panels = state, reader.panels

    def builder(self, op: Operation) -> AbstractContextManager[object]:
        """Emits before an op, in its place."""
        return ImplicitBuilder(LocatedBuilder(InsertPoint.before(op), op.location))

    def run(self) -> None:
        """Rewrites all that reads or writes the argument and its moments."""
        new: dict[SSAValue, SSAValue] = {}
        for old in self.state:
            type_ = panel_type(old, self.panels)
            new[old] = old.block.insert_arg(type_, old.index + 1)
            new[old].name_hint = old.name_hint
        self.pack_update(new)
        self.pack_readers(new[self.argument])
        for old in self.state:
            old.block.erase_arg(old)

    def pack_update(self, new: Mapping[SSAValue, SSAValue]) -> None:
        """The update on panels."""
        update, rank = self.update, len(shape_of(self.argument)) + 1
        same = AffineMapAttr(AffineMap.identity(rank))
        with self.builder(update):
            inputs = [new.get(v) or self.in_panels(v) for v in update.inputs]
            types = [panel_type(r, self.panels) for r in update.res]
            outs = [tensor.EmptyOp((), t).tensor for t in types]
            packed = linalg.GenericOp(
                inputs,
                outs,
                Region(clone_block(update.body.block)),
                ArrayAttr([same] * len(update.indexing_maps)),
                ArrayAttr([IteratorTypeAttr.parallel()] * rank),
                types,
            )
        for old, result in zip(update.res, packed.res, strict=True):
            old.replace_all_uses_with(result)
        update.detach()
        update.erase()

    def in_panels(self, value: SSAValue) -> SSAValue:
        """A gradient in panels: computed so, or copied."""
        owner = value.owner
        if isinstance(owner, ContractOp) and len(list(value.uses)) == 1:
            with self.builder(owner):
                found = split_for_result(owner, self.panels)
            if found is not None:
                return found
        panels = self.panels
        return make_panels(value, panels.cut, panels.others, panels.size)

    def pack_readers(self, new: SSAValue) -> None:
        """Lets all that reads the argument read its panels."""
        left: set[Operation] = set()
        for user in dict.fromkeys(use.operation for use in self.argument.uses):
            if user is self.reader.op:
                self.pack_first(new)
            elif not self.split(user, new):
                left.add(top_level(user))
        if self.argument.uses:
            first = next(op for op in self.argument.block.ops if op in left)
            with self.builder(first):
                plain = out_of_panels(new, self.panels)
            self.argument.replace_all_uses_with(plain)

    def pack_first(self, new: SSAValue) -> None:
        """The product that has chosen the panels."""
        op, schedule, panels = self.reader.op, self.reader.schedule, self.panels
        assert schedule.n is not None
        a, b, *others = op.maps
        b = panel_map(b, schedule.n, panels.cut, panels.others, panels.size)
        op.operands[1] = new
        op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in (a, b, *others))
        op.schedule = ScheduleAttr(schedule)

    def split(self, user: Operation, new: SSAValue) -> bool:
        """Another product, if it can read the panels in blocks."""
        if not isinstance(user, ContractOp) or user.parent is not self.argument.block:
            return False
        with self.builder(user):
            found = split_for_operand(user, self.argument, new, self.panels)
        if found is None or user.res is None:
            return False
        user.res.replace_all_uses_with(found)
        user.detach()
        user.erase()
        return True


def out_of_panels(source: SSAValue, panels: Panels) -> SSAValue:
    """Emits the row-major tensor that lies in panels."""
    last = 1 + len(panels.others)
    order = [1 + panels.others.index(d) for d in sorted(panels.others)]
    order[panels.cut : panels.cut] = [0, last]
    return collapse(transpose(source, order), panels.cut)


def pack_state(function: func.FuncOp, target: Target, tuned: Tuned) -> None:
    """Packs what of a function's state can be."""
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    arguments = list(function.body.block.args)
    state = state_of(function)
    packed: set[int] = set()
    for number, result in state.items():
        argument = arguments[number]
        if number in packed or not isa(argument.type, TensorType):
            continue
        update = update_of(argument, last.arguments[result])
        reader = reader_of(argument, target, tuned)
        if update is None or reader is None:
            continue
        together = state_in(update, state)
        if together is None:
            continue
        moments = [a for a in together if a is not argument]
        if any(len(list(a.uses)) > 1 for a in moments):
            continue
        numbers = [a.index for a in together]
        Packing(argument, reader, update, list(together)).run()
        for i in numbers:
            mark_panels(function, i, reader.panels)
        packed |= set(numbers)
        arguments = list(function.body.block.args)
    function.update_function_type()


@dataclass(frozen=True)
class PackStatePass(ModulePass):
    """State that products read lies in their panels."""

    name = "pack-state"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target, tuned = target_of(op), tuned_of(op)
        if target.is_gpu:
            return
        for function in [o for o in op.ops if isinstance(o, func.FuncOp)]:
            if len(function.body.blocks) == 1 and state_of(function):
                pack_state(function, target, tuned)
                erase_unused(op)
