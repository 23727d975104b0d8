"""`pack-operands`: puts operands into the panels that their schedule asks for.

    %r = br.contract ins(%a, %b) ... {maps = [.., (m, n, k) -> (k, n), ..],
                                      schedule = #br.schedule<"... | pack=b16">}
    ->
    %p = panels of %b                    // tensor<KxNxf32> -> tensor<(N/16)xKx16xf32>
    %r = br.contract ins(%a, %p) ...
           {maps = [.., (m, n, k) -> (n floordiv 16, k, n mod 16), ..]}

A panel holds all of the reduction for 16 columns, in the order in which one call walks
it, so the micro-kernel reads it from end to end. The last panel is filled up with
zeros. The copy is plain linalg on tensors: for weights hoist-load-time moves it out of
the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Blocked, Contraction, Linear, Role
from brdialect.schedule import Schedule
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import tensor_type
from passes.shared.linalg_match import pad_with_zeros, reassociation, transpose


def panel_order(
    forms: Sequence[Linear], iterator: int, table: Contraction, schedule: Schedule
) -> tuple[int, list[int]]:
    """The dimension to cut into panels, and the others in the order of a call's walk:
    outer loops first, then the batch, then k."""

    def rank(dim: int) -> tuple[int, int]:
        plain = forms[dim].plain
        if plain is None or table.role(plain) is not Role.K:
            return (0, dim)
        if plain == schedule.k:
            return (2, dim)
        return (1, schedule.batch.index(plain) if plain in schedule.batch else dim)

    cut = next(d for d, f in enumerate(forms) if f.plain == iterator)
    others = [d for d in range(len(forms)) if d != cut]
    return cut, sorted(others, key=rank)


def make_panels(
    source: SSAValue, cut: int, others: Sequence[int], size: int
) -> SSAValue:
    """`source` with dimension `cut` in panels of `size`: [blocks, others..., size].
    Emits the ops at the insertion point."""
    type_ = tensor_type(source)
    shape = list(type_.get_shape())
    element = type_.element_type
    missing = -shape[cut] % size
    if missing:
        shape[cut] += missing
        high = [missing if d == cut else 0 for d in range(len(shape))]
        source = pad_with_zeros(source, [0] * len(shape), high)
    blocks = shape[cut] // size
    expanded = [*shape[:cut], blocks, size, *shape[cut + 1 :]]
    groups = [[d] if d < cut else [d + 1] for d in range(len(shape))]
    groups[cut] = [cut, cut + 1]
    split = tensor.ExpandShapeOp(
        source,
        (),
        reassociation(groups),
        DenseArrayBase.from_list(i64, expanded),
        TensorType(element, expanded),
    )
    place = [cut, *(d if d < cut else d + 1 for d in others), cut + 1]
    return transpose(split.result, place)


def panel_map(
    map_: AffineMap, iterator: int, cut: int, others: Sequence[int], size: int
) -> AffineMap:
    """`(.., n, ..) -> (n floordiv size, others..., n mod size)`."""
    n = AffineExpr.dimension(iterator)
    middle = [map_.results[d] for d in others]
    return AffineMap(map_.num_dims, 0, (n // size, *middle, n % size))


class PackOperands(RewritePattern):
    """Rewrites one operand at a time until the schedule is satisfied."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        if op.schedule is None or not isinstance(op.c.type, TensorType):
            return
        schedule = op.schedule.data
        wanted = ((0, schedule.m, schedule.pack_a), (1, schedule.n, schedule.pack_b))
        for index, iterator, size in wanted:
            if size is None or iterator is None or is_packed(op, index, iterator):
                continue
            with ImplicitBuilder(rewriter):
                pack(op, index, iterator, size, schedule)
            rewriter.notify_op_modified(op)


def is_packed(op: ContractOp, index: int, iterator: int) -> bool:
    """Whether the operand lies in panels of this iterator already."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    assert table is not None
    forms = (table.a, table.b)[index]
    return any(isinstance(f, Blocked) and f.iterator == iterator for f in forms)


def pack(
    op: ContractOp, index: int, iterator: int, size: int, schedule: Schedule
) -> None:
    """Replaces operand `index` of the op by its panels, and its map."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    assert table is not None
    forms = (table.a, table.b)[index]
    name = "ab"[index]
    if not any(isinstance(f, Linear) and f.plain == iterator for f in forms):
        unsupported(
            op,
            f"expected the packed iterator to be a dimension of {name} by itself, got "
            f"{op.maps[index]}; leave pack={name}{size} out of the schedule",
        )
    linear = [f for f in forms if isinstance(f, Linear)]
    if len(linear) != len(forms):
        unsupported(op, f"expected {name} not to be packed along another dimension")
    cut, others = panel_order(linear, iterator, table, schedule)
    op.operands[index] = make_panels(op.operands[index], cut, others, size)
    maps = list(op.maps)
    maps[index] = panel_map(maps[index], iterator, cut, others, size)
    op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in maps)


@dataclass(frozen=True)
class PackOperandsPass(ModulePass):
    """Operands move into the panels of their schedules."""

    name = "pack-operands"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(PackOperands(), apply_recursively=False).rewrite_module(op)
