"""What an op overwrites, and what it has read by then: the questions that decide where
bufferize.py lets it write in place."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import tensor
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap

from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from passes.shared.linalg_match import is_elementwise, maps_of, reads_output


def read_where_written(
    op: Operation,
) -> tuple[Sequence[tuple[SSAValue, AffineMap]], AffineMap | None]:
    """Inputs of which an element is not read any more once the result's at the same
    place is written, with their maps, and the result's map: of an element-wise op, and
    of an epilogue (a residual) that runs where the whole sum is in the registers."""
    if is_elementwise(op):
        *maps, written = maps_of(op)
        return list(zip(op.inputs, maps, strict=True)), written
    if not isinstance(op, ContractOp) or op.schedule is None:
        return (), None
    schedule, (_, _, written, *maps) = op.schedule.data, op.maps
    in_c = written.used_dims()
    if schedule.block is not None or not in_c.issuperset(
        loop.iterator for loop in schedule.loops
    ):
        return (), None
    return list(zip(op.extras, maps, strict=True)), written


def is_read(empty: SSAValue) -> bool:
    """Whether an empty tensor is an input somewhere (the extents of a window), not
    only a destination."""
    return any(use.index not in destinations(use.operation) for use in empty.uses)


def destinations(op: Operation) -> range:
    """Which operands an op writes."""
    if isinstance(op, linalg.GenericOp | linalg.FillOp):
        return range(len(op.inputs), len(op.operands))
    if isinstance(op, RecurrenceOp | RecurrenceBackwardOp):
        return range(len(op.operands) - len(op.destinations), len(op.operands))
    if isinstance(op, tensor.InsertSliceOp | tensor.InsertOp):
        return range(1, 2)
    return range(2, 3) if isinstance(op, ContractOp) else range(0)


def reads_destination(op: Operation, number: int) -> bool:
    """Whether the op uses what stood in destination `number` before."""
    if isinstance(op, linalg.FillOp):
        return False
    if isinstance(op, linalg.GenericOp):
        return bool(op.body.block.args[len(op.inputs) + number].uses) or (
            reads_output(op) and len(op.res) > 1
        )
    if isinstance(op, ContractOp):
        return op.beta_value != 0.0
    if isinstance(op, RecurrenceOp):
        return number == 0  # y may have columns of another direction
    return not isinstance(op, RecurrenceBackwardOp)
