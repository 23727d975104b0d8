"""What takes the place of a convolution by 3x3 windows, or of a block of its tiles:
the transforms and the products of Winograd's minimal filtering (transform_windows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects import tensor
from xdsl.dialects.builtin import ArrayAttr, TensorType
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.ops import ContractOp
from passes.fuse.fuse_epilogues import inline
from passes.fuse.window_blocks import Cut
from passes.fuse.window_choice import OUTPUTS, POINTS, TAPS, Window, Windows
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
    tap_element,
    tile_element,
    transform,
)
from passes.shared.build import Index, mul, shape_of, tensor_type
from passes.shared.linalg_match import extract_slice, pad_with_zeros, zero_padding
from passes.shared.recurrent_tensors import stack


def padded(operand: SSAValue, missing: Sequence[int]) -> SSAValue:
    """With so many zeros more behind each dimension, in one padding."""
    low = [0] * len(missing)
    if any(missing) and (padding := zero_padding(operand)) is not None:
        operand, low = padding.source, list(padding.low)
        missing = [x + y for x, y in zip(missing, padding.high, strict=True)]
    return pad_with_zeros(operand, low, missing)


@dataclass(frozen=True)
class Transformation:
    """Emits what takes the place of a contraction, or of a block of its tiles."""

    op: ContractOp
    """Whose maps and epilogue these are."""

    form: Windows
    operands: Sequence[SSAValue]
    """a and b, padded to whole tiles and blocks."""

    extras: Sequence[SSAValue]
    """What the epilogue reads, padded where it has positions."""

    extents: Mapping[int, int]
    """Of the iterators over images and positions, of which there are whole tiles."""

    @staticmethod
    def of(op: ContractOp, form: Windows) -> Transformation:
        """That of all tiles."""
        extents = dict(enumerate(form.extents))
        for w in form.windows:
            extents[w.position] += -extents[w.position] % OUTPUTS
        for cut in form.cuts:
            extents[cut.iterator] = cut.trips * form.step(cut)
        operands = [op.a, op.b]
        places = {form.read: [w.in_read for w in form.windows]}
        if form.taps_in_result:
            places[1 - form.read] = [w.in_other for w in form.windows]
        for i, dims in places.items():
            missing = [0] * len(shape_of(operands[i]))
            for w, d in zip(form.windows, dims, strict=True):
                missing[d] = extents[w.position] - form.extents[w.position]
            operands[i] = padded(operands[i], missing)
        extras: list[SSAValue] = []
        for extra, map_ in zip(op.extras, op.maps[3:], strict=True):
            missing = [0] * len(map_.results)
            for d, e in enumerate(map_.results):
                if isinstance(e, AffineDimExpr):
                    missing[d] = extents[e.position] - form.extents[e.position]
            extras.append(padded(extra, missing))
        return Transformation(op, form, operands, extras, extents)

    @property
    def windows(self) -> Sequence[Window]:
        """One for each dimension."""
        return self.form.windows

    @property
    def points(self) -> list[At]:
        """Of a tile."""
        return cube(POINTS, len(self.windows))

    @property
    def places(self) -> list[int]:
        """The dimensions of c for the windows."""
        return [w.in_c for w in self.windows]

    def places_in_tiles(self) -> list[int]:
        """Of positions, each behind the dimension that counts its tiles."""
        return [d + i + 1 for i, d in enumerate(self.places)]

    def dimension_of(self, iterator: int) -> int:
        """That of c which an iterator indexes."""
        results = self.op.maps[2].results
        return results.index(AffineExpr.dimension(iterator))

    def starts(self, block: Mapping[Cut, Index]) -> Sequence[Index]:
        """Where the outputs of a block begin, for each of `sizes`."""
        places = self.places if self.form.taps_in_result else []
        starts: list[Index] = [0] * len(self.op.maps[2].results)
        for cut, number in block.items():
            starts[self.dimension_of(cut.iterator)] = mul(number, cut.size)
        return [i for d, i in enumerate(starts) if d not in places]

    def part(self, block: Mapping[Cut, Index]) -> Transformation:
        """That of a block, from its number in each cut."""
        sizes = {cut.iterator: self.form.step(cut) for cut in block}
        starts = {c.iterator: mul(i, sizes[c.iterator]) for c, i in block.items()}

        def slice_of(operand: SSAValue, map_: AffineMap) -> SSAValue:
            shape = list(shape_of(operand))
            offsets: list[Index] = [0] * len(shape)
            for d, e in enumerate(map_.results):
                for i in e.used_dims() & starts.keys():
                    offsets[d] = starts[i]
                    shape[d] += sizes[i] - self.extents[i]
            return extract_slice(operand, offsets, shape)

        a, b = map(slice_of, self.operands, self.op.maps)
        extras = map(slice_of, self.extras, self.op.maps[3:])
        extents = {**self.extents, **sizes}
        return replace(self, operands=[a, b], extras=list(extras), extents=extents)

    def tiled(
        self, operand: SSAValue, places: Sequence[int], overlap: int, matrix: Matrix
    ) -> SSAValue:
        """[points, ..., tiles, ...] of an operand with pixels along `places`, of which
        neighbouring tiles share `overlap`."""
        sizes = list(shape_of(operand))
        for d in places:
            sizes[d] = (sizes[d] - overlap) // OUTPUTS

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

    def pixels(self) -> SSAValue:
        """The points of the operand that is read by windows."""
        places = [w.in_read for w in self.windows]
        return self.tiled(self.operands[self.form.read], places, TAPS - 1, OF_PIXELS)

    def others(self) -> SSAValue:
        """The points of the other operand, which has taps or positions."""
        operand = self.operands[1 - self.form.read]
        places = [w.in_other for w in self.windows]
        if self.form.taps_in_result:
            return self.tiled(operand, places, 0, OF_POSITIONS)
        return self.of_taps(operand, places)

    def products(
        self,
        pixels: SSAValue | None = None,
        others: SSAValue | None = None,
        sums: SSAValue | None = None,
    ) -> SSAValue:
        """The sums over all but the taps, for each point, added to `sums`. `pixels` and
        `others`: the points of the operands, if one has them."""
        op, read = self.op, self.form.read
        pixels, others = pixels or self.pixels(), others or self.others()
        taps = {w.tap for w in self.windows}
        kept = [i for i in range(len(op.iterator_types)) if i not in taps]
        kinds = [op.iterator_types.data[i] for i in kept]
        new = ContractOp(
            *((pixels, others) if read == 0 else (others, pixels)),
            sums or tensor.EmptyOp((), self.type_of_products()).tensor,
            tuple(self.maps_of_points(kept)),
            ArrayAttr([IteratorTypeAttr.parallel(), *kinds]),
            beta=float(sums is not None),
        )
        assert new.res is not None
        return new.res

    def maps_of_points(self, kept: Sequence[int]) -> list[AffineMap]:
        """Of a, b and c; `kept` are the iterators that stay, behind that of the
        points."""
        dims = [AffineExpr.constant(0) for _ in self.op.iterator_types]
        for new, old in enumerate(kept):
            dims[old] = AffineExpr.dimension(new + 1)
        alone = {AffineExpr.dimension(w.tap) for w in self.windows}
        point = AffineExpr.dimension(0)

        def moved(map_: AffineMap) -> AffineMap:
            results = tuple(e for e in map_.results if e not in alone)
            small = AffineMap(map_.num_dims, 0, results)
            placed = small.replace_dims_and_symbols(dims, [], len(kept) + 1, 0)
            return AffineMap(len(kept) + 1, 0, (point, *placed.results))

        maps = [moved(m) for m in self.op.maps[:3]]
        # a tile is read where its position is
        results = list(maps[self.form.read].results)
        for w in self.windows:
            results[w.in_read + 1] = dims[w.position]
        maps[self.form.read] = AffineMap(len(kept) + 1, 0, tuple(results))
        return maps

    def type_of_products(self) -> TensorType:
        """Points in front of c, counted in tiles, or without the taps."""
        element = tensor_type(self.op.c).element_type
        return TensorType(element, [len(self.points), *self.sizes()])

    def sizes(self) -> list[int]:
        """Of c, counted in tiles, or without the taps."""
        places = dict(zip(self.places, self.windows, strict=True))
        sizes: list[int] = []
        for d, e in enumerate(self.op.maps[2].results):
            (iterator,) = e.used_dims()
            if d not in places:
                sizes.append(self.extents[iterator])
            elif not self.form.taps_in_result:
                sizes.append(self.extents[iterator] // OUTPUTS)
        return sizes

    def outputs(self, products: SSAValue) -> Mapping[At, SSAValue]:
        """The parts of c by position in a tile, or by tap, after the epilogue."""
        op, sizes = self.op, self.sizes()
        if self.form.taps_in_result:
            size, matrix = TAPS, TO_TAPS
        else:
            size, matrix = OUTPUTS, TO_POSITIONS
        positions = cube(size, len(self.windows))
        inputs = [products] * len(self.points)
        every = [AffineExpr.dimension(d) for d in range(len(sizes))]
        maps = [
            AffineMap(len(sizes), 0, (AffineExpr.constant(i), *every))
            for i in range(len(inputs))
        ]
        reads = self.reads(positions, inputs, maps)
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
            positions = [*map(self.in_order, positions)]
        return dict(zip(positions, parts, strict=True))

    def reads(
        self, positions: Sequence[At], inputs: list[SSAValue], maps: list[AffineMap]
    ) -> list[dict[At, int]]:
        """Adds what the epilogue reads to `inputs` and `maps`; where it is there, by
        position."""
        op, rank = self.op, len(self.sizes())
        whole = len(op.maps[2].results)
        found: list[dict[At, int]] = []
        for extra, map_ in zip(self.extras, op.maps[3:], strict=True):
            here: dict[AffineMap, int] = {}
            found.append({})
            for at in positions:
                if self.form.taps_in_result:
                    element = tap_element(whole, self.places, self.in_order(at))
                else:
                    element = tile_element(whole, self.places, at)
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
