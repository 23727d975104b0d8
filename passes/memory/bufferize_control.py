"""Loops and branches over tensors: which buffers what they carry and yield lives in,
and how they look on memory.

    %y = scf.for %i = .. iter_args(%a = %x) -> tensor<4xf32> {
      %b = linalg.generic ins(%a) ..
      scf.yield %b
    ->
    copy %x to %m                  // unless %x is not read again: then %m is its buffer
    scf.for %i = .. {
      linalg.generic ins(%m) outs(%n)
      copy %n to %m                // unless the generic may write %m itself
    }

* Each carried tensor has one buffer for its first value, all that follow, and the
  result. What a trip yields goes there at its end: those that change places go through
  a buffer of their own.
* In a loop whose trips are shared among threads (shared_loop.py) each trip has its own
  buffers for all but what the loop carries, and writes its part of that in place.
* What a branch yields goes to the result's buffer.
* What `scf.condition` hands over is read where it is, by the body and after the loop:
  the trip that ends a loop has made it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import scf
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from passes.memory.buffers import Buffer, Kind, Trips
from passes.shared.build import LocatedBuilder, known_index
from passes.shared.load_time import captured, is_tensor
from passes.shared.shared_loop import is_shared

if TYPE_CHECKING:
    from passes.memory.bufferize import Assignment
    from passes.memory.bufferize_ops import Emitter


@dataclass(frozen=True)
class Copy:
    """The elements of one tensor to where another lives; `through` a buffer that keeps
    them while others are copied, where the source is overwritten."""

    source: SSAValue
    target: SSAValue
    through: Buffer | None = None


def assign_control(
    plan: Assignment, position: int, op: scf.ForOp | scf.IfOp | scf.WhileOp
) -> None:
    """Decides where the tensors of a loop or a branch live, those inside included."""
    match op:
        case scf.ForOp():
            block = op.body.block
            wanted = _carry(plan, position, op, op.iter_args, block.args[1:])
            outside = len(plan.all)
            plan.visit_block(block)
            _deliver(plan, position, _last(block), block.args[1:], wanted)
            _name_results(plan, op.results, wanted)
            if is_shared(op):
                _own_memory(plan, op, outside)
        case scf.IfOp():
            wanted = [
                plan.buffer(Kind.ARENA, r, position, op) if is_tensor(r) else None
                for r in op.results
            ]
            for region in op.regions:
                if region.blocks:
                    plan.visit_block(region.block)
                    _deliver(plan, position, _last(region.block), op.results, wanted)
            _name_results(plan, op.results, wanted)
        case scf.WhileOp():
            test, body = op.before_region.block, op.after_region.block
            wanted = _carry(plan, position, op, op.arguments, test.args)
            plan.visit_block(test)
            handed = _hand_over(plan, _last(test), body.args)
            plan.visit_block(body)
            _deliver(plan, position, _last(body), test.args, wanted)
            pairs = zip(body.args, handed, strict=True)  # anew: bodies merge buffers
            handed = [b and plan.buffers[a] for a, b in pairs]
            _name_results(plan, op.results, handed)


def _last(block: Block) -> Operation:
    last = block.last_op
    assert last is not None
    return last


def _name_results(
    plan: Assignment, results: Sequence[SSAValue], buffers: Sequence[Buffer | None]
) -> None:
    """Last: while the region is looked at, nobody waits for the results."""
    for result, buffer in zip(results, buffers, strict=True):
        if buffer is not None:
            plan.put(result, buffer)


def _carry(
    plan: Assignment,
    position: int,
    op: Operation,
    inits: Sequence[SSAValue],
    arguments: Sequence[SSAValue],
) -> list[Buffer | None]:
    """The buffers of what a loop carries, which live as long as the loop runs."""
    found: list[Buffer | None] = []
    for init, argument in zip(inits, arguments, strict=True):
        if not is_tensor(init):
            found.append(None)
            continue
        buffer = plan.buffers[init]
        mine = buffer.kind is Kind.ARENA and plan.fills(init, buffer)
        mine = mine and buffer not in found  # one value that two carry
        if mine and plan.live.free_after(buffer, position):
            plan.put(argument, buffer)
        else:
            buffer = plan.new(Kind.ARENA, argument, position, op)
            if not isinstance(init.owner, EmptyOp):
                plan.moves.setdefault(op, []).append(Copy(init, argument))
        buffer.end = max(buffer.end, plan.live.ends[op])
        found.append(buffer)
    return found


def _hand_over(
    plan: Assignment, last: Operation, arguments: Sequence[SSAValue]
) -> list[Buffer | None]:
    """The buffers of what `scf.condition` hands to the body and to the results."""
    position = plan.live.index[last]
    found: list[Buffer | None] = []
    for value, argument in zip(last.operands[1:], arguments, strict=True):
        if not is_tensor(value):
            found.append(None)
            continue
        buffer = plan.buffers[value]
        if buffer.kind is Kind.ARENA and plan.fills(value, buffer):
            plan.put(argument, buffer)
        else:
            buffer = plan.new(Kind.ARENA, argument, position, last)
            plan.moves.setdefault(last, []).append(Copy(value, argument))
        found.append(buffer)
    return found


def _deliver(
    plan: Assignment,
    first: int,
    last: Operation,
    targets: Sequence[SSAValue],
    wanted: Sequence[Buffer | None],
) -> None:
    """Brings what a region yields to the wanted buffers; `first` is where its op
    stands."""
    pairs = [
        (value, target, want)
        for value, target, want in zip(last.operands, targets, wanted, strict=True)
        if want is not None
    ]
    for value, _, want in pairs:
        _compute_in(plan, first, value, want)
    pairs = [pair for pair in pairs if plan.buffers[pair[0]] is not pair[2]]
    overwritten = {want for _, _, want in pairs}
    for value, target, want in pairs:
        through = None
        if plan.buffers[value] in overwritten:
            through = Buffer(Kind.ARENA, want.size, want.grows, plan.live.index[last])
            plan.all.append(through)
        plan.moves.setdefault(last, []).append(Copy(value, target, through))


def _compute_in(plan: Assignment, first: int, value: SSAValue, want: Buffer) -> None:
    """Lets a value be computed where it is wanted, if it is computed in the region, and
    after all that lives there is read."""
    mine = plan.buffers[value]
    if mine is want or mine.kind is not Kind.ARENA or mine.start <= first:
        return
    same = plan.fills(value, mine) and (mine.size, mine.grows) == (
        want.size,
        want.grows,
    )
    if same and all(plan.live.last_use(v) < mine.start for v in want.values):
        for v in mine.values:
            plan.put(v, want)
        want.end = max(want.end, mine.end)
        plan.all.remove(mine)


def _own_memory(plan: Assignment, op: scf.ForOp, outside: int) -> None:
    """Gives each trip of a shared loop its own of the buffers that its body made: those
    after the first `outside`."""
    if plan.moves.get(_last(op.body.block)):
        unsupported(op, "expected trips that write what the loop carries in its place")
    bounds = [known_index(v) for v in (op.lb, op.ub, op.step)]
    first, count, step = bounds
    if first != 0 or step != 1 or count is None:
        unsupported(op, f"expected trips 0 to a known number, got {bounds}")
    whole = Buffer(Kind.ARENA, 0, False, plan.live.index[op])
    whole.end = plan.live.ends[op]
    trips = Trips(whole, count)
    for buffer in plan.all[outside:]:
        if buffer.kind is Kind.ARENA:
            if buffer.trips is not None:
                unsupported(op, "expected no shared loop in another one")
            buffer.trips = trips
    plan.shared[op] = trips


# On memory


def emit_control(emitter: Emitter, op: scf.ForOp | scf.IfOp | scf.WhileOp) -> None:
    """The same loop or branch without tensors among what it carries and yields."""
    for v in (*captured(op), *op.results):
        if v in emitter.buffers:
            emitter.of(v)  # here, not where only one region sees it
    emit_copies(emitter, op)
    results = [r for r in op.results if not is_tensor(r)]
    types = [r.type for r in results]
    match op:
        case scf.ForOp() if (trips := emitter.shared.get(op)) is not None:
            trips.memory = emitter.all_parts(trips)
            low, high, step = (emitter.of(v) for v in (op.lb, op.ub, op.step))
            body = _region(emitter, op.body.block, lambda: scf.ReduceOp(), trips)
            new = scf.ParallelOp([low], [high], [step], body)
        case scf.ForOp():
            inits = [emitter.of(v) for v in op.iter_args if not is_tensor(v)]
            low, high, step = (emitter.of(v) for v in (op.lb, op.ub, op.step))
            body = _region(emitter, op.body.block, scf.YieldOp)
            new = scf.ForOp(low, high, step, inits, body)
        case scf.IfOp():
            then, other = (
                _region(emitter, r.block, scf.YieldOp) if r.blocks else Region()
                for r in op.regions
            )
            new = scf.IfOp(emitter.of(op.cond), types, then, other)
        case scf.WhileOp():
            inits = [emitter.of(v) for v in op.arguments if not is_tensor(v)]
            test = _region(emitter, op.before_region.block, scf.ConditionOp)
            body = _region(emitter, op.after_region.block, scf.YieldOp)
            new = scf.WhileOp(inits, types, test, body)
    for old, result in zip(results, new.results, strict=True):
        emitter.memory[old] = result


def _region(
    emitter: Emitter,
    old: Block,
    end: Callable[..., Operation],
    trips: Trips | None = None,
) -> Region:
    """A region on memory; its terminator hands over no tensors."""
    scalars = [a for a in old.args if not is_tensor(a)]
    new = Block(arg_types=[a.type for a in scalars])
    for argument, copy in zip(scalars, new.args, strict=True):
        emitter.memory[argument] = copy
        copy.name_hint = argument.name_hint
    if trips is not None:
        (trips.trip,) = new.args
    *ops, last = old.ops
    at_end = InsertPoint.at_end(new)
    for op in ops:
        with ImplicitBuilder(LocatedBuilder(at_end, op.location)):
            emitter.emit(op)
    with ImplicitBuilder(LocatedBuilder(at_end, last.location)):
        emit_copies(emitter, last)
        end(*(emitter.of(v) for v in last.operands if not is_tensor(v)))
    return Region(new)


def emit_copies(emitter: Emitter, op: Operation) -> None:
    """What is copied when a loop begins, or a region ends."""
    copies = emitter.moves.get(op, [])
    kept: dict[Copy, SSAValue] = {}
    for copy in copies:
        if copy.through is not None:
            kept[copy] = emitter.piece(copy.through, copy.source)
            emitter.copy(emitter.of(copy.source), kept[copy])
    for copy in (*(c for c in copies if c not in kept), *kept):
        source = kept[copy] if copy in kept else emitter.of(copy.source)
        emitter.copy(source, emitter.of(copy.target))
