"""Which arguments of a program are lengths of sequences, and how long these are.

    func.func @main(%x: tensor<?x3x5xf32>, ..., %n: tensor<3xi32>) -> ... {
      %y, %h = br.gru ins(%x, ...) lengths(%n : tensor<3xi32>) ...

What is in argument %n lies within 0..T, the size of argument %x in dimension 0. Who
calls the code checks that. Lengths that the program computes nobody checks: the code
takes less than 0 for 0, and more than T for T.
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects import arith, func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseIntOrFPElementsAttr,
    TensorType,
)
from xdsl.ir import Block, BlockArgument, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.interface import Limit
from brdialect.recurrent import LayerOp, SequenceOp


def length_limits(function: func.FuncOp) -> Mapping[int, Limit]:
    """For each argument that holds lengths, what they may be."""
    entry = function.body.blocks.first
    found: dict[int, Limit] = {}
    for op in function.body.walk():
        if not isinstance(op, LayerOp) or not isinstance(op.lengths, BlockArgument):
            continue
        most = steps_of(op.x, op.dims("x").index("T"), entry)
        if op.lengths.block is entry and most is not None:
            found.setdefault(op.lengths.index, Limit(most, op.name))
    return found


def steps_of(
    value: SSAValue, dim: int, entry: Block | None
) -> int | tuple[int, int] | None:
    """The size of a dimension of time: a number, or (argument, its dimension)."""
    assert isa(value.type, TensorType)
    size = value.type.get_shape()[dim]
    if size != DYNAMIC_INDEX:
        return size
    if isinstance(value, BlockArgument):
        return (value.index, dim) if value.block is entry else None
    layer = value.owner
    if isinstance(layer, SequenceOp) and layer.dims("y")[dim] == "T":
        return steps_of(layer.x, dim, entry)
    return None


def check_constant_lengths(op: LayerOp) -> None:
    """Refuses lengths in the program that are not within 0..T."""
    owner = op.lengths.owner if op.lengths is not None else None
    if not isinstance(owner, arith.ConstantOp):
        return
    if not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return
    steps = op.sizes.T
    for number, length in enumerate(owner.value.get_values()):
        assert isinstance(length, int)
        if length < 0 or (steps != DYNAMIC_INDEX and length > steps):
            most = "T" if steps == DYNAMIC_INDEX else str(steps)
            unsupported(
                op,
                f"expected lengths within 0..{most}, got {length} for sequence "
                f"{number}; give x as many steps as the longest sequence has",
            )
