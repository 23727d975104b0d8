"""`coalesce-contractions`: iterators that run side by side everywhere become one.

    br.contract ins(%x, %w) {maps = [(n, p, q, k, c) -> (n, p, q, c),
                                     (n, p, q, k, c) -> (k, c), ...]}   // a 1x1 conv
    ->
    %1 = tensor.collapse_shape %x [[0, 1, 2], [3]]
    %2 = br.contract ins(%1, %w) {maps = [(m, k, c) -> (m, c), (m, k, c) -> (k, c), ..]}
    %3 = tensor.expand_shape %2 ...                                       // a matmul

Two iterators are one if they are neighbouring dimensions of every operand that has
either of them. Long rows leave the schedule free to choose blocks, and layers that look
different become the same kernel. The reshapes are views and cost nothing; those between
two contractions cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    ModuleOp,
    TensorType,
    i64,
)
from xdsl.ir import Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.ops import ContractOp
from brdialect.roles import Linear, Role, form_of
from passes.fuse.fuse_epilogues import erase_unused
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import clone_block, shape_of, tensor_type
from passes.shared.linalg_match import only_user, reassociation


def plain_dims(map_: AffineMap) -> list[int | None]:
    """For each dimension of an operand the iterator that it is, if it is one alone."""
    forms = [form_of(e, map_.num_dims) for e in map_.results]
    return [f.plain if isinstance(f, Linear) else None for f in forms]


def are_neighbours(map_: AffineMap, x: int, y: int) -> bool:
    """Whether the operand has neither iterator, or y right behind x."""
    if not {x, y} & map_.used_dims():
        return True
    plain = plain_dims(map_)
    uses = sum(len({x, y} & e.used_dims()) for e in map_.results)
    return uses == 2 and (x, y) in pairwise(plain)


def is_spread_out(op: ContractOp) -> bool:
    """Whether the result goes into a slice with gaps, where it is computed: then its
    dimensions do not lie end to end."""
    user = None if op.res is None else only_user(op.res)
    return isinstance(user, tensor.InsertSliceOp) and any(
        step != 1 for step in user.static_strides.get_values()
    )


def find_pair(op: ContractOp) -> tuple[int, int] | None:
    """Two iterators that can be one."""
    # those of C, and the sums, which are no dimensions of C but of a
    places = op.maps[:1] if is_spread_out(op) else (op.maps[2], op.maps[0])
    for map_ in places:
        for x, y in pairwise(plain_dims(map_)):
            if x is not None and y is not None:
                kept = is_spread_out(op) and x in op.maps[2].used_dims()
                if not kept and all(are_neighbours(m, x, y) for m in op.maps):
                    return x, y
    return None


def grouping(rank: int, dim: int) -> list[list[int]]:
    """The dimensions of each dimension after `dim` and `dim + 1` are one."""
    groups = [[i] for i in range(rank)]
    groups[dim : dim + 2] = [[dim, dim + 1]]
    return groups


def collapse(value: SSAValue, dim: int) -> SSAValue:
    """The tensor with two of its dimensions as one. Emits at the insertion point."""
    type_ = tensor_type(value)
    shape = type_.get_shape()
    groups = grouping(len(shape), dim)
    new = TensorType(type_.element_type, [prod(shape[i] for i in g) for g in groups])
    if isinstance(value.owner, tensor.EmptyOp):
        return tensor.EmptyOp((), new).tensor
    return tensor.CollapseShapeOp(
        operands=[value],
        properties={"reassociation": reassociation(groups)},
        result_types=[new],
    ).result


def merged_map(map_: AffineMap, x: int, y: int) -> AffineMap:
    """The map after y has become part of x; its dimension of y is gone."""
    plain = plain_dims(map_)
    results = [e for e, i in zip(map_.results, plain, strict=True) if i != y]
    dims = [AffineExpr.dimension(i - (i > y)) for i in range(map_.num_dims)]
    small = AffineMap(map_.num_dims, 0, tuple(results))
    return small.replace_dims_and_symbols(dims, [], map_.num_dims - 1, 0)


def unit_taps(op: ContractOp) -> set[int]:
    """The iterators of one trip that meet others in a window: the taps of a 1x1
    convolution, also where C has them, as the gradient of the weights does."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None:
        return set()
    windows = [
        set(f.iterators)
        for f in (*table.a, *table.b)
        if isinstance(f, Linear) and len(f.iterators) > 1
    ]
    taps = {
        i
        for i, extent in enumerate(table.extents)
        if extent == 1 and i != table.columns and any(i in w for w in windows)
    }
    # what has rows keeps some: they tell what columns are
    alone = set(table.having(Role.M)) <= taps
    return {i for i in taps if table.role(i) is Role.K or not alone}


