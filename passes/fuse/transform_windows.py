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

The result differs from that of the direct sum by rounding only, usually less than that
one does, since chains of additions are a ninth as long. But infinities and NaNs reach
all outputs of the tiles that read them. Windows are left as they are on targets that
ask for exact products, where a schedule stands on the op, where they move by more than
one element or have holes, and where the transforms would cost more than they spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    form: Windows,
    initial: SSAValue,
    body: Callable[[Block, SSAValue], SSAValue],
    part: Index = 0,
    parts: int = 1,
) -> SSAValue:
    """What `body` makes of `initial`, block after block of one of the `parts`."""

    def trip(number: Index, carried: SSAValue) -> tuple[SSAValue]:
        block: dict[Cut, Index] = {}
        outermost, *others = form.cuts
        for cut in reversed(others):
            block[cut] = remainder(number, cut.trips)
            number = divide(number, cut.trips)
        block[outermost] = number
        return (body(block, carried),)

    count = prod(cut.trips for cut in form.cuts)
    first, last = (divide(mul(i, count), parts) for i in (part, add(part, 1)))
    return for_loop(first, last, 1, trip, [initial])[0]


def products_of(whole: Transformation, threads: int) -> SSAValue:
    """The sums over all tiles, in the gradient by the weights: each thread's own, and
    then the sum of these."""
    if not whole.form.cuts:
        return whole.products()
    type_ = whole.type_of_products()
    shape, element = type_.get_shape(), type_.element_type
    assert isinstance(element, AnyFloat)

    def block(at: Block, sums: SSAValue) -> SSAValue:
        return whole.part(at).products(sums)

    def share(part: Index, copies: SSAValue) -> SSAValue:
        start = zeros(shape, element)
        sums = in_blocks(whole.form, start, block, part, threads)
        offsets = [part, *[0] * len(shape)]
        return insert_slice(sums, copies, offsets, [1, *shape])

    if threads == 1:
        return in_blocks(whole.form, zeros(shape, element), block)
    empty = tensor.EmptyOp((), TensorType(element, [threads, *shape])).tensor
    copies = shared_loop(threads, share, empty)
    return sum_of_copies(copies, zeros(shape, element))


def tiles_of(whole: Transformation, threads: int) -> SSAValue:
    """The outputs of all tiles, their positions a dimension behind each of tiles."""
    weights, sizes, fronts = whole.weights(), whole.sizes(), whole.places_in_tiles()
    shape = spread(fronts, [OUTPUTS] * len(fronts), sizes)
    element = tensor_type(whole.op.c).element_type
    empty = tensor.EmptyOp((), TensorType(element, shape)).tensor

    def block(at: Block, tiles: SSAValue) -> SSAValue:
        starts: list[Index] = [0] * len(sizes)
        for cut, number in at.items():
            starts[whole.dimension_of(cut.iterator)] = mul(number, cut.size)
        part = whole.part(at)
        parts = part.outputs(part.products(weights=weights))
        return stacked(parts, fronts, tiles, starts)

    if not whole.form.cuts:
        return block({}, empty)

    def share(part: Index, tiles: SSAValue) -> SSAValue:
        return in_blocks(whole.form, tiles, block, part, threads)

    return shared_loop(threads, share, empty)


def by_windows(op: ContractOp, form: Windows, threads: int) -> SSAValue:
    """c, by tiles."""
    whole = Transformation.of(op, form)
    if not form.taps_in_result:
        return joined(tiles_of(whole, threads), whole.places, shape_of(op.c))
    parts = whole.outputs(products_of(whole, threads))
    empty = tensor.EmptyOp((), op.c.type).tensor
    return stacked(parts, whole.places, empty)


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
