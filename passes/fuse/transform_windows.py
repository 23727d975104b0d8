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
    %u:16 = linalg.generic ins(%w ...) {G w G^T}        // once, when loading
    %M = br.contract ins(%V, %U) {maps = [(t, n, p, q, k, c) -> (t, n, p, q, c), ...]}
    %y:4 = linalg.generic ins(%M ..., %bias) {A^T M A; epilogue}
    %Y = tensor.insert_slice ...                        // [N, P/2, 2, Q/2, 2, K]

The result differs from that of the direct sum by rounding only, usually less than that
one does, since chains of additions are a ninth as long. But infinities and NaNs reach
all outputs of the tiles that read them. Windows are left as they are on targets that
ask for exact products, where a schedule stands on the op, where they move by more than
one element or have holes, and where the transforms would cost more than they spare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    ArrayAttr,
    FloatAttr,
    ModuleOp,
    TensorType,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.ops import ContractOp
from brdialect.target import target_of
from passes.fuse.fuse_epilogues import inline, new_block
from passes.fuse.window_choice import OUTPUTS, POINTS, TAPS, Window, windows_of
from passes.shared.build import LocatedBuilder, shape_of, tensor_type
from passes.shared.linalg_match import (
    collapse,
    pad_with_zeros,
    parallel_generics,
    zero_padding,
)
from passes.shared.recurrent_tensors import stack

Matrix = Sequence[tuple[float, Sequence[int]]]
"""Rows of 0, 1 and -1, each with a factor."""

OF_INPUT: Matrix = (
    (1, (1, 0, -1, 0)),
    (1, (0, 1, 1, 0)),
    (1, (0, -1, 1, 0)),
    (1, (0, 1, 0, -1)),
)
OF_WEIGHTS: Matrix = (
    (1, (1, 0, 0)),
    (0.5, (1, 1, 1)),
    (0.5, (1, -1, 1)),
    (1, (0, 0, 1)),
)
OF_PRODUCTS: Matrix = ((1, (1, 1, 1, 0)), (1, (0, 1, -1, -1)))

At = tuple[int, ...]


def combined(row: tuple[float, Sequence[int]], values: Sequence[SSAValue]) -> SSAValue:
    """The sum of the values that a row of a matrix has, times its factor."""
    factor, signs = row
    pairs = sorted(zip(signs, values, strict=True), key=lambda pair: -pair[0])
    (_, total), *others = [pair for pair in pairs if pair[0]]
    for sign, v in others:
        total = (arith.AddfOp if sign > 0 else arith.SubfOp)(total, v).result
    if factor != 1:
        assert isinstance(total.type, AnyFloat)
        scale = arith.ConstantOp(FloatAttr(factor, total.type)).result
        total = arith.MulfOp(total, scale).result
    return total


def transform(matrix: Matrix, values: Mapping[At, SSAValue]) -> dict[At, SSAValue]:
    """A square, or cube, of values times the matrix along each of its dimensions."""
    for axis in range(len(next(iter(values)))):
        lines: dict[At, list[SSAValue]] = {}
        for at in sorted(values):
            lines.setdefault((*at[:axis], *at[axis + 1 :]), []).append(values[at])
        values = {
            (*rest[:axis], i, *rest[axis:]): combined(row, line)
            for rest, line in lines.items()
            for i, row in enumerate(matrix)
        }
    return dict(sorted(values.items()))


def cube(size: int, dimensions: int) -> list[At]:
    """All positions in it, the last dimension fastest."""
    return list(product(range(size), repeat=dimensions))


def one_of_each(map_: AffineMap, places: Iterable[int], at: At) -> AffineMap:
    """A map from elements, for the elements `at` of each tile; dimensions `places` are
    cut into tiles."""
    dims = [AffineExpr.dimension(d) for d in range(map_.num_dims)]
    for place, offset in zip(places, at, strict=True):
        dims[place] = dims[place] * OUTPUTS + offset
    return map_.replace_dims_and_symbols(dims, [], map_.num_dims, 0)


