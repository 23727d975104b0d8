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

The result differs from that of the direct sum by rounding only, usually less than that
one does, since chains of additions are a ninth as long. But infinities and NaNs reach
all outputs of the tiles that read them. Windows are left as they are on targets that
ask for exact products, where a schedule stands on the op, where they move by more than
one element or have holes, and where the transforms would cost more than they spare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    ArrayAttr,
    ModuleOp,
    TensorType,
)
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.ops import ContractOp
from brdialect.target import target_of
from passes.fuse.fuse_epilogues import inline
from passes.fuse.window_choice import (
    OUTPUTS,
    POINTS,
    TAPS,
    Window,
    Windows,
    windows_of,
)
from passes.fuse.window_matrices import (
    OF_PIXELS,
    OF_POSITIONS,
    OF_TAPS,
    TO_POSITIONS,
    TO_TAPS,
    At,
    Matrix,
    cube,
    generic,
    joined,
    stacked,
    tap_element,
    tile_element,
    transform,
)
from passes.shared.build import LocatedBuilder, shape_of, tensor_type
from passes.shared.linalg_match import (
    pad_with_zeros,
    zero_padding,
)
from passes.shared.recurrent_tensors import stack


@dataclass(frozen=True)
class Transformation:
    """Emits what takes the place of a contraction."""

    op: ContractOp
    form: Windows

    @property
    def windows(self) -> Sequence[Window]:
        """One for each dimension."""
        return self.form.windows

    @property
    def points(self) -> list[At]:
        """Of a tile."""
        return cube(POINTS, len(self.windows))

    def tiled(
        self, operand: SSAValue, places: Sequence[int], overlap: int, matrix: Matrix
    ) -> SSAValue:
        """[points, ..., tiles, ...] of an operand with pixels along `places`, of which
        neighbouring tiles share `overlap`."""
        sizes = list(shape_of(operand))
        low, missing = [0] * len(sizes), [0] * len(sizes)
        for d in places:
            pixels = sizes[d] - overlap
            missing[d] = pixels % OUTPUTS
            sizes[d] = -(-pixels // OUTPUTS)
        if any(missing) and (padding := zero_padding(operand)) is not None:
            operand, low = padding.source, list(padding.low)
            missing = [x + y for x, y in zip(missing, padding.high, strict=True)]
        operand = pad_with_zeros(operand, low, missing)

        def element(at: At) -> Sequence[AffineExpr]:
            return tile_element(len(sizes), places, at)

        return self.transformed(operand, sizes, OUTPUTS + overlap, element, matrix)

    def of_taps(self, operand: SSAValue, places: Sequence[int]) -> SSAValue:
        """[points, ..., without the taps] of an operand with taps along `places`."""
        rank = len(shape_of(operand))
        sizes = [n for d, n in enumerate(shape_of(operand)) if d not in places]

        def element(at: At) -> Sequence[AffineExpr]:
            return tap_element(rank, places, self.in_order(at))

        return self.transformed(operand, sizes, TAPS, element, OF_TAPS)

    def transformed(
        self,
        operand: SSAValue,
        shape: Sequence[int],
        size: int,
        element: Callable[[At], Sequence[AffineExpr]],
        matrix: Matrix,
    ) -> SSAValue:
        """[points, *shape]: the matrix times `size` elements along each dimension."""
        positions = cube(size, len(self.windows))
        maps = [AffineMap(len(shape), 0, tuple(element(at))) for at in positions]
        type_ = TensorType(tensor_type(operand).element_type, shape)

        def body(values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            read = dict(zip(positions, values, strict=True))
            return list(transform(matrix, read).values())

        count = len(self.points)
        return stack(generic([operand] * len(maps), maps, type_, body, count))

    def in_order(self, at: At) -> At:
        """The taps as the op counts them."""
        pairs = zip(self.windows, at, strict=True)
        return tuple(TAPS - 1 - i if w.reversed else i for w, i in pairs)

    def operands(self) -> tuple[SSAValue, SSAValue]:
        """a and b, transformed."""
        read, other = self.form.read, 1 - self.form.read
        whole = self.op.operands
        places = [w.in_other for w in self.windows]
        of_pixels = [w.in_read for w in self.windows]
        found = {read: self.tiled(whole[read], of_pixels, TAPS - 1, OF_PIXELS)}
        if self.form.taps_in_result:
            found[other] = self.tiled(whole[other], places, 0, OF_POSITIONS)
        else:
            found[other] = self.of_taps(whole[other], places)
        return found[0], found[1]

    def products(self) -> SSAValue:
        """The sums over all but the taps, for each point."""
        op, form = self.op, self.form
        taps = {w.tap for w in self.windows}
        kept = [i for i in range(len(op.iterator_types)) if i not in taps]
        dims = [AffineExpr.constant(0) for _ in op.iterator_types]
        for new, old in enumerate(kept):
            dims[old] = AffineExpr.dimension(new + 1)
        alone = {AffineExpr.dimension(i) for i in taps}
        point = AffineExpr.dimension(0)

        def moved(map_: AffineMap) -> AffineMap:
            results = tuple(e for e in map_.results if e not in alone)
            small = AffineMap(map_.num_dims, 0, results)
            placed = small.replace_dims_and_symbols(dims, [], len(kept) + 1, 0)
            return AffineMap(len(kept) + 1, 0, (point, *placed.results))

        maps = [moved(m) for m in op.maps[:3]]
        # a tile is read where its position is
        results = list(maps[form.read].results)
        for w in self.windows:
            results[w.in_read + 1] = dims[w.position]
        maps[form.read] = AffineMap(len(kept) + 1, 0, tuple(results))
        element = tensor_type(op.c).element_type
        type_ = TensorType(element, [len(self.points), *self.sizes()])
        kinds = [op.iterator_types.data[i] for i in kept]
        new = ContractOp(
            *self.operands(),
            tensor.EmptyOp((), type_).tensor,
            tuple(maps),
            ArrayAttr([IteratorTypeAttr.parallel(), *kinds]),
            beta=0.0,
        )
        assert new.res is not None
        return new.res

    def sizes(self) -> list[int]:
        """Of c, counted in tiles, or without the taps."""
        sizes = dict(enumerate(shape_of(self.op.c)))
        for w in self.windows:
            if self.form.taps_in_result:
                del sizes[w.in_c]
            else:
                sizes[w.in_c] = -(-sizes[w.in_c] // OUTPUTS)
        return list(sizes.values())

    def outputs(self, products: SSAValue) -> SSAValue:
        """c, from the products, after the epilogue."""
        op, sizes = self.op, self.sizes()
        places = [w.in_c for w in self.windows]
        if self.form.taps_in_result:
            size, matrix = TAPS, TO_TAPS
            fronts = [d - i for i, d in enumerate(places)]
        else:
            size, matrix = OUTPUTS, TO_POSITIONS
            fronts = [d + 1 for d in places]
        positions = cube(size, len(places))
        inputs = [products] * len(self.points)
        every = [AffineExpr.dimension(d) for d in range(len(sizes))]
        maps = [
            AffineMap(len(sizes), 0, (AffineExpr.constant(i), *every))
            for i in range(len(inputs))
        ]
        reads = self.extras(positions, inputs, maps)
        type_ = TensorType(tensor_type(op.c).element_type, sizes)

        def body(values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            points = dict(zip(self.points, values, strict=False))
            results: list[SSAValue] = []
            for at, sum_ in transform(matrix, points).items():
                if op.epilogue is not None:
                    extras = [values[read[at]] for read in reads]
                    (sum_,) = inline(op.epilogue.block, [sum_, *extras])
                results.append(sum_)
            return results

        parts = generic(inputs, maps, type_, body, len(positions))
        if self.form.taps_in_result:
            by_tap = dict(zip(map(self.in_order, positions), parts, strict=True))
            return stacked(by_tap, size, fronts)
        by_position = dict(zip(positions, parts, strict=True))
        return joined(stacked(by_position, size, fronts), places, shape_of(op.c))

    def extras(
        self, positions: Sequence[At], inputs: list[SSAValue], maps: list[AffineMap]
    ) -> list[dict[At, int]]:
        """Adds what the epilogue reads to `inputs` and `maps`; where it is there, by
        position."""
        op, rank = self.op, len(self.sizes())
        places, whole = [w.in_c for w in self.windows], len(shape_of(op.c))
        found: list[dict[At, int]] = []
        for extra, map_ in zip(op.extras, op.maps[3:], strict=True):
            here: dict[AffineMap, int] = {}
            found.append({})
            for at in positions:
                if self.form.taps_in_result:
                    element = tap_element(whole, places, self.in_order(at))
                else:
                    element = tile_element(whole, places, at)
                of_iterators = [AffineExpr.constant(0)] * len(op.iterator_types)
                for e, of_c in zip(element, op.maps[2].results, strict=True):
                    (iterator,) = of_c.used_dims()
                    of_iterators[iterator] = e
                read = map_.replace_dims_and_symbols(of_iterators, [], rank, 0)
                if read not in here:
                    here[read] = len(inputs)
                    inputs.append(extra)
                    maps.append(read)
                found[-1][at] = here[read]
        return found


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
                new = Transformation(contract, form)
                result = new.outputs(new.products())
            Rewriter.replace_op(contract, (), (result,))
