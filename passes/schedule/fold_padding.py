"""`fold-padding`: zeros that no call reads need not be there.

    %p = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0]      // 0: [1, 16, 16, 256]
    br.contract ins(%p, %w) outs(%c) {indexing_maps = [.. -> (a, c + f, d + g, e), ..],
      schedule = #br.schedule<"B64 C | m=d n=b k=e batch=f,g | skip=f">}
    ->
    %p = tensor.pad %x low[0, 0, 1, 0] high[0, 0, 1, 0]      // [1, 14, 16, 256]
    br.contract ins(%p, %w) outs(%c) {indexing_maps = [.. -> (a, c + f - 1, d + g, e),

The map now leads out of a, where zeros are, and the calls in the first and last rows
leave out the taps that do (`skip=f`): a tenth of all multiplications in a 3x3 layer on
7x7 pixels (paper, section 2, counts 18 % in rows and columns together).

On a GPU all of a window's zeros go, without a word in the schedule: copies to shared
memory put zeros where the map leads out of a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Contraction
from brdialect.schedule import LETTERS
from brdialect.target import Target, target_of
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.schedule_problem import bordered
from passes.shared.linalg_match import ZeroPadding, pad_with_zeros, zero_padding


def without(value: int, dims: Sequence[int], numbers: tuple[int, ...]) -> list[int]:
    """The numbers with another one at some places."""
    return [value if i in dims else n for i, n in enumerate(numbers)]


def skipped(
    op: ContractOp, table: Contraction, padding: ZeroPadding | None
) -> list[int]:
    """The dimension along which the schedule leaves taps out; none without `skip=`."""
    taps = None if op.schedule is None else op.schedule.data.skip
    if taps is None:
        return []
    window = table.window(taps)
    assert window is not None  # or else the schedule would not fit
    at = window.dimension
    if padding is None or not padding.low[at] + padding.high[at]:
        unsupported(
            op,
            f"expected zeros around a (tensor.pad) along '{LETTERS[taps]}' for "
            f"skip={LETTERS[taps]}, got none",
        )
    return [at]


@dataclass(frozen=True)
class FoldPadding(RewritePattern):
    """See the module's docstring."""

    target: Target

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        table = contraction_of((op.a, op.b, op.c), op.maps)
        padding = zero_padding(op.a)
        if table is None:
            return
        if self.target.is_gpu:
            dims = [] if padding is None else bordered(table.a, padding)
        else:
            dims = skipped(op, table, padding)
        if not dims or padding is None:
            return
        with ImplicitBuilder(rewriter):
            low, high = (without(0, dims, x) for x in (padding.low, padding.high))
            a = pad_with_zeros(padding.source, low, high)
        of_a, *others = op.maps
        moved = [
            e - padding.low[i] if i in dims and padding.low[i] else e
            for i, e in enumerate(of_a.results)
        ]
        maps = [AffineMap(of_a.num_dims, 0, tuple(moved)), *others]
        op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in maps)
        old, op.operands[0] = op.a.owner, a
        if isinstance(old, tensor.PadOp) and not old.result.uses:
            old.detach()
            old.erase()


@dataclass(frozen=True)
class FoldPaddingPass(ModulePass):
    """Padding along dimensions whose taps the schedule skips becomes implicit, on a GPU
    all padding of windows."""

    name = "fold-padding"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pattern = FoldPadding(target_of(op))
        PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(op)
