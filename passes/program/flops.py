"""How many floating-point operations products take: a multiply and an add for each."""

from __future__ import annotations

import math

from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Operation
from xdsl.ir.affine import AffineDimExpr

from brdialect.destination_op import shaped
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.recurrent import RecurrentOp


def flops_of(op: Operation) -> int:
    """Of the op and all inside it: two for each point of each contraction, and for each
    weight of a recurrent layer at each step of each sequence; back in time for each
    weight that multiplies a state. Whatever stands in a loop is counted once, and what
    is done element by element not at all."""
    return sum(map(_own_flops, op.walk()))


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
