"""Reshapes of transposed tensors as transposes of reshaped ones: part of
propagate-layouts, where transposes sink until they cancel.

    expand_shape(transpose(x)) -> transpose(expand_shape(x))
    collapse_shape(transpose(x)) -> transpose(collapse_shape(x))

The second holds where the dimensions that become one are neighbours in x as well, in
the same order: the groups and channels of a grouped convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import (
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)

from passes.build import tensor_type
from passes.linalg_match import copy_permutation, transpose


def groups_of(op: tensor.ExpandShapeOp | tensor.CollapseShapeOp) -> list[list[int]]:
    """For each dimension of the smaller shape those of the larger one."""
    return [[int(i.value.data) for i in group] for group in op.reassociation]


def in_order(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    """The reassociation with groups of these lengths."""
    start, found = 0, list[ArrayAttr[IntegerAttr]]()
    for group in groups:
        numbers = range(start, start + len(group))
        found.append(ArrayAttr(IntegerAttr(i, i64) for i in numbers))
        start += len(group)
    return ArrayAttr(found)


def transposed(value: SSAValue) -> tuple[SSAValue, list[int]] | None:
    """The source and the order of a tensor that is a transpose, of static shape."""
    order = copy_permutation(value)
    if order is None or not tensor_type(value).has_static_shape():
        return None
    copy = value.owner
    assert isinstance(copy, linalg.GenericOp)
    return copy.inputs[0], order


class ExpandBeforeTranspose(RewritePattern):
    """expand_shape(transpose(x)) -> transpose(expand_shape(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.ExpandShapeOp, rewriter: PatternRewriter):
        if (found := transposed(op.src)) is None:
            return
        source, order = found
        result = tensor_type(op.result)
        if not result.has_static_shape():
            return
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
            new = transpose(expanded.result, [dims.index(d) for d in range(len(dims))])
        rewriter.replace(op, (), (new,))


class CollapseBeforeTranspose(RewritePattern):
    """collapse_shape(transpose(x)) -> transpose(collapse_shape(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.CollapseShapeOp, rewriter: PatternRewriter):
        if (found := transposed(op.src)) is None:
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
