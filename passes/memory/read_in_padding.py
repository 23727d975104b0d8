"""`read-in-padding`: what is computed for a padding is read there by all.

    %y = linalg.generic ins(%x) ...                 // ReLU
    %p = tensor.pad %y low[0, 1, 1, 0] high[0, 1, 1, 0]
    ... = linalg.generic ins(%g, %y) ...            // its mask, in a gradient
    ->
    %y = linalg.generic ins(%x) ...
    %p = tensor.pad %y low[0, 1, 1, 0] high[0, 1, 1, 0]
    %i = tensor.extract_slice %p[0, 1, 1, 0] ...
    ... = linalg.generic ins(%g, %i) ...

With the padding as the only reader bufferize computes %y in its place, which spares a
copy, and the memory of one of the two for as long as both are needed. On GPUs, where
the zeros around windows are in no memory (fold-padding), all stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, Use
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.ops import ContractOp
from brdialect.target import target_of
from passes.shared.build import LocatedBuilder, shape_of, tensor_type
from passes.shared.linalg_match import (
    ZeroPadding,
    extract_slice,
    pad_with_zeros,
    zero_padding,
)


def reads_any_view(use: Use) -> bool:
    """Whether the reader takes a part of a tensor as well as a whole one: what reshapes
    or returns it wants its elements side by side."""
    match use.operation:
        case linalg.GenericOp() as op:
            return use.index < len(op.inputs)
        case tensor.ExtractSliceOp() | tensor.PadOp():
            return use.index == 0
        case _:
            return False


def others_of(pad: tensor.PadOp, padding: ZeroPadding) -> Sequence[Use]:
    """The other readers of what is padded, where all can read it in the padding, and
    it can be computed there."""
    owner = padding.source.owner
    if not isinstance(owner, linalg.GenericOp | ContractOp) or len(owner.results) > 1:
        return ()
    is_static = tensor_type(padding.source).has_static_shape()
    if owner.parent is not pad.parent or not is_static:
        return ()
    others = [use for use in padding.source.uses if use.operation is not pad]
    return others if all(map(reads_any_view, others)) else ()


def read_in_padding(
    pad: tensor.PadOp, padding: ZeroPadding, others: Sequence[Use]
) -> None:
    """Moves the padding to where its source is computed, and the readers to it."""
    source, low = padding.source, padding.low
    assert isinstance(source.owner, Operation)
    at = LocatedBuilder(InsertPoint.after(source.owner), pad.location)
    with ImplicitBuilder(at):
        padded = pad_with_zeros(source, low, padding.high)
        inside = extract_slice(padded, low, shape_of(source))
    for use in others:
        use.operation.operands[use.index] = inside
    Rewriter.replace_op(pad, (), (padded,))


@dataclass(frozen=True)
class ReadInPaddingPass(ModulePass):
    """Readers of what is padded read it in the padding."""

    name = "read-in-padding"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if target_of(op).is_gpu:
            return
        for pad in [o for o in op.walk() if isinstance(o, tensor.PadOp)]:
            padding = zero_padding(pad.result)
            if padding is not None and (others := others_of(pad, padding)):
                read_in_padding(pad, padding, others)
