"""Loops over time whose body is one cell.

    %h, %c, %y = scf.for %t = 0 to T iter_args(%h0, %c0, %y0) {
      .. h and c of one step, from x[t], %h0 and %c0 ..
      %all = tensor.insert_slice %h into %y0[%t, 0, 0]
      scf.yield %h, %c, %all
    }

`scf.while` with a counter is such a loop too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, scf, tensor
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from brdialect.destination_op import shaped
from passes.raising.cells import Cell, cells_in, place
from passes.raising.chains import Chain, Target, h_sides, state_before
from passes.raising.counters import SIGNED_LESS, index_of
from passes.raising.elements import Elements, Point
from passes.raising.indices import Index, variable


@dataclass(frozen=True)
class Carried:
    """A value that a loop hands from one trip to the next."""

    argument: SSAValue
    start: SSAValue
    yielded: SSAValue
    result: SSAValue


@dataclass(frozen=True)
class Loop:
    """A loop of a known number of trips; its value `counter` is `first + step * t`."""

    body: Block
    trips: int
    counter: SSAValue
    first: int
    step: int
    carried: Sequence[Carried]


def counted(op: Operation) -> Loop | None:
    """The loop that an operation is."""
    match op:
        case scf.ForOp():
            return _counted_for(op)
        case scf.WhileOp():
            return _counted_while(op)
        case _:
            return None


def _number(value: SSAValue) -> int | None:
    index = index_of(value, (), {})
    return None if index is None or index.terms else index.constant


def _counted_for(op: scf.ForOp) -> Loop | None:
    first, end, step = (_number(v) for v in (op.lb, op.ub, op.step))
    if first is None or end is None or step is None or step < 1:
        return None
    body = op.body.block
    last = body.last_op
    assert isinstance(last, scf.YieldOp)
    columns = zip(body.args[1:], op.iter_args, last.operands, op.res, strict=True)
    carried = [Carried(*column) for column in columns]
    return Loop(body, len(range(first, end, step)), body.args[0], first, step, carried)


def _counted_while(op: scf.WhileOp) -> Loop | None:
    """`while (i < end) { .. i + step .. }`, all that is carried handed through."""
    before, body = op.before_region.block, op.after_region.block
    test, last = before.last_op, body.last_op
    if not isinstance(test, scf.ConditionOp) or not isinstance(last, scf.YieldOp):
        return None
    condition, *handed_on = test.operands
    if handed_on != list(before.args):
        return None
    compared = condition.owner
    if not isinstance(compared, arith.CmpiOp) or compared.lhs not in handed_on:
        return None
    number = handed_on.index(compared.lhs)
    first, end = _number(op.arguments[number]), _number(compared.rhs)
    counter, before_step = body.args[number], variable("i", 2)
    after = index_of(last.operands[number], (), {counter: before_step})
    if first is None or end is None or after is None:
        return None
    step = after.constant
    if after != before_step + step or step < 1:
        return None
    if compared.predicate.value.data != SIGNED_LESS:
        return None
    columns = zip(body.args, op.arguments, last.operands, op.res, strict=True)
    carried = [Carried(*column) for column in columns]
    return Loop(body, len(range(first, end, step)), counter, first, step, carried)


def loop_chain(op: Operation, elements: Elements) -> Chain | None:
    """The chain that a loop over time is, if all that it hands on is one cell's states,
    a tensor of all its h, and what stays as it is."""
    loop = counted(op)
    if loop is None or loop.trips < 1:
        return None
    counter = variable("t", loop.trips)
    elements.counters[loop.counter] = counter * loop.step + loop.first
    for carried in loop.carried:
        if carried.yielded is carried.argument:
            elements.replaced[carried.argument] = carried.start
            carried.result.replace_all_uses_with(carried.start)
    for cell in cells_in(loop.body.ops, elements):
        for side in h_sides(cell, elements):
            chain = _chain_of(loop, counter, cell, side, elements)
            if chain is not None:
                return chain
    return None


def _chain_of(
    loop: Loop, counter: Index, cell: Cell, side: int, elements: Elements
) -> Chain | None:
    hands_on = [(state_before(cell, side, elements), cell.state)]
    if cell.previous is not None and cell.memory is not None:
        hands_on.append((cell.previous, cell.memory))
    initial: list[Point] = []
    targets: list[Target] = []
    for number, (point, after) in enumerate(hands_on):
        carried = _carried_at(loop, point.value)
        if carried is None:
            return None
        if elements.key(Point(carried.yielded, point.index)) != after:
            return None
        initial.append(elements.resolved(Point(carried.start, point.index)))
        last = Index(loop.trips - 1)
        targets.append(Target(carried.result, point.index, last, number == 1))
    known = {t.value for t in targets}
    for carried in loop.carried:
        if carried.result.uses and carried.result not in known:
            target = _all_states(carried, cell, counter, elements)
            if target is None:
                return None
            targets.append(target)
    return Chain(
        cell.kind,
        loop.trips,
        cell.sequences,
        cell.hidden,
        [cell.sides[1 - side].data],
        counter,
        cell.sides[1 - side],
        cell.sides[side],
        cell.biases,
        initial[0],
        initial[1] if cell.kind.memory else None,
        targets,
    )


def _carried_at(loop: Loop, value: SSAValue) -> Carried | None:
    if not isinstance(value, BlockArgument) or value.block is not loop.body:
        return None
    return next((c for c in loop.carried if c.argument is value), None)


def _all_states(
    carried: Carried, cell: Cell, counter: Index, elements: Elements
) -> Target | None:
    """`y[.., t, ..] = h` in each trip, as a target; None if it is something else."""
    insertion = carried.yielded.owner
    if not isinstance(insertion, tensor.InsertSliceOp):
        return None
    if insertion.dest is not carried.argument:
        return None
    shape = shaped(insertion.source).get_shape()
    at = place(shape) if shape else None
    if at is None or elements.key(Point(insertion.source, at)) != cell.state:
        return None
    index = elements.slice_places(insertion, at)
    return None if index is None else Target(carried.result, index, counter)
