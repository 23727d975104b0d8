"""Reshapes of transposed tensors as transposes of reshaped ones: part of
propagate-layouts, where transposes sink until they cancel.

    expand_shape(transpose(x)) -> transpose(expand_shape(x))
    collapse_shape(transpose(x)) -> transpose(collapse_shape(x))

The second holds where the dimensions that become one are neighbours in x as well, in
the same order: the groups and channels of a grouped convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    TensorType,
    i64,
)
from xdsl.pattern_rewriter import (
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)

from passes.shared.build import tensor_type
from passes.shared.linalg_match import inverse_of, reassociation, transpose, transposed


def groups_of(op: tensor.ExpandShapeOp | tensor.CollapseShapeOp) -> list[list[int]]:
    """For each dimension of the smaller shape those of the larger one."""
    return [[int(i.value.data) for i in group] for group in op.reassociation]


def in_order(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    """The reassociation with groups of these lengths."""
    ends = list(accumulate(map(len, groups)))
    return reassociation(
        [range(end - len(g), end) for g, end in zip(groups, ends, strict=True)]
    )


class ExpandBeforeTranspose(RewritePattern):
    """expand_shape(transpose(x)) -> transpose(expand_shape(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.ExpandShapeOp, rewriter: PatternRewriter):
        result = tensor_type(op.result)
        found = transposed(op.src)
        if found is None or not result.has_static_shape():
            return
        source, order = found
        groups = groups_of(op)
        # the groups in the order of the source's dimensions
        there = [groups[order.index(d)] for d in range(len(order))]
        dims = [d for group in there for d in group]
        shape = [result.get_shape()[d] for d in dims]
        with ImplicitBuilder(rewriter):
            expanded = tensor.ExpandShapeOp(
                source,
                (),
                in_order(there),
                DenseArrayBase.from_list(i64, shape),
                TensorType(result.element_type, shape),
            )
            new = transpose(expanded.result, inverse_of(dims))
        rewriter.replace(op, (), (new,))


class CollapseBeforeTranspose(RewritePattern):
    """collapse_shape(transpose(x)) -> transpose(collapse_shape(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.CollapseShapeOp, rewriter: PatternRewriter):
        found = transposed(op.src)
        if found is None or not tensor_type(op.src).has_static_shape():
            return
        source, order = found
        # each group as dimensions of the source, which must lie side by side there
        groups = [[order[d] for d in group] for group in groups_of(op)]
        if any(g != list(range(g[0], g[0] + len(g))) for g in groups):
            return
        there = sorted(groups)
        sizes = tensor_type(source).get_shape()
        shape = [prod(sizes[d] for d in group) for group in there]
        with ImplicitBuilder(rewriter):
            collapsed = tensor.CollapseShapeOp(
                operands=[source],
                properties={"reassociation": in_order(there)},
                result_types=[TensorType(tensor_type(source).element_type, shape)],
            )
            new = transpose(collapsed.result, [there.index(g) for g in groups])
        rewriter.replace(op, (), (new,))
