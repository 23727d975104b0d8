"""An iterator of a contraction as two, blocks and what is inside of one: part of
`pack-state`.

    %r = br.contract ins(%a, %b) ... {maps = [(m, n, k) -> (m, k), (k, n), (m, n)]}
    ->
    %a' = tensor.expand_shape %a                // [M, K] -> [M, K / 32, 32]
    %r = br.contract ins(%a', %p) ...
           {maps = [(m, n, k, t) -> (m, k, t), (k, n, t), (m, n)]}

for an operand %b = [K, N] whose panels %p = [K / 32, N, 32] take its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import tensor
from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, TensorType, i64
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.ir import Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.interface import Panels
from brdialect.ops import ContractOp
from passes.fuse.coalesce_contractions import collapse, grouping
from passes.normalise.normalise_contractions import contraction_of, schedulable
from passes.shared.build import clone_block, shape_of, tensor_type
from passes.shared.linalg_match import reassociation


def panel_shape(shape: Sequence[int], panels: Panels) -> list[int]:
    """The sizes in memory of an array that lies in panels."""
    blocks = shape[panels.cut] // panels.size
    return [blocks, *(shape[d] for d in panels.others), panels.size]


def panel_type(value: SSAValue, panels: Panels) -> TensorType:
    """The type of a tensor that comes to lie in panels."""
    type_ = tensor_type(value)
    return TensorType(type_.element_type, panel_shape(type_.get_shape(), panels))


@dataclass(frozen=True)
class Split:
    """An iterator that becomes two: itself, over blocks of `size`, and a new last
    one."""

    op: ContractOp
    iterator: int
    size: int

    @property
    def new(self) -> int:
        """The number of the new iterator."""
        return len(self.op.iterator_types)

    def fits(self) -> bool:
        """Whether each operand has the iterator as a dimension by itself, or not at
        all, and what comes of it can be scheduled."""
        it = AffineExpr.dimension(self.iterator)
        return self.op.schedule is None and all(
            e == it or self.iterator not in e.used_dims()
            for m in self.op.maps
            for e in m.results
        )

    def place(self, map_: AffineMap) -> int | None:
        """The dimension of an operand that is cut."""
        return next(
            (
                d
                for d, e in enumerate(map_.results)
                if isinstance(e, AffineDimExpr) and e.position == self.iterator
            ),
            None,
        )

    def map_in_panels(self, map_: AffineMap, panels: Panels) -> AffineMap:
        """Of an operand that lies in panels."""
        ends = (AffineExpr.dimension(i) for i in (self.iterator, self.new))
        middle = (map_.results[d] for d in panels.others)
        first, last = ends
        return AffineMap(self.new + 1, 0, (first, *middle, last))

    def map_of(self, map_: AffineMap) -> AffineMap:
        """Of an operand with the dimension that is cut as two neighbours."""
        results = list(map_.results)
        if (d := self.place(map_)) is not None:
            results.insert(d + 1, AffineExpr.dimension(self.new))
        return AffineMap(self.new + 1, 0, tuple(results))

    def view(self, value: SSAValue, map_: AffineMap) -> SSAValue:
        """Emits the operand with the dimension that is cut as two neighbours."""
        cut = self.place(map_)
        if cut is None:
            return value
        shape = list(shape_of(value))
        shape[cut : cut + 1] = [shape[cut] // self.size, self.size]
        type_ = TensorType(tensor_type(value).element_type, shape)
        if isinstance(value.owner, tensor.EmptyOp):
            return tensor.EmptyOp((), type_).tensor
        groups = reassociation(grouping(len(shape), cut))
        sizes = DenseArrayBase.from_list(i64, shape)
        return tensor.ExpandShapeOp(value, (), groups, sizes, type_).result

    def emit(
        self, operands: Sequence[SSAValue], maps: Sequence[AffineMap]
    ) -> ContractOp | None:
        """The contraction of such operands; None if it could not be scheduled."""
        op = self.op
        types = [*op.iterator_types, op.iterator_types.data[self.iterator]]
        sums = {i for i, t in enumerate(types) if t.data is IteratorType.REDUCTION}
        a, b, c, *extras = operands
        if not schedulable(contraction_of((a, b, c), tuple(maps[:3])), sums):
            return None
        body = op.epilogue
        new = ContractOp(
            a,
            b,
            c,
            maps,
            ArrayAttr(types),
            extras=extras,
            epilogue=None if body is None else Region(clone_block(body.block)),
            beta=op.beta_value,
        )
        new.location = op.location
        return new


def split_for_operand(
    op: ContractOp, old: SSAValue, new: SSAValue, panels: Panels
) -> SSAValue | None:
    """Emits the contraction with `new`, which lies in panels, for its operand `old`,
    and returns its result; None if it cannot be so."""
    index = next((i for i in (0, 1) if op.operands[i] is old), None)
    if index is None or list(op.operands).count(old) != 1:
        return None
    cut = op.maps[index].results[panels.cut]
    if not isinstance(cut, AffineDimExpr):
        return None
    split = Split(op, cut.position, panels.size)
    if not split.fits():
        return None
    maps = [split.map_of(m) for m in op.maps]
    maps[index] = split.map_in_panels(op.maps[index], panels)
    operands = [
        new if i == index else split.view(v, m)
        for i, (v, m) in enumerate(zip(op.operands, op.maps, strict=True))
    ]
    found = split.emit(operands, maps)
    if found is None or found.res is None or op.res is None:
        return None
    place = split.place(op.maps[2])
    return found.res if place is None else collapse(found.res, place)


def split_for_result(op: ContractOp, panels: Panels) -> SSAValue | None:
    """Emits the contraction with its result in panels; None if it cannot be so."""
    cut = op.maps[2].results[panels.cut]
    empty = isinstance(op.c.owner, tensor.EmptyOp)
    if not isinstance(cut, AffineDimExpr) or not empty or op.extras or op.res is None:
        return None
    split = Split(op, cut.position, panels.size)
    if not split.fits():
        return None
    operands = list(zip((op.a, op.b), op.maps, strict=False))
    if split.place(operands[1][1]) is None:
        operands = operands[::-1]  # the columns are b's
    views = [split.view(v, m) for v, m in operands]
    maps = [split.map_of(m) for _, m in operands]
    start = tensor.EmptyOp((), panel_type(op.res, panels)).tensor
    maps.append(split.map_in_panels(op.maps[2], panels))
    found = split.emit([*views, start], maps)
    return None if found is None else found.res
