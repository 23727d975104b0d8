"""How many floating-point operations products take: a multiply and an add for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr

from brdialect.destination_op import shaped
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.recurrent import RecurrentOp
from passes.shared.build import known_index


def flops_of(op: Operation) -> int:
    """Of the op and all inside it: two for each point of each contraction, and for each
    weight of a recurrent layer at each step of each sequence; back in time for each
    weight that multiplies a state. What stands in a loop is counted as often as it
    runs, or once if that is not known, and what is done element by element not at
    all."""
    return _flops_of(op, {})


def _flops_of(op: Operation, known: Mapping[SSAValue, int]) -> int:
    """The same; `known`: the trip of each loop that threads share around it."""

    def inside(known: Mapping[SSAValue, int]) -> int:
        blocks = [block for region in op.regions for block in region.blocks]
        return sum(_flops_of(inner, known) for b in blocks for inner in b.ops)

    own = _own_flops(op)
    if isinstance(op, scf.ForOp):
        bounds = [_number(v, known) for v in (op.lb, op.ub, op.step)]
        trips = _trips(bounds)
        return own + (1 if trips is None else len(trips)) * inside(known)
    if isinstance(op, scf.ParallelOp) and len(op.step) == 1:
        each = (*op.lowerBound, *op.upperBound, *op.step)
        trips = _trips([_number(v, known) for v in each])
        if trips is not None:
            (trip,) = op.body.block.args
            return own + sum(inside({**known, trip: i}) for i in trips)
    return own + inside(known)


def _trips(bounds: Sequence[int | None]) -> range | None:
    """Those of a loop, if its bounds and its step are known."""
    first, last, step = bounds
    return (
        None if first is None or last is None or not step else range(first, last, step)
    )


def _number(v: SSAValue, known: Mapping[SSAValue, int]) -> int | None:
    """An index that numbers of trips give."""
    if v in known:
        return known[v]
    op = v.owner
    if not isinstance(op, arith.AddiOp | arith.MuliOp | arith.DivUIOp):
        return known_index(v)
    x, y = (_number(operand, known) for operand in op.operands)
    if x is None or y is None:
        return None
    match op:
        case arith.AddiOp():
            return x + y
        case arith.MuliOp():
            return x * y
        case arith.DivUIOp():
            return x // y if y else None


def _own_flops(op: Operation) -> int:
    if isinstance(op, ContractOp):
        return 2 * math.prod(_sizes(op).values())
    if isinstance(op, BatchReduceGemmOp):
        _, b, c = op.shapes
        return 2 * math.prod(b.get_shape()) * c.get_shape()[0]
    if isinstance(op, RecurrenceOp):
        s = op.sizes
        steps = max(s.steps, 0)
        with_state = steps if op.from_zero is None else max(steps - 1, 0)
        inputs = s.inputs * steps + s.units * with_state
        return 2 * s.batch * s.gates * s.units * inputs
    if isinstance(op, RecurrenceBackwardOp):
        # the gates' gradients times R; the other products are contractions
        _, _, gates, *_ = shaped(op.r).get_shape()
        batch, units = shaped(op.starts[0]).get_shape()
        _, _, steps, *_ = shaped(op.gates).get_shape()
        steps -= op.drops_h is not None
        return 2 * batch * steps * gates * units**2
    if isinstance(op, RecurrentOp):
        *rows, _ = shaped(op.x).get_shape()
        weights = sum(math.prod(shaped(v).get_shape()) for v in (op.w, op.r))
        return 0 if DYNAMIC_INDEX in rows else 2 * math.prod(rows) * weights
    return 0


def _sizes(op: ContractOp) -> dict[int, int]:
    """The extent of each iterator, from the operand dimension that it alone indexes."""
    sizes: dict[int, int] = {}
    operands = (op.a, op.b, op.c, *op.extras)
    for value, map_ in zip(operands, op.maps, strict=True):
        for size, expr in zip(shaped(value).get_shape(), map_.results, strict=True):
            if isinstance(expr, AffineDimExpr):
                sizes[expr.position] = size
    return sizes