def generic(
    inputs: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    result: TensorType,
    body: Callable[[Sequence[SSAValue]], Sequence[SSAValue]],
    count: int,
) -> Sequence[SSAValue]:
    """`count` tensors of one type; `body` computes an element of each."""
    outs = [tensor.EmptyOp((), result).tensor for _ in range(count)]
    block = new_block([*inputs, *outs])
    with ImplicitBuilder(block):
        linalg.YieldOp(*body(block.args[: len(inputs)]))
    return parallel_generics(inputs, outs, maps, block).res


def stacked(parts: Mapping[At, SSAValue], size: int, places: Sequence[int]) -> SSAValue:
    """One tensor of all parts: `size` of them along a dimension in front of each of
    `places`."""
    type_ = tensor_type(next(iter(parts.values())))
    inner = type_.get_shape()
    fronts = [d + sum(other < d for other in places) for d in places]
    rest = [d for d in range(len(inner) + len(places)) if d not in fronts]

    def spread(of_parts: Sequence[int], of_inner: Sequence[int]) -> list[int]:
        mixed = dict(zip([*fronts, *rest], [*of_parts, *of_inner], strict=True))
        return [mixed[d] for d in sorted(mixed)]

    shape = spread([size] * len(places), inner)
    whole = tensor.EmptyOp((), TensorType(type_.element_type, shape)).tensor
    sizes = spread([1] * len(places), inner)
    for at, part in parts.items():
        offsets = spread(at, [0] * len(inner))
        whole = tensor.InsertSliceOp.from_static_parameters(
            part, whole, offsets, sizes
        ).result
    return whole


