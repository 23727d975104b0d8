"""Loops over tensors whose trips are shared among threads.

    %y = scf.for %i = 0 to 2 iter_args(%c = %e) -> tensor<2x4xf32> {
      %p = ...                                  // on one thread
      %d = tensor.insert_slice %p into %c[%i, 0] [1, 4] [1, 1]
      scf.yield %d
    } {br.parallel}

Each trip writes its own part of what the loop carries, reads none of the others', and
has its own memory for what else it computes (bufferize_control.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xdsl.dialects import scf
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Operation, SSAValue

from brdialect.target import Target
from passes.shared.build import Index, for_loop

PARALLEL = "br.parallel"
"""Marks the loop."""


def shared_loop(
    trips: int, body: Callable[[Index, SSAValue], SSAValue], carried: SSAValue
) -> SSAValue:
    """Emits the loop; `body` writes its part of what is carried."""

    def trip(number: Index, so_far: SSAValue) -> tuple[SSAValue]:
        return (body(number, so_far),)

    (result,) = for_loop(0, trips, 1, trip, [carried])
    if isinstance(loop := result.owner, scf.ForOp) and trips > 1:
        loop.attributes[PARALLEL] = UnitAttr()
    return result


def is_shared(op: Operation | None) -> bool:
    """Whether the op is such a loop."""
    return isinstance(op, scf.ForOp) and PARALLEL in op.attributes


def target_for(op: Operation, target: Target) -> Target:
    """The target as an op sees it: with one thread, in a trip of a shared loop."""
    parent = op.parent_op()
    while parent is not None:
        if is_shared(parent):
            return replace(target, threads=1)
        parent = parent.parent_op()
    return target
