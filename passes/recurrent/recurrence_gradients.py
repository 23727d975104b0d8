"""The regions of a `br.recurrence_backward` out of those of the `br.recurrence`.

    cell { i, o, f, c, h', c' -> h, c }
    ->
    cell { i, o, f, c, h', c', dh, dc -> di, do, df, dc, dh', dc' }

By the rules for scalar code (passes/gradients/scalar_rules.py): no cell has derivatives
written out for it. In place of the sum of a gate stands what was saved of it: that sum,
from which the activation is computed again, or the gate itself, which says the slope.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr
from xdsl.ir import Block, Region, SSAValue

from brdialect.destination_op import YieldOp
from passes.gradients.scalar_bodies import Values, derivatives
from passes.gradients.scalar_rules import number
from passes.recurrent.recurrent_cells import SavedGate


def backward_region(
    region: Region,
    gates: Mapping[SSAValue, SavedGate],
    with_results: bool = False,
) -> Region:
    """Takes what `region` takes, but of `gates` of the region these and not their sums,
    then the gradients of what it yields; yields the gradients of all that `region`
    takes, `with_results` behind what it yields itself."""
    source = region.block
    results = list(source.last_op.operands) if source.last_op is not None else []
    types = [v.type for v in (*source.args, *results)]
    block = Block(arg_types=types)
    count = len(source.args)
    here = {y: gate for y, gate in gates.items() if y.owner.parent is source}

    def nothing(i: object) -> SSAValue:
        raise AssertionError("a cell has neither indices nor outer values")

    with ImplicitBuilder(block):
        known = {y: block.args[gate.place] for y, gate in here.items()}
        slopes = {
            y: (gate.sum, partial(gate.slope, known[y])) for y, gate in here.items()
        }
        values = Values(source, lambda i: block.args[i], nothing, nothing, None, known)
        own = [values(v) for v in results] if with_results else []
        seeds = zip(results, block.args[count:], strict=True)
        found = derivatives(values, source, seeds, source.args, slopes)
        zero = number(0.0, block.args[0])
        YieldOp(*own, *(zero if v is None else v for v in found))
    return Region(block)


def yields_zero(region: Region, place: int) -> bool:
    """Whether what a region yields at a place is known to be 0."""
    last = region.block.last_op
    assert isinstance(last, YieldOp)
    owner = last.arguments[place].owner
    if not isinstance(owner, arith.ConstantOp):
        return False
    return isinstance(owner.value, FloatAttr) and owner.value.value.data == 0
