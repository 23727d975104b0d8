"""Slices of transposed tensors as transposes of slices: part of propagate-layouts,
where transposes sink until they cancel.

    extract_slice(transpose(x)) -> transpose(extract_slice(x))
    insert_slice(transpose(x) into y) -> transpose(insert_slice(x into y'))

The second holds where y is transposed likewise, or made here: empty or filled. Such
chains put together the gradient of a strided convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, TensorType, i64
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import (
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)

from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import (
    fill_value,
    inverse_of,
    transpose,
    transposed,
    transposed_init,
)


def reordered(
    op: tensor.ExtractSliceOp | tensor.InsertSliceOp, order: Sequence[int]
) -> list[list[int]] | None:
    """Offsets, sizes and strides of a slice with its dimensions in another order; None
    if some are not known, or dimensions are dropped."""
    part = op.result if isinstance(op, tensor.ExtractSliceOp) else op.source
    lists = [
        [int(n) for n in a.get_values()]
        for a in (op.static_offsets, op.static_sizes, op.static_strides)
    ]
    if any(DYNAMIC_INDEX in numbers for numbers in lists):
        return None
    if tuple(lists[1]) != shape_of(part):
        return None
    return [[numbers[d] for d in order] for numbers in lists]


class ExtractBeforeTranspose(RewritePattern):
    """extract_slice(transpose(x)) -> transpose(extract_slice(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.ExtractSliceOp, rewriter: PatternRewriter):
        if (found := transposed(op.source)) is None:
            return
        source, order = found
        if (at := reordered(op, inverse_of(order))) is None:
            return
        offsets, sizes, strides = at
        type_ = TensorType(tensor_type(source).element_type, sizes)
        with ImplicitBuilder(rewriter):
            new = tensor.ExtractSliceOp(source, offsets, sizes, strides, type_)
            result = transpose(new.result, order)
        rewriter.replace(op, (), (result,))


class InsertBeforeTranspose(RewritePattern):
    """insert_slice(transpose(x) into y) -> transpose(insert_slice(x into y')); x may be
    filled with a number, and y a transpose"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.InsertSliceOp, rewriter: PatternRewriter):
        is_filled = fill_value(op.source) is not None
        found = transposed(op.dest if is_filled else op.source)
        if found is None:
            return
        source, order = found
        back = inverse_of(order)
        if (at := reordered(op, back)) is None or not follows(op.dest, order):
            return
        properties = {
            name: DenseArrayBase.from_list(i64, numbers)
            for name, numbers in zip(
                ("static_offsets", "static_sizes", "static_strides"), at, strict=True
            )
        }
        with ImplicitBuilder(rewriter):
            there = transposed(op.dest)
            if is_filled:
                source = transposed_init(op.source, back)
            into = transposed_init(op.dest, back) if there is None else there[0]
            new = tensor.InsertSliceOp.build(
                operands=[source, into, [], [], []],
                result_types=[into.type],
                properties=properties,
            )
            result = transpose(new.result, order)
        rewriter.replace(op, (), (result,))


def follows(value: SSAValue, order: Sequence[int]) -> bool:
    """Whether a destination costs nothing in another order."""
    if isinstance(value.owner, tensor.EmptyOp | linalg.FillOp):
        return True
    found = transposed(value)
    return found is not None and found[1] == list(order)