@dataclass(frozen=True)
class Transformation:
    """Emits what takes the place of a contraction."""

    op: ContractOp
    windows: Sequence[Window]

    @property
    def points(self) -> list[At]:
        """Of a tile."""
        return cube(POINTS, len(self.windows))

    def inputs(self) -> SSAValue:
        """a, transformed: [points, ..., tiles, ...]."""
        a, rank = self.op.a, len(shape_of(self.op.a))
        sizes = list(shape_of(a))
        missing = [0] * rank
        for w in self.windows:
            outputs = sizes[w.in_a] - TAPS + 1
            missing[w.in_a] = outputs % OUTPUTS
            sizes[w.in_a] = -(-outputs // OUTPUTS)
        low = [0] * rank
        if any(missing) and (padding := zero_padding(a)) is not None:
            a, low = padding.source, list(padding.low)
            missing = [x + y for x, y in zip(missing, padding.high, strict=True)]
        a = pad_with_zeros(a, low, missing)
        places = [w.in_a for w in self.windows]
        same = AffineMap.identity(rank)
        maps = [one_of_each(same, places, at) for at in self.points]
        type_ = TensorType(tensor_type(a).element_type, sizes)

        def body(pixels: Sequence[SSAValue]) -> Sequence[SSAValue]:
            read = dict(zip(self.points, pixels, strict=True))
            return list(transform(OF_INPUT, read).values())

        return stack(generic([a] * len(maps), maps, type_, body, len(maps)))

    def weights(self) -> SSAValue:
        """b, transformed: [points, ..., without the taps]."""
        b, gone = self.op.b, [w.in_b for w in self.windows]
        kept = [d for d in range(len(shape_of(b))) if d not in gone]
        type_ = tensor_type(b)
        result = TensorType(type_.element_type, [shape_of(b)[d] for d in kept])
        taps = cube(TAPS, len(gone))
        maps: list[AffineMap] = []
        for at in taps:
            read = dict(zip(gone, map(AffineExpr.constant, at), strict=True))
            read |= {d: AffineExpr.dimension(i) for i, d in enumerate(kept)}
            results = tuple(read[d] for d in sorted(read))
            maps.append(AffineMap(len(kept), 0, results))

        def body(values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            read = dict(zip(taps, values, strict=True))
            return list(transform(OF_WEIGHTS, read).values())

        count = len(self.points)
        return stack(generic([b] * len(taps), maps, result, body, count))

    def products(self) -> SSAValue:
        """The sums over all but the taps, for each point."""
        op, taps = self.op, {w.tap for w in self.windows}
        kept = [i for i in range(len(op.iterator_types)) if i not in taps]
        dims = [AffineExpr.constant(0) for _ in op.iterator_types]
        for new, old in enumerate(kept):
            dims[old] = AffineExpr.dimension(new + 1)
        point = AffineExpr.dimension(0)

        def moved(map_: AffineMap, gone: Sequence[int] = ()) -> AffineMap:
            results = [e for d, e in enumerate(map_.results) if d not in gone]
            small = AffineMap(map_.num_dims, 0, tuple(results))
            placed = small.replace_dims_and_symbols(dims, [], len(kept) + 1, 0)
            return AffineMap(len(kept) + 1, 0, (point, *placed.results))

        of_a, of_b, of_c = op.maps[:3]
        shape = [len(self.points), *self.tiles()]
        element = tensor_type(op.c).element_type
        new = ContractOp(
            self.inputs(),
            self.weights(),
            tensor.EmptyOp((), TensorType(element, shape)).tensor,
            (moved(of_a), moved(of_b, [w.in_b for w in self.windows]), moved(of_c)),
            ArrayAttr(
                [
                    IteratorTypeAttr.parallel(),
                    *(op.iterator_types.data[i] for i in kept),
                ]
            ),
            beta=0.0,
        )
        assert new.res is not None
        return new.res

    def tiles(self) -> list[int]:
        """The sizes of c, counted in tiles."""
        sizes = list(shape_of(self.op.c))
        for w in self.windows:
            sizes[w.in_c] = -(-sizes[w.in_c] // OUTPUTS)
        return sizes

    def outputs(self, products: SSAValue) -> SSAValue:
        """c, from the products, after the epilogue."""
        op, sizes = self.op, self.tiles()
        rank, positions = len(sizes), cube(OUTPUTS, len(self.windows))
        places = [w.in_c for w in self.windows]
        inputs = [products] * len(self.points)
        every = [AffineExpr.dimension(d) for d in range(rank)]
        maps = [
            AffineMap(rank, 0, (AffineExpr.constant(i), *every))
            for i in range(len(inputs))
        ]
        in_c = [AffineExpr.constant(0)] * len(op.iterator_types)
        for d, e in enumerate(op.maps[2].results):
            (iterator,) = e.used_dims()
            in_c[iterator] = every[d]
        reads: list[dict[At, int]] = []
        for extra, map_ in zip(op.extras, op.maps[3:], strict=True):
            of_c = map_.replace_dims_and_symbols(in_c, [], rank, 0)
            here: dict[AffineMap, int] = {}
            reads.append({})
            for at in positions:
                read = one_of_each(of_c, places, at)
                if read not in here:
                    here[read] = len(inputs)
                    inputs.append(extra)
                    maps.append(read)
                reads[-1][at] = here[read]
        type_ = TensorType(tensor_type(op.c).element_type, sizes)

        def body(values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            points = dict(zip(self.points, values, strict=False))
            results: list[SSAValue] = []
            for at, sum_ in transform(OF_PRODUCTS, points).items():
                if op.epilogue is not None:
                    extras = [values[read[at]] for read in reads]
                    (sum_,) = inline(op.epilogue.block, [sum_, *extras])
                results.append(sum_)
            return results

        parts = generic(inputs, maps, type_, body, len(positions))
        by_position = dict(zip(positions, parts, strict=True))
        whole = stacked(by_position, OUTPUTS, [d + 1 for d in places])
        groups: list[list[int]] = []
        for d in range(rank):
            first = groups[-1][-1] + 1 if groups else 0
            groups.append([first, first + 1] if d in places else [first])
        joined = collapse(whole, groups)
        if shape_of(joined) == shape_of(op.c):
            return joined
        zeros, ones = [0] * rank, [1] * rank
        whole_c = tensor_type(op.c)
        return tensor.ExtractSliceOp(
            joined, zeros, list(shape_of(op.c)), ones, whole_c
        ).result


@dataclass(frozen=True)
class TransformWindowsPass(ModulePass):
    """3x3 windows by Winograd's minimal filtering, where that is faster."""

    name = "transform-windows"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        if target.is_gpu or target.exact:
            return
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if not (windows := windows_of(contract, target)):
                continue
            at = LocatedBuilder(InsertPoint.before(contract), contract.location)
            with ImplicitBuilder(at):
                new = Transformation(contract, windows)
                result = new.outputs(new.products())
            Rewriter.replace_op(contract, (), (result,))
