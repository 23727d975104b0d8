"""Part of `propagate-layouts`: a product writes its result in the order in which it is
read, where the other operand has the new columns side by side.

    %g = br.contract ins(%x, %dy) ...           // x^T dy: [C, K]
    %w1 = linalg.generic ins(%w, %g) ...        // reads g as (d1, d0): an update of w
    ->
    %g = br.contract ins(%dy, %x) ...           // dy^T x: [K, C]
    %w1 = linalg.generic ins(%w, %g) ...        // as (d0, d1)

So the update of the weights of a linear layer, which has them as [K, C], goes through
all of its operands from end to end.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, Use
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.pattern_rewriter import (
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.hints import isa

from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Role
from passes.normalise.normalise_contractions import contraction_of, schedulable
from passes.shared.linalg_match import (
    fill_value,
    is_all_parallel,
    is_copy,
    is_permutation,
    maps_of,
    transposed_init,
)


def order_of(map_: AffineMap) -> list[int] | None:
    """The iterators of a permutation."""
    if not is_permutation(map_):
        return None
    return [e.position for e in map_.results if isinstance(e, AffineDimExpr)]


def permute_results(map_: AffineMap, order: Sequence[int]) -> AffineMap:
    """The map of the same operand with its dimensions in another order."""
    return AffineMap(map_.num_dims, 0, tuple(map_.results[i] for i in order))


def is_dead_copy(op: Operation) -> bool:
    """Whether all who read a copy have come to read its source."""
    return is_copy(op) and not any(r.uses for r in op.results)


def order_read(use: Use) -> list[int] | None:
    """How the result should lie: its dimensions in the order in which its reader, an
    element-wise op or a copy that is returned, writes; None where it has no such
    wish."""
    reader = use.operation
    if not isinstance(reader, linalg.GenericOp) or not is_all_parallel(reader):
        return None
    inputs = len(reader.inputs)
    if use.index >= inputs:
        return None
    if is_copy(reader):
        uses = list(reader.res[0].uses)
        if any(not isinstance(u.operation, func.ReturnOp) for u in uses):
            return None  # who reads the copy may as well read its source
    maps = maps_of(reader)
    read, written = order_of(maps[use.index]), order_of(maps[inputs])
    if read is None or written is None:
        return None
    return [read.index(i) for i in written]


class WriteAsRead(RewritePattern):
    """Permutes C, and exchanges A and B if the columns are A's then."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        if op.res is None or op.schedule is not None:
            return
        if op.epilogue is not None or not isa(op.res.type, TensorType):
            return
        if not isinstance(op.c.owner, tensor.EmptyOp) and fill_value(op.c) is None:
            return  # what it adds to would have to be transposed instead
        dead = [u.operation for u in op.res.uses if is_dead_copy(u.operation)]
        uses = [u for u in op.res.uses if u.operation not in dead]
        if len(uses) != 1:
            return
        order = order_read(uses[0])
        if order is None or order == sorted(order):
            return
        table = contraction_of((op.a, op.b, op.c), op.maps)
        if table is None:
            return
        map_a, map_b, map_c = op.maps
        operands = ((op.a, map_a, table.a), (op.b, map_b, table.b))
        map_c = permute_results(map_c, order)
        if map_c.results[-1] not in map_b.results:
            operands = operands[::-1]
        (a, map_a, form_a), (b, map_b, form_b) = operands
        form_c = tuple(table.c[i] for i in order)
        new_table = Contraction(table.extents, form_a, form_b, form_c)
        reductions = set(table.having(Role.K))
        if map_b.results[-1] != map_c.results[-1]:
            return  # the columns would not lie side by side
        if not schedulable(new_table, reductions):
            return
        with ImplicitBuilder(rewriter):
            start = transposed_init(op.c, order)
        maps = (map_a, map_b, map_c)
        new = ContractOp(a, b, start, maps, op.iterator_types, beta=op.beta_value)
        new.location = op.location
        reader, index = uses[0].operation, uses[0].index
        assert isinstance(reader, linalg.GenericOp)
        read = list(maps_of(reader))
        read[index] = permute_results(read[index], order)
        for copy in dead:
            rewriter.erase(copy)
        reader.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in read)
        rewriter.replace(op, new)
        rewriter.notify_op_modified(reader)
