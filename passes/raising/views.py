"""Tensors made of points: the slice, transpose and reshape that hold given elements.

%w[4*j + k + 8, r], wanted as [j, k, r]   ->   the rows of %w from 8, reshaped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

from xdsl.dialects import tensor
from xdsl.dialects.builtin import DenseArrayBase, TensorType, i64
from xdsl.ir import SSAValue

from passes.raising.elements import Elements, Point
from passes.raising.indices import Index, Variable, progression, variable
from passes.shared.build import tensor_type
from passes.shared.linalg_match import reassociation, transpose


@dataclass(frozen=True)
class Piece:
    """One dimension of a slice: variables in row-major order, and where they start."""

    variables: tuple[Variable, ...]
    offset: int
    step: int

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(v.extent for v in self.variables)


def piece_of(index: Index) -> Piece | None:
    """The dimension that an index walks over; None if it walks back or skips about."""
    terms = sorted(index.terms, key=lambda term: -term[1])
    if not terms:
        return Piece((), index.constant, 1)
    expected = step = terms[-1][1]
    for v, factor in reversed(terms):
        if factor != expected:
            return None
        expected *= v.extent
    if step < 1:
        return None
    return Piece(tuple(v for v, _ in terms), index.constant, step)


def gathered(
    point: Point, order: Sequence[Variable], shape: Sequence[int]
) -> SSAValue | None:
    """Emits the tensor of `shape` that holds the element for all values of the
    variables, in row-major order; None if no slice and transpose makes it."""
    if not isinstance(point.value.type, TensorType):
        return None
    pieces = [piece_of(i) for i in point.index]
    known = [p for p in pieces if p is not None]
    walked = [p for p in known if p.variables]
    found = [v for p in walked for v in p.variables]
    wanted = [v for v in order if v.extent > 1]
    if len(known) != len(pieces) or sorted(found) != sorted(wanted):
        return None
    current = _sliced(point.value, known)
    if found != wanted:
        current, places = _places(current, walked, wanted)
        current = transpose(current, places)
    return reshaped(current, shape)


def _sliced(source: SSAValue, pieces: Sequence[Piece]) -> SSAValue:
    """The slice without the dimensions that nothing walks over."""
    type_ = tensor_type(source)
    sizes = [p.size for p in pieces]
    shape = [p.size for p in pieces if p.variables]
    if sizes == list(type_.get_shape()):
        return reshaped(source, shape)
    slice_ = tensor.ExtractSliceOp(
        source,
        [p.offset for p in pieces],
        sizes,
        [p.step for p in pieces],
        TensorType(type_.element_type, shape),
    )
    return slice_.result


def _places(
    value: SSAValue, pieces: Sequence[Piece], order: Sequence[Variable]
) -> tuple[SSAValue, list[int]]:
    """The value in dimensions that can be put in `order`, and how: whole pieces where
    they stay together, else one for each variable."""
    starts = {p.variables[0]: number for number, p in enumerate(pieces)}
    whole = [v for v in order if v in starts]
    together = list(chain(*(pieces[starts[v]].variables for v in whole)))
    if together == list(order):
        return value, [starts[v] for v in whole]
    found = [v for p in pieces for v in p.variables]
    return reshaped(value, [v.extent for v in found]), [found.index(v) for v in order]


def merged(points: Sequence[Point], counter: Index) -> Point | None:
    """The one point that is `points[j]` where the counter is j."""
    if len({p.value for p in points}) != 1:
        return None
    columns = zip(*(p.index for p in points), strict=True)
    found = [progression(column, counter) for column in columns]
    index = tuple(i for i in found if i is not None)
    return Point(points[0].value, index) if len(index) == len(found) else None


def family(
    points: Sequence[Point],
    counter: Variable,
    order: Sequence[Variable],
    shape: Sequence[int],
    elements: Elements,
) -> SSAValue | None:
    """Emits the tensor of `points[j]` for all j, the outermost dimension, and all
    values of `order`: as one view where they lie evenly, else by concatenation."""
    points = [elements.resolved(p) for p in points]
    one = merged(points, variable(counter.name, counter.extent))
    whole = None if one is None else gathered(one, [counter, *order], shape)
    if whole is not None:
        return whole
    each = [1, *(v.extent for v in order)]
    pieces = [gathered(p, order, each) for p in points]
    known = [p for p in pieces if p is not None]
    if len(known) != len(pieces):
        return None
    return reshaped(concatenated(known), shape)


def concatenated(pieces: Sequence[SSAValue]) -> SSAValue:
    """One after the other along the first dimension."""
    if len(pieces) == 1:
        return pieces[0]
    type_ = tensor_type(pieces[0])
    rows = sum(tensor_type(p).get_shape()[0] for p in pieces)
    result = TensorType(type_.element_type, [rows, *type_.get_shape()[1:]])
    return tensor.ConcatOp(pieces, 0, result).result


RESHAPES = (tensor.CollapseShapeOp, tensor.ExpandShapeOp)


def reshaped(value: SSAValue, shape: Sequence[int]) -> SSAValue:
    """The same elements in row-major order, by one reshape or two of what the value is
    a reshape of."""
    while isinstance(op := value.owner, RESHAPES):
        value = op.src
    old = list(tensor_type(value).get_shape())
    if old == list(shape):
        return value
    if (groups := _groups(old, shape)) is not None:
        return _collapsed(value, groups, shape)
    if (groups := _groups(shape, old)) is not None:
        return _expanded(value, groups, shape)
    flat = _collapsed(value, [range(len(old))], [prod(old)])
    return _expanded(flat, [range(len(shape))], shape)


def _groups(large: Sequence[int], small: Sequence[int]) -> list[list[int]] | None:
    """For each dimension of `small` those of `large` whose product it is."""
    groups: list[list[int]] = [[] for _ in small]
    if not groups:
        return None
    d = 0
    for number, size in enumerate(small):
        while d < len(large) and (
            not groups[number] or prod(large[i] for i in groups[number]) != size
        ):
            groups[number].append(d)
            d += 1
    groups[-1] += range(d, len(large))
    same = all(
        g and prod(large[i] for i in g) == s for g, s in zip(groups, small, strict=True)
    )
    return groups if same else None


def _collapsed(
    value: SSAValue, groups: Sequence[Sequence[int]], shape: Sequence[int]
) -> SSAValue:
    type_ = TensorType(tensor_type(value).element_type, shape)
    return tensor.CollapseShapeOp(
        operands=[value],
        properties={"reassociation": reassociation(groups)},
        result_types=[type_],
    ).result


def _expanded(
    value: SSAValue, groups: Sequence[Sequence[int]], shape: Sequence[int]
) -> SSAValue:
    type_ = TensorType(tensor_type(value).element_type, shape)
    sizes = DenseArrayBase.from_list(i64, shape)
    return tensor.ExpandShapeOp(value, (), reassociation(groups), sizes, type_).result
