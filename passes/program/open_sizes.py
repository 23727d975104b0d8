"""Which sizes of a program's arguments its code may leave open: the number of steps T.

    func.func @main(%x: tensor<?x8x64xf32>, ...) -> tensor<?x8x32xf32> {
      %y, %h, %c = br.lstm ins(%x, %w, %r : tensor<?x8x64xf32>, ...) ...
      return %y

Nothing but recurrences looks at dimension 0 of %x and of what follows from it, and
these have a loop over time, whatever T is. Every other `?` is bound before the program
is lowered (specialise.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, func, tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, TensorType
from xdsl.ir import SSAValue, Use
from xdsl.utils.hints import isa

from brdialect.recurrent import SequenceOp


def open_sizes(function: func.FuncOp) -> Sequence[tuple[int, int]]:
    """(argument, dimension) of each."""
    block = function.body.blocks.first
    return [
        (argument.index, d)
        for argument in (block.args if block is not None else ())
        if isa(argument.type, TensorType)
        for d, size in enumerate(argument.type.get_shape())
        if size == DYNAMIC_INDEX
        and any(is_input(use) for use in argument.uses)
        and is_time(argument, d)
    ]


def is_time(value: SSAValue, dim: int) -> bool:
    """Whether dimension `dim` is nothing but the time of recurrences and results."""
    return all(keeps_open(use, value, dim) for use in value.uses)


def keeps_open(use: Use, value: SSAValue, dim: int) -> bool:
    """Whether a use allows dimension `dim` to be open."""
    op = use.operation
    if isinstance(op, func.ReturnOp):
        return True
    if isinstance(op, tensor.DimOp):
        asked = op.index.owner
        return (
            isinstance(asked, arith.ConstantOp)
            and isa(asked.value, IntegerAttr)
            and asked.value.value.data != dim
        )
    if not isinstance(op, SequenceOp) or not is_input(use) or op.dims("x")[dim] != "T":
        return False
    assert isa(op.y.type, TensorType)
    return op.y.type.get_shape()[dim] == DYNAMIC_INDEX and is_time(op.y, dim)


def is_input(use: Use) -> bool:
    """Whether the use is the sequence that a recurrence reads."""
    return isinstance(use.operation, SequenceOp) and use.index == 0
