"""What an op overwrites, and what it has read by then: the questions that decide where
bufferize.py lets it write in place."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import tensor
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from passes.shared.linalg_match import (
    is_all_parallel,
    is_permutation,
    maps_of,
    reads_output,
)
from passes.shared.load_time import used_by


def read_where_written(op: Operation, number: int = 0) -> Sequence[SSAValue]:
    """Inputs of which an element is not read any more once that of result `number` at
    the same place is written: of an op on elements, and of an epilogue (a residual)
    that runs where the whole sum is in the registers. An input that the op reads
    elsewhere too, by another map or in its body, is none of them."""
    if isinstance(op, linalg.GenericOp) and is_written_once(op, number):
        inputs, maps = op.inputs, maps_of(op)
        written = maps[len(inputs) + number]
    elif isinstance(op, ContractOp) and is_stored_once(op):
        inputs, (_, _, written, *maps) = op.extras, op.maps
    else:
        return ()
    there = [v for v, map_ in zip(inputs, maps, strict=False) if map_ == written]
    return [v for v in there if used_by(op).count(v) == there.count(v)]


def is_written_once(op: linalg.GenericOp, number: int) -> bool:
    """Whether each element of a result is written in one step, and never read."""
    written = maps_of(op)[len(op.inputs) + number]
    return is_all_parallel(op) and is_permutation(written) and not reads_output(op)


def is_stored_once(op: ContractOp) -> bool:
    """Whether no element of C waits in memory for the rest of its sum."""
    if op.schedule is None or op.schedule.data.block is not None:
        return False
    in_c = op.maps[2].used_dims()
    return in_c.issuperset(loop.iterator for loop in op.schedule.data.loops)


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
