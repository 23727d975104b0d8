"""Slices of an operand that the tensor memory accelerator copies, box by box: the maps
of passes/schedule/boxes.py as a kernel's arguments, and the copies.

    slice along the sum:    one box of `tile` lines, 128 bytes of the sum
    slice across it:        boxes of `depth` lines, 128 bytes of indices each
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, func, memref
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, i32
from xdsl.ir import BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.box_map import BOX_LINE
from brdialect.tensor_copy_ops import MAP, TensorCopyOp, TensorMapOp
from passes.gpu.shared_layout import SharedLayout
from passes.gpu.tile_copy import Shape
from passes.gpu.views import Flat
from passes.schedule.boxes import Boxes, Term, boxes_of, cut_of
from passes.shared.build import Index, add, memref_type, minimum, mul, value
from passes.shared.digits import divided, modulo, unravel


@dataclass(frozen=True)
class Matrix:
    """What a tensor map describes: from which element of which of the kernel's
    arguments on, and how boxes are found in it."""

    argument: BlockArgument
    offset: int
    boxes: Boxes


def matrix_of(source: Flat, shape: Shape) -> Matrix | None:
    """An operand as a tensor map can describe it; None if it cannot."""
    root = source.memory
    while isinstance(root.owner, memref.ReinterpretCastOp | memref.AssumeAlignmentOp):
        root = root.owner.operands[0]
    known = isinstance(root, BlockArgument) and memref_type(root).get_offset() == 0
    if not known or not isinstance(source.first, int):
        return None
    assert isinstance(root, BlockArgument)
    boxes = boxes_of(shape, source.outer, source.first, source.element_bytes)
    return None if boxes is None else Matrix(root, source.first, boxes)


def cut_for_boxes(source: Flat, shape: Shape) -> int:
    """After how many steps of the sum an operand's slices begin anew."""
    first = source.first if isinstance(source.first, int) else 0
    return cut_of(shape, source.outer, first, source.element_bytes)


@dataclass(frozen=True)
class BoxCopy:
    """Emits the copies of one operand. `first`: the tile's first index."""

    source: Flat
    shape: Shape
    first: Index
    matrix: Matrix
    map: SSAValue

    @property
    def layout(self) -> SharedLayout:
        """Of a slice."""
        return self.shape.layout(self.source.element_bytes, "lines")

    @property
    def across(self) -> bool:
        """Whether slices lie across the sum."""
        return not self.shape.along_sum

    @property
    def bytes(self) -> int:
        """Of a slice."""
        return self.layout.size * self.source.element_bytes

    def emit(
        self,
        slice_: Index,
        target: tuple[SSAValue, Index],
        barrier: tuple[SSAValue, SSAValue],
    ) -> None:
        """Starts the copies of a slice. `target`: memory and the slice's beginning."""
        shape = self.shape
        part, step = shape.start(slice_)
        outer_sum, _ = shape.halves
        others = unravel(part, outer_sum.extents)
        if not self.across:
            every = (*others, *self.source.position)
            self.one_box(step, self.first, every, target, barrier)
            return
        shared, begin = target
        inner, size = self.matrix.boxes.inner, shape.index.size
        halves = shape.index.split(inner)
        assert halves is not None
        for i in range(0, shape.tile, BOX_LINE // self.source.element_bytes):
            index = add(self.first, i)
            outer: Index = 0
            if inner < size:
                outer, index = divided(index, inner), modulo(index, inner)
                if size % shape.tile:  # past the end, whatever comes last will do
                    outer = minimum(outer, size // inner - 1)
            digits = unravel(outer, halves[0].extents)
            every = (*others, *digits, *self.source.position)
            place = add(begin, i * shape.depth)
            self.one_box(index, step, every, (shared, place), barrier)

    def one_box(
        self,
        inner: Index,
        walk: Index,
        others: Sequence[Index],
        target: tuple[SSAValue, Index],
        barrier: tuple[SSAValue, SSAValue],
    ) -> None:
        """The copy of the box from these digits on."""
        boxes, map_ = self.matrix.boxes, self.matrix.boxes.map
        rank, window = len(map_.sizes), map_.window
        at: list[Index] = [inner, *[0] * (rank - 1)]
        offsets: list[Index] = [0] * (0 if window is None else rank - 2)
        if window is not None:
            at[1:-1] = window.lower
        digits = unravel(walk, boxes.walk.extents)
        terms: list[tuple[Index, Term | None]] = [
            *zip(digits, boxes.walk_terms, strict=True),
            *zip(others, boxes.others, strict=True),
        ]
        for digit, term in terms:
            if term is None:
                continue
            where, d = (offsets, 1) if term.offset else (at, 0)
            d = term.dimension - d
            where[d] = add(where[d], mul(digit, term.scale))
        shared, begin = target
        TensorCopyOp(
            (self.map, [*map(value, at)], [*map(value, offsets)]),
            (shared, value(begin)),
            barrier,
            map_.lines,
        )


def add_map(function: func.FuncOp) -> BlockArgument:
    """A further argument of a kernel, for a tensor map."""
    block = function.body.block
    new = block.insert_arg(MAP, len(block.args))
    function.update_function_type()
    if function.arg_attrs is not None:
        function.arg_attrs = ArrayAttr([*function.arg_attrs, DictionaryAttr({})])
    return new


def give_maps(module: ModuleOp, name: str, matrices: list[Matrix]) -> None:
    """Makes the maps wherever a kernel is launched."""
    for call in [op for op in module.walk() if isinstance(op, func.CallOp)]:
        if call.callee.string_value() != name:
            continue
        made = [
            TensorMapOp(
                call.operands[x.argument.index],
                x.offset,
                x.boxes.map,
            )
            for x in matrices
        ]
        new = func.CallOp(name, [*call.operands, *(x.res for x in made)], [])
        new.location = call.location
        Rewriter.insert_op([*made, new], InsertPoint.before(call))
        call.detach()
        call.erase()


def parity(slice_: Index, stages: int) -> SSAValue:
    """That of the phase in which a slice comes: phases of a stage's barrier follow each
    other, one for each slice in it."""
    phase = modulo(divided(slice_, stages), 2)
    return arith.IndexCastOp(value(phase), i32).result
