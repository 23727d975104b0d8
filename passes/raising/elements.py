"""What one element of a tensor is computed from, through copies, slices and reshapes.

A *point* is an element of a tensor at symbolic indices, or a scalar in the body of a
`linalg.generic` at the indices of its iterators:

    %t = linalg.transpose %w : [16, 4] -> [4, 16]     %t[r, k + 4]  is  %w[k + 4, r]
    %s = tensor.extract_slice %t[0, 4] [4, 4]         %s[r, k]      is  %t[r, k + 4]
    %y = linalg.generic { mulf(%a, %b) }              %y[n, k]      is  mulf at (n, k)

So the same computation reads the same however an exporter cuts it into operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    FloatAttr,
    IntegerAttr,
    TensorType,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from brdialect.destination_op import shaped
from passes.layout.transposed_reshapes import groups_of
from passes.raising.counters import index_of
from passes.raising.indices import (
    Index,
    Variable,
    applied,
    joined,
    parted,
    variable,
    with_unit_dims,
    without_unit_dims,
)
from passes.shared.linalg_match import (
    is_all_parallel,
    is_permutation,
    maps_of,
    multiply_add,
)


@dataclass(frozen=True)
class Point:
    """One element, or one scalar of the body that computes it."""

    value: SSAValue
    index: tuple[Index, ...]

    def replaced(self, by: Mapping[Variable, Index]) -> Point:
        """With other indices in place of some variables."""
        return Point(self.value, tuple(i.replaced(by) for i in self.index))

    @property
    def variables(self) -> set[Variable]:
        """Those its place depends on."""
        return {v for i in self.index for v in i.variables}


@dataclass(frozen=True)
class Product:
    """`start + sum over r of left * right`, 0 <= r < extent."""

    extent: int
    start: Point
    left: Point
    right: Point


@dataclass(frozen=True)
class Form:
    """What asking about a `linalg.generic` again and again is about."""

    maps: tuple[AffineMap, ...]
    is_parallel: bool
    results: tuple[tuple[SSAValue, tuple[int, ...]] | None, ...]
    """Of each result the scalar that is stored and, for each iterator, which dimension
    it walks over; None where no such order exists."""

    @staticmethod
    def of(op: linalg.GenericOp) -> Form:
        maps = maps_of(op)
        parallel = is_all_parallel(op)
        last = op.body.block.last_op
        stored = last.operands if last is not None and parallel else ()
        found: list[tuple[SSAValue, tuple[int, ...]] | None] = []
        for scalar, write in zip(stored, maps[len(op.inputs) :], strict=False):
            dims = [e.position for e in write.results if isinstance(e, AffineDimExpr)]
            order = tuple(dims.index(d) for d in range(write.num_dims) if d in dims)
            found.append((scalar, order) if is_permutation(write) else None)
        return Form(maps, parallel, tuple(found))


class Elements:
    """Looks through one function. `counters` are the loops' counters as indices;
    `replaced` what stands for values that a rewrite has taken the place of."""

    def __init__(self, resources: Mapping[str, bytes]):
        self.counters: dict[SSAValue, Index] = {}
        self.replaced: dict[SSAValue, SSAValue] = {}
        self._resources = resources
        self._forms: dict[linalg.GenericOp, Form] = {}
        self._operations: dict[Point, tuple[str, list[Point]]] = {}
        self._numbers: dict[float, Point] = {}
        self._constants: dict[Attribute | tuple[Attribute, bytes], SSAValue] = {}

    def resolved(self, point: Point) -> Point:
        """Where the element comes from, as far back as nothing is computed."""
        while (source := self._source(point)) is not None:
            point = source
        return point

    def key(self, point: Point) -> Point:
        """Equal for points that are the same: the scalar that computes them, or for all
        constants of one number the first."""
        point = self.resolved(point)
        number = self.number(point)
        if number is not None:
            return self._numbers.setdefault(number, Point(point.value, ()))
        return self._yielded(point) or point

    def operation(self, point: Point) -> tuple[str, list[Point]] | None:
        """The name of the scalar operation that computes it, and its operands."""
        scalar = self.key(point)
        op = scalar.value.owner
        if isinstance(scalar.value.type, TensorType) or not isinstance(op, Operation):
            return None
        if isinstance(op, tensor.ExtractOp):  # from a place that is not followed
            return None
        if scalar not in self._operations:
            operands = [self.resolved(Point(v, scalar.index)) for v in op.operands]
            name = op.name
            if isinstance(op, arith.CmpfOp):
                name = f"{name} {op.predicate.value.data}"
            self._operations[scalar] = name, operands
        return self._operations[scalar]

    def number(self, point: Point) -> float | None:
        """The number it is in every place."""
        op = self.resolved(point).value.owner
        if not isinstance(op, arith.ConstantOp):
            return None
        literal = op.value
        if isinstance(literal, FloatAttr | IntegerAttr):
            return float(literal.value.data)
        if isinstance(literal, DenseIntOrFPElementsAttr) and literal.is_splat():
            if isinstance(first := literal.get_values()[0], int | float):
                return float(first)
        return None

    def side_by_side(self, whole: Product) -> list[Product]:
        """A sum of products whose data are put side by side, as in `[x, h] W`, as one
        for each piece; else the sum itself."""
        summed = variable("r", whole.extent)
        for turned, side, other in (
            (False, whole.left, whole.right),
            (True, whole.right, whole.left),
        ):
            op = side.value.owner
            if not isinstance(op, tensor.ConcatOp):
                continue
            if side.index[op.dim.value.data] != summed or not summed.terms:
                continue
            pieces = self._pieces(op, side, other, summed)
            return [
                Product(extent, whole.start, *((y, x) if turned else (x, y)))
                for extent, x, y in pieces
            ]
        return [whole]

    def _pieces(
        self, op: tensor.ConcatOp, side: Point, other: Point, summed: Index
    ) -> Iterator[tuple[int, Point, Point]]:
        """Each operand of a concatenation that is summed over, at the place that
        `side` is in, with the elements of `other` that meet it."""
        dim, offset = op.dim.value.data, 0
        for piece in op.inputs:
            extent = shaped(piece).get_shape()[dim]
            part = variable("r", extent)
            index = (*side.index[:dim], part, *side.index[dim + 1 :])
            met = other.replaced(dict.fromkeys(summed.variables, part + offset))
            yield extent, self.resolved(Point(piece, index)), met
            offset += extent

    def product(self, point: Point) -> Product | None:
        point = self.resolved(point)
        op = point.value.owner
        if not isinstance(op, linalg.GenericOp) or self.form(op).is_parallel:
            return None
        if len(op.inputs) != 2 or not multiply_add(op.body.block):
            return None
        *reads, write = self.form(op).maps
        iterators: dict[int, Index] = {}
        for expr, index in zip(write.results, point.index, strict=True):
            if not isinstance(expr, AffineDimExpr):
                return None
            iterators[expr.position] = index
        summed = [d for d in range(write.num_dims) if d not in iterators]
        extent = _extent(op, summed[0]) if len(summed) == 1 else None
        if extent is None or extent < 1:
            return None
        iterators[summed[0]] = variable("r", extent)
        places = [iterators[d] for d in range(write.num_dims)]
        indices = [applied(m, places) for m in reads]
        if indices[0] is None or indices[1] is None:
            return None
        return Product(
            extent,
            self.resolved(Point(op.outputs[0], point.index)),
            self.resolved(Point(op.inputs[0], indices[0])),
            self.resolved(Point(op.inputs[1], indices[1])),
        )

    # one step back

    def _source(self, point: Point) -> Point | None:
        value, index = point.value, point.index
        if value in self.replaced:
            return Point(self.replaced[value], index)
        if not isinstance(value.type, TensorType):
            return self._scalar_source(point)
        match value.owner:
            case linalg.GenericOp():
                scalar = self._yielded(point)
                return scalar and self._scalar_source(scalar)
            case linalg.FillOp() as op:
                return Point(op.inputs[0], ())
            case tensor.ExtractSliceOp() as op:
                found = self.slice_places(op, index)
                return None if found is None else Point(op.source, found)
            case tensor.CollapseShapeOp() as op:
                return _before_collapse(op, index)
            case tensor.ExpandShapeOp() as op:
                shape = shaped(op.result).get_shape()
                places = (
                    joined([index[d] for d in g], [shape[d] for d in g])
                    for g in groups_of(op)
                )
                return Point(op.src, tuple(places))
            case tensor.CastOp() as op:
                return Point(op.source, index)
            case tensor.ConcatOp() as op:
                return _piece(op, index)
            case tensor.InsertSliceOp() as op:
                return self._before_insertion(op, index)
            case arith.ConstantOp():
                first = self._constant(value)
                return None if first is value else Point(first, index)
            case _:
                return None

    def _yielded(self, point: Point) -> Point | None:
        """The scalar that an all-parallel generic stores at the point."""
        value = point.value
        op = value.owner
        if not isinstance(op, linalg.GenericOp) or not isinstance(value, OpResult):
            return None
        form = self.form(op)
        stored = form.results[value.index] if form.is_parallel else None
        if stored is None:
            return None
        scalar, order = stored
        return Point(scalar, tuple(point.index[d] for d in order))

    def form(self, op: linalg.GenericOp) -> Form:
        """Its form, worked out once."""
        if op not in self._forms:
            self._forms[op] = Form.of(op)
        return self._forms[op]

    def _scalar_source(self, point: Point) -> Point | None:
        """What an argument of a body or an element picked in it is read from."""
        value, iterators = point.value, point.index
        owner = value.owner
        if isinstance(value, BlockArgument):
            op = value.block.parent_op()
            if not isinstance(op, linalg.GenericOp):
                return None
            read = applied(self.form(op).maps[value.index], iterators)
            return None if read is None else Point(op.operands[value.index], read)
        if isinstance(owner, tensor.ExtractOp):
            found = [index_of(v, iterators, self.counters) for v in owner.indices]
            places = tuple(i for i in found if i is not None)
            return Point(owner.tensor, places) if len(places) == len(found) else None
        return None

    def slice_places(
        self, op: tensor.ExtractSliceOp | tensor.InsertSliceOp, index: tuple[Index, ...]
    ) -> tuple[Index, ...] | None:
        """Where in the large tensor an element of the slice stands."""
        offsets, sizes = self.slice_of(op)
        steps = [int(s) for s in op.static_strides.get_values()]
        small = op.result if isinstance(op, tensor.ExtractSliceOp) else op.source
        inner = with_unit_dims(index, sizes, shaped(small).get_shape())
        places: list[Index] = []
        for offset, step, i in zip(offsets, steps, inner, strict=True):
            if offset is None or step < 1:
                return None
            places.append(offset + i * step)
        return tuple(places)

    def slice_of(
        self, op: tensor.ExtractSliceOp | tensor.InsertSliceOp
    ) -> tuple[list[Index | None], list[int]]:
        """Its offsets (None: not known) and sizes."""
        given = iter(op.offsets)
        offsets = [
            Index(int(n))
            if n != DYNAMIC_INDEX
            else index_of(next(given), (), self.counters)
            for n in op.static_offsets.get_values()
        ]
        return offsets, [int(n) for n in op.static_sizes.get_values()]

    def _before_insertion(
        self, op: tensor.InsertSliceOp, index: tuple[Index, ...]
    ) -> Point | None:
        offsets, sizes = self.slice_of(op)
        if any(int(s) != 1 for s in op.static_strides.get_values()):
            return None
        inner: list[Index] = []
        for place, offset, size in zip(index, offsets, sizes, strict=True):
            if offset is None:
                return None
            inner.append(place - offset)
            if inner[-1].high < 0 or inner[-1].low >= size:
                return Point(op.dest, index)
        if not all(i.within(s) for i, s in zip(inner, sizes, strict=True)):
            return None
        kept = without_unit_dims(inner, sizes, shaped(op.source).get_shape())
        return Point(op.source, kept)

    def _constant(self, value: SSAValue) -> SSAValue:
        """The first constant seen that holds the same."""
        op = value.owner
        assert isinstance(op, arith.ConstantOp)
        content: Attribute | tuple[Attribute, bytes] = op.value
        if isinstance(op.value, DenseResourceAttr):
            data = self._resources.get(op.value.resource_handle.data)
            if data is None:
                return value
            content = (value.type, data)
        return self._constants.setdefault(content, value)


def _extent(op: linalg.GenericOp, dim: int) -> int | None:
    """How many trips an iterator has, as an operand's shape says."""
    for value, map_ in zip(op.operands, maps_of(op), strict=True):
        for expr, size in zip(map_.results, shaped(value).get_shape(), strict=True):
            if isinstance(expr, AffineDimExpr) and expr.position == dim:
                return size
    return None


def _before_collapse(
    op: tensor.CollapseShapeOp, index: Sequence[Index]
) -> Point | None:
    shape = shaped(op.src).get_shape()
    places: list[Index] = []
    for group, i in zip(groups_of(op), index, strict=True):
        parts = parted(i, [shape[d] for d in group])
        if parts is None:
            return None
        places += parts
    return Point(op.src, tuple(places))


def _piece(op: tensor.ConcatOp, index: tuple[Index, ...]) -> Point | None:
    """The element in the operand that holds it, if one holds all of them."""
    dim, offset = op.dim.value.data, 0
    for piece in op.inputs:
        size = shaped(piece).get_shape()[dim]
        local = index[dim] + -offset
        if local.within(size):
            return Point(piece, (*index[:dim], local, *index[dim + 1 :]))
        offset += size
    return None