class DropUnitTaps(RewritePattern):
    """Leaves out the taps of a 1x1 convolution: `p + r` with one r is p, if the
    dimension ends where p does."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        if op.schedule is not None or not (taps := unit_taps(op)):
            return
        count = len(op.iterator_types)
        kept = [i for i in range(count) if i not in taps]
        dims: list[AffineExpr] = [
            AffineExpr.constant(0) if i in taps else AffineExpr.dimension(kept.index(i))
            for i in range(count)
        ]
        maps = [m.replace_dims_and_symbols(dims, [], len(kept), 0) for m in op.maps]
        table = contraction_of((op.a, op.b, op.c), op.maps)
        assert table is not None
        extents = [table.extents[i] for i in kept]
        for value, map_ in zip(op.operands, maps, strict=True):
            for i, size in zip(plain_dims(map_), shape_of(value), strict=True):
                if i is not None and size != extents[i]:
                    return  # the window does not reach all of the dimension
        types = op.iterator_types.data
        op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in maps)
        op.iterator_types = ArrayAttr(types[i] for i in kept)
        rewriter.notify_op_modified(op)


class Coalesce(RewritePattern):
    """Merges one pair of iterators."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        if op.res is None or op.schedule is not None:
            return
        operands = (op.a, op.b, op.c, *op.extras)
        if any(size < 0 for v in operands for size in tensor_type(v).get_shape()):
            return
        if (pair := find_pair(op)) is None:
            return
        x, y = pair
        with ImplicitBuilder(rewriter):
            values = [
                collapse(v, plain_dims(m).index(x)) if x in m.used_dims() else v
                for v, m in zip(operands, op.maps, strict=True)
            ]
            types = [t for i, t in enumerate(op.iterator_types) if i != y]
            body = (
                None if op.epilogue is None else Region(clone_block(op.epilogue.block))
            )
            a, b, c, *extras = values
            new = ContractOp(
                a,
                b,
                c,
                [merged_map(m, x, y) for m in op.maps],
                ArrayAttr(types),
                extras=extras,
                epilogue=body,
                beta=op.beta_value,
            )
            new.location = op.location
            assert new.res is not None
            result: SSAValue = new.res
            if x in op.maps[2].used_dims():
                dim = plain_dims(op.maps[2]).index(x)
                whole = tensor_type(op.res)
                shape = whole.get_shape()
                result = tensor.ExpandShapeOp(
                    result,
                    (),
                    reassociation(grouping(len(shape), dim)),
                    DenseArrayBase.from_list(i64, shape),
                    whole,
                ).result
        rewriter.replace(op, (), (result,))


class CancelReshapes(RewritePattern):
    """collapse(expand(x)) is x, if it has x's shape, or a reshape of x in one step."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.CollapseShapeOp, rewriter: PatternRewriter):
        source = op.src
        while isinstance(source.owner, tensor.ExpandShapeOp | tensor.CollapseShapeOp):
            source = source.owner.src
            if source.type == op.result.type:
                rewriter.replace(op, (), (source,))
                return


@dataclass(frozen=True)
class CoalesceContractionsPass(ModulePass):
    """Iterators that run side by side in all operands become one."""

    name = "coalesce-contractions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        patterns: list[RewritePattern] = [
            DropUnitTaps(),
            Coalesce(),
            CancelReshapes(),
        ]
        PatternRewriteWalker(
            GreedyRewritePatternApplier(patterns, dce_enabled=False)
        ).rewrite_module(op)
        erase_unused(op)
