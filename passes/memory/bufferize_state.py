"""Part of `bufferize`: what is new of a program's state takes the place of the old.

    func.func @f(%w: tensor<4x3xf32> {br.state = 0}) -> tensor<4x3xf32> {
      ...                                     // all that reads %w
      %w1 = linalg.generic ins(%w, %dw) ...   // element by element
      return %w1
    ->
    func.func @f(%w: memref<4x3xf32> {br.state = 0}, %w1: memref<4x3xf32>) {
      linalg.generic ins(%w, %dw) outs(%w1)

where the caller gives the same memory for %w and %w1. An op may write there if nothing
reads the old state later, and it reads of it only the element that it writes, if any.
Anything else is computed elsewhere and copied when all is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, SSAValue

from brdialect.errors import unsupported
from passes.memory.buffers import VIEWS, Liveness
from passes.memory.overwriting import read_where_written, reads_destination
from passes.shared.load_time import used_by
from passes.shared.state import state_of


@dataclass(frozen=True)
class Successor:
    """What takes the place of an argument."""

    argument: BlockArgument
    result: int


def successors_of(function: func.FuncOp) -> dict[SSAValue, Successor]:
    """What the function returns as new state, each value once."""
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    found: dict[SSAValue, Successor] = {}
    arguments = function.body.block.args
    state = state_of(function)
    for argument, result in state.items():
        value = last.arguments[result]
        if value.owner is function.body.block and value is not arguments[argument]:
            unsupported(
                function,
                f"expected result {result}, the next argument {argument}, to be "
                "computed, got another argument",
            )
        if list(last.arguments).count(value) == 1:
            found[value] = Successor(arguments[argument], result)
    return found


def source_of(value: SSAValue) -> SSAValue:
    """What a chain of views looks at."""
    while isinstance(owner := value.owner, VIEWS):
        value = owner.operands[0]
    return value


def may_overwrite(
    live: Liveness, i: int, op: Operation, number: int, argument: BlockArgument
) -> bool:
    """Whether op `i` may write its result `number` over an argument."""
    if live.last_use(argument) > i or reads_destination(op, number):
        return False
    may = read_where_written(op, number)
    return all(v in may for v in used_by(op) if source_of(v) is argument)


def in_order(function: func.FuncOp) -> Sequence[int]:
    """The numbers of the results, state last: others may return what it was."""
    results = range(len(function.function_type.outputs))
    state = set(state_of(function).values())
    return sorted(results, key=lambda number: number in state)
