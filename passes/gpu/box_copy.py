"""Slices of an operand that the tensor memory accelerator copies, box by box.

A tensor map can describe an operand that is one matrix in memory: one stride along the
lines, elements side by side in them, and lines that begin at multiples of 16 bytes.
That holds for matrices, for the images of a 1x1 convolution and for its weights with
any window; not for the windows of larger ones, nor for one matrix of many.

    slice along the sum:    one box of `tile` lines, 128 bytes of the sum
    slice across it:        boxes of `depth` lines, 128 bytes of indices each
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith, func, memref
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, i32
from xdsl.ir import BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.tensor_copy_ops import MAP, MOST_BOX, TensorCopyOp, TensorMapOp
from brdialect.warpgroup_ops import LINE
from passes.gpu.digits import divided, modulo
from passes.gpu.shared_layout import SharedLayout
from passes.gpu.tile_copy import Shape
from passes.gpu.views import BASE_ALIGNMENT, Flat
from passes.shared.build import Index, add, memref_type, mul, value


@dataclass(frozen=True)
class Matrix:
    """What a tensor map describes: the kernel's argument, and the numbers of
    `br.tensor_map`, in elements."""

    argument: BlockArgument
    offset: int
    width: int
    lines: int
    pitch: int
    box: int


def matrix_of(source: Flat, shape: Shape) -> Matrix | None:
    """An operand as a tensor map can describe it; None if it cannot."""
    inner, outer = shape.sum_.merged, shape.index.merged
    box = shape.tile
    if not shape.along_sum:
        inner, outer, box = outer, inner, shape.depth
    if inner.strides != (1,) or len(outer.strides) != 1 or box > MOST_BOX:
        return None
    root = source.memory
    while isinstance(root.owner, memref.ReinterpretCastOp | memref.AssumeAlignmentOp):
        root = root.owner.operands[0]
    offset, pitch, size = source.offset, outer.strides[0], source.element_bytes
    known = isinstance(root, BlockArgument) and memref_type(root).get_offset() == 0
    if not known or not isinstance(offset, int) or pitch < 1:
        return None
    if offset * size % BASE_ALIGNMENT or pitch * size % BASE_ALIGNMENT:
        return None
    assert isinstance(root, BlockArgument)
    return Matrix(root, offset, inner.size, outer.size, pitch, box)


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
        lanes, depth = LINE // self.source.element_bytes, self.shape.depth
        start, box = mul(slice_, depth), self.matrix.box
        boxes = [(start, self.first, 0)]
        if not self.shape.along_sum:
            boxes = [
                (add(self.first, i), start, i * depth)
                for i in range(0, self.shape.tile, lanes)
            ]
        shared, begin = target
        for column, line, place in boxes:
            TensorCopyOp(
                (self.map, value(column), value(line)),
                (shared, value(add(begin, place))),
                barrier,
                box,
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
                (x.offset, x.width, x.lines, x.pitch, x.box),
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
