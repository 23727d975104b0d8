"""`transform-windows`: convolutions by 3x3 windows with fewer multiplications.

Two neighbouring outputs of a window of three taps take six products, or four, by
Winograd's minimal filtering F(2, 3) (Lavin and Gray, arXiv:1509.09308):

    y = A^T ((G w) * (B^T x))        x: 4 inputs, w: 3 taps, y: 2 outputs

In two dimensions a tile of 2x2 outputs takes 16 products in place of 36, and each of
the 16 is summed over the channels: 16 matrix products of all tiles at once.

    %y = br.contract ins(%x, %w) {maps = [(n, p, q, k, r, s, c) -> (n, p+r, q+s, c),
                                          -> (r, s, c, k), -> (n, p, q, k)]}
    ->
    %v:16 = linalg.generic ins(%x ...) {B^T x B}        // 4x4 pixels of each tile
    %V = tensor.insert_slice ...                        // [16, N, P/2, Q/2, C]
    %u:16 = linalg.generic ins(%w ...) {G w G^T}        // once, if known when loading
    %M = br.contract ins(%V, %U) {maps = [(t, n, p, q, k, c) -> (t, n, p, q, c), ...]}
    %y:4 = linalg.generic ins(%M ..., %bias) {A^T M A; epilogue}
    %Y = tensor.insert_slice ...                        // [N, P/2, 2, Q/2, 2, K]

Gradients have the same three parts. That by the input reads its windows backwards, at
`p - r + 2`. In that by the weights the taps are of the result, which three products of
two positions give, F(3, 2): the tiles are summed up between the transforms, and so one
set of 16 products is transformed in the end.

    %dw = br.contract ins(%x, %dy) {maps = [-> (n, p+r, q+s, c), -> (n, p, q, k),
                                            -> (r, s, c, k)]}

Many tiles go in blocks that the L2 holds (window_blocks.py), which threads share:

    %Y = scf.for %part = 0 to 2 iter_args(..) {
      scf.for %block = .. { extract_slice of %x; the three parts; insert_slice into %Y }
    } {br.parallel}

or, where the weights have more points than the tiles, in blocks of columns: each thread
transforms %x, and then in its loop %w, some columns at a time.

The result differs from that of the direct sum by rounding only, usually less than that
one does, since chains of additions are a ninth as long. But infinities and NaNs reach
all outputs of the tiles that read them. Windows are left as they are on targets that
ask for exact products, where a schedule stands on the op, where they move by more than
one element or have holes, and where the transforms would cost more than they spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import AnyFloat, ModuleOp, TensorType
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.ops import ContractOp
from brdialect.target import target_of
from passes.fuse.window_blocks import Cut
from passes.fuse.window_choice import OUTPUTS, Windows, windows_of
from passes.fuse.window_matrices import joined, spread, stacked
from passes.fuse.window_transformation import Transformation
from passes.shared.build import (
    Index,
    LocatedBuilder,
    add,
    divide,
    for_loop,
    mul,
    remainder,
    shape_of,
    tensor_type,
)
from passes.shared.linalg_match import insert_slice, sum_of_copies
from passes.shared.recurrent_tensors import zeros
from passes.shared.shared_loop import shared_loop

Block = Mapping[Cut, Index]
"""Its number in each cut."""


def in_blocks(
    cuts: Sequence[Cut],
    initial: SSAValue,
    body: Callable[[Block, SSAValue], SSAValue],
    part: Index = 0,
    parts: int = 1,
) -> SSAValue:
    """What `body` makes of `initial`, block after block of one of the `parts`."""
    if not cuts:
        return body({}, initial)

    def trip(number: Index, carried: SSAValue) -> tuple[SSAValue]:
        block: dict[Cut, Index] = {}
        outermost, *others = cuts
        for cut in reversed(others):
            block[cut] = remainder(number, cut.trips)
            number = divide(number, cut.trips)
        block[outermost] = number
        return (body(block, carried),)

    count = prod(cut.trips for cut in cuts)
    first, last = (divide(mul(i, count), parts) for i in (part, add(part, 1)))
    return for_loop(first, last, 1, trip, [initial])[0]


def sums_of(whole: Transformation, threads: int) -> SSAValue:
    """The sums over all tiles, in the gradient by the weights: each thread's own, and
    then the sum of these."""
    cuts = whole.form.cuts
    type_ = whole.type_of_products()
    shape, element = type_.get_shape(), type_.element_type
    assert isinstance(element, AnyFloat)

    def block(at: Block, sums: SSAValue) -> SSAValue:
        return whole.part(at).products(sums=sums)

    def share(part: Index, copies: SSAValue) -> SSAValue:
        sums = in_blocks(cuts, zeros(shape, element), block, part, threads)
        offsets = [part, *[0] * len(shape)]
        return insert_slice(sums, copies, offsets, [1, *shape])

    if threads == 1:
        return in_blocks(cuts, zeros(shape, element), block)
    empty = tensor.EmptyOp((), TensorType(element, [threads, *shape])).tensor
    copies = shared_loop(threads, share, empty)
    return sum_of_copies(copies, zeros(shape, element))


def outputs_of(
    whole: Transformation, threads: int, fronts: Sequence[int], shape: Sequence[int]
) -> SSAValue:
    """The outputs of all blocks; their places in tiles, or taps, are counted by the
    dimensions `fronts`."""
    columns = whole.form.columns
    cuts = whole.form.cuts if columns is None else [columns]
    others = whole.others() if columns is None else None
    element = tensor_type(whole.op.c).element_type
    empty = tensor.EmptyOp((), TensorType(element, shape)).tensor

    def share(part: Index, outputs: SSAValue) -> SSAValue:
        pixels = None if columns is None else whole.pixels()

        def block(at: Block, outputs: SSAValue) -> SSAValue:
            # known before the parts are, which so are written where they belong
            starts, this = whole.starts(at), whole.part(at)
            parts = this.outputs(this.products(pixels, others))
            return stacked(parts, fronts, outputs, starts)

        return in_blocks(cuts, outputs, block, part, threads)

    return shared_loop(threads, share, empty) if cuts else share(0, empty)


def by_windows(op: ContractOp, form: Windows, threads: int) -> SSAValue:
    """c, by tiles."""
    whole = Transformation.of(op, form)
    shape = shape_of(op.c)
    if form.taps_in_result and form.cuts:
        parts = whole.outputs(sums_of(whole, threads))
        return stacked(parts, whole.places, tensor.EmptyOp((), op.c.type).tensor)
    if form.taps_in_result:
        return outputs_of(whole, threads, whole.places, shape)
    fronts, sizes = whole.places_in_tiles(), whole.sizes()
    spread_shape = spread(fronts, [OUTPUTS] * len(fronts), sizes)
    return joined(outputs_of(whole, threads, fronts, spread_shape), whole.places, shape)


@dataclass(frozen=True)
class TransformWindowsPass(ModulePass):
    """3x3 windows by Winograd's minimal filtering, where that is faster."""

    name = "transform-windows"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        if target.is_gpu or target.exact:
            return
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if (form := windows_of(contract, target)) is None:
                continue
            at = LocatedBuilder(InsertPoint.before(contract), contract.location)
            with ImplicitBuilder(at):
                result = by_windows(contract, form, target.threads)
            Rewriter.replace_op(contract, (), (result,))
