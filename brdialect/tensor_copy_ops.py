"""The operations of the `br` dialect for copies of boxes by the tensor memory
accelerator of compute capability 9.0, and for the barriers that count their bytes.

A *tensor map* says how a matrix lies in global memory, and which box of it one copy
takes; it is made by the host (`br.tensor_map`) and given to a kernel as 128 bytes. What
of a box lies outside of the matrix becomes zeros.

A box has lines of 128 bytes, and lies in shared memory from a multiple of 1024 bytes
on, line after line, the 16 bytes that are the c-th of line r where the (c xor (r mod
8))-th would be: as `br.warpgroup_mma` wants it.

A barrier of this kind is 8 bytes of shared memory. Its phases follow each other: one is
over when a thread has said how many bytes are to come (`br.mbarrier_expect`), and they
have.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    i8,
    i32,
    i64,
)
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from brdialect.gpu_ops import is_shared

MAP_BYTES = 128
"""Of a tensor map."""

MAP = MemRefType(i8, [MAP_BYTES])


MOST_BOX = 256
"""Of lines of a box."""

_DICT = (ParsePropInAttrDict(),)
Number = IntegerAttr[IntegerType]


def _expect_shared(what: str, value: SSAValue) -> None:
    if not is_shared(value.type):
        raise VerifyException(
            f"expected {what} in shared memory (space 3), got {value.type}"
        )


@irdl_op_definition
class TensorMapOp(IRDLOperation):
    """The map of a matrix: `lines` lines of `width` elements, `pitch` elements apart,
    from element `offset` of the source on. A box has `box` of these lines and 128 bytes
    of each. For the host; the source begins at a multiple of 16 bytes."""

    name = "br.tensor_map"

    source = operand_def(MemRefType)
    offset = prop_def(Number)
    width = prop_def(Number)
    lines = prop_def(Number)
    pitch = prop_def(Number)
    box = prop_def(Number)
    res = result_def(MAP)

    irdl_options = _DICT
    assembly_format = "$source attr-dict `:` type($source)"

    def __init__(self, source: SSAValue, sizes: Sequence[int]):
        """`sizes`: offset, width, lines, pitch, box."""
        names = ("offset", "width", "lines", "pitch", "box")
        super().__init__(
            operands=(source,),
            result_types=(MAP,),
            properties={
                name: IntegerAttr(size, i64)
                for name, size in zip(names, sizes, strict=True)
            },
        )

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Offset, width, lines, pitch, box."""
        every = (self.offset, self.width, self.lines, self.pitch, self.box)
        offset, width, lines, pitch, box = (x.value.data for x in every)
        return offset, width, lines, pitch, box

    def verify_(self) -> None:
        box = self.box.value.data
        if not 1 <= box <= MOST_BOX:
            raise VerifyException(f"expected 1 to {MOST_BOX} lines in a box, got {box}")


@irdl_op_definition
class AcquireMapOp(IRDLOperation):
    """Makes sure that this thread's copies see a tensor map as the host made it."""

    name = "br.acquire_map"

    map = operand_def(MAP)
    assembly_format = "$map attr-dict"

    def __init__(self, map_: SSAValue):
        super().__init__(operands=(map_,))


@irdl_op_definition
class MbarrierInitOp(IRDLOperation):
    """Sets up barriers, each for one thread that says how many bytes are to come. Done
    by one thread; for others after a `br.barrier`."""

    name = "br.mbarrier_init"

    barriers = operand_def(MemRefType)
    assembly_format = "$barriers attr-dict `:` type($barriers)"

    def __init__(self, barriers: SSAValue):
        super().__init__(operands=(barriers,))

    def verify_(self) -> None:
        _expect_shared("the barriers", self.barriers)


@irdl_op_definition
class MbarrierExpectOp(IRDLOperation):
    """Says that `bytes` are to come in this phase of a barrier. By one thread."""

    name = "br.mbarrier_expect"

    barriers = operand_def(MemRefType)
    index = operand_def(IndexType)
    bytes = prop_def(Number)

    irdl_options = _DICT
    assembly_format = "$barriers `[` $index `]` attr-dict `:` type($barriers)"

    def __init__(self, barriers: SSAValue, index: SSAValue, bytes_: int):
        super().__init__(
            operands=(barriers, index), properties={"bytes": IntegerAttr(bytes_, i64)}
        )


@irdl_op_definition
class MbarrierWaitOp(IRDLOperation):
    """Waits until the phase of a barrier is over that has this parity, 0 for the first;
    what has come is there for the thread then, and for `br.warpgroup_mma`."""

    name = "br.mbarrier_wait"

    barriers = operand_def(MemRefType)
    index = operand_def(IndexType)
    parity = operand_def(i32)

    assembly_format = (
        "$barriers `[` $index `]` `,` $parity attr-dict `:` type($barriers)"
    )

    def __init__(self, barriers: SSAValue, index: SSAValue, parity: SSAValue):
        super().__init__(operands=(barriers, index, parity))


@irdl_op_definition
class TensorCopyOp(IRDLOperation):
    """Starts the copy of the box of a map from element `column` of line `line` on to
    shared memory. Its bytes, `box` lines of 128, count for the phase of a barrier. By
    one thread."""

    name = "br.tensor_copy"

    map = operand_def(MAP)
    column = operand_def(IndexType)
    line = operand_def(IndexType)
    target = operand_def(MemRefType)
    target_index = operand_def(IndexType)
    barriers = operand_def(MemRefType)
    index = operand_def(IndexType)
    box = prop_def(Number)

    irdl_options = _DICT
    assembly_format = (
        "$map `[` $column `,` $line `]` `to` $target `[` $target_index `]` "
        "`counted` `by` $barriers `[` $index `]` attr-dict `:` type($target) `,` "
        "type($barriers)"
    )

    def __init__(
        self,
        source: tuple[SSAValue, SSAValue, SSAValue],
        target: tuple[SSAValue, SSAValue],
        barrier: tuple[SSAValue, SSAValue],
        box: int,
    ):
        """`source`: map, column and line; the others a memref and an index."""
        super().__init__(
            operands=(*source, *target, *barrier),
            properties={"box": IntegerAttr(box, i64)},
        )

    def verify_(self) -> None:
        _expect_shared("the target", self.target)
        _expect_shared("the barriers", self.barriers)


TENSOR_COPY_OPS: Sequence[type[Operation]] = (
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
    TensorCopyOp,
    TensorMapOp,
)
"""The operations of the `br` dialect for tensor maps."""
