"""The operations of the `br` dialect for copies of boxes by the tensor memory
accelerator of compute capability 9.0, and for the barriers that count their bytes.

A *tensor map* says how an operand lies in global memory, and which box of it one copy
takes (box_map.py); it is made by the host (`br.tensor_map`) and given to a kernel as
128 bytes. What of a box lies outside of the operand becomes zeros.

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
    DenseArrayBase,
    FixedBitwidthType,
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
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from brdialect.box_map import MOST_DIMENSIONS, BoxMap, Window
from brdialect.gpu_ops import is_shared

MAP_BYTES = 128
"""Of a tensor map."""

MAP = MemRefType(i8, [MAP_BYTES])

_DICT = (ParsePropInAttrDict(),)
Number = IntegerAttr[IntegerType]
_Numbers = DenseArrayBase.constr(i64)


def _expect_shared(what: str, value: SSAValue) -> None:
    if not is_shared(value.type):
        raise VerifyException(
            f"expected {what} in shared memory (space 3), got {value.type}"
        )


@irdl_op_definition
class TensorMapOp(IRDLOperation):
    """The map of what lies from element `offset` of the source on (box_map.py);
    `lower`, `upper` and `steps` are a window's. For the host; the source begins at a
    multiple of 16 bytes.

    `br.tensor_map %x {offset = 0, sizes = array<i64: 128, 64>, strides = array<i64:
    128>, box = array<i64: 64, 64>} : memref<64x128xbf16>`
    """

    name = "br.tensor_map"

    source = operand_def(MemRefType)
    offset = prop_def(Number)
    sizes = prop_def(_Numbers)
    strides = prop_def(_Numbers)
    box = prop_def(_Numbers)
    lower = opt_prop_def(_Numbers)
    upper = opt_prop_def(_Numbers)
    steps = opt_prop_def(_Numbers)
    res = result_def(MAP)

    irdl_options = _DICT
    assembly_format = "$source attr-dict `:` type($source)"

    def __init__(self, source: SSAValue, offset: int, map_: BoxMap):
        numbers = {"sizes": map_.sizes, "strides": map_.strides, "box": map_.box}
        if (w := map_.window) is not None:
            numbers |= {"lower": w.lower, "upper": w.upper, "steps": w.steps}
        arrays = {name: DenseArrayBase.from_list(i64, x) for name, x in numbers.items()}
        super().__init__(
            operands=(source,),
            result_types=(MAP,),
            properties={"offset": IntegerAttr(offset, i64), **arrays},
        )

    @property
    def map(self) -> BoxMap:
        """What it says."""
        sizes, strides, box = map(_numbers, (self.sizes, self.strides, self.box))
        if self.lower is None or self.upper is None or self.steps is None:
            return BoxMap(sizes, strides, box)
        corners = map(_numbers, (self.lower, self.upper, self.steps))
        return BoxMap(sizes, strides, box, Window(*corners))

    def verify_(self) -> None:
        window = (self.lower, self.upper, self.steps)
        if 0 < window.count(None) < len(window):
            raise VerifyException("expected lower, upper and steps together")
        assert isa(self.source.type, MemRefType)
        element = self.source.type.element_type
        size = element.size if isinstance(element, FixedBitwidthType) else 0
        if size not in (2, 4):
            raise VerifyException(f"expected elements of 2 or 4 bytes, got {element}")
        for fault in self.map.faults(size):
            raise VerifyException(fault)


def _numbers(array: DenseArrayBase[IntegerType]) -> tuple[int, ...]:
    return tuple(array.get_values())


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
    """Starts the copy of the box of a map from these coordinates on, and at these
    offsets from there if it has a window, to shared memory. Its bytes, `box` lines of
    128, count for the phase of a barrier. By one thread."""

    name = "br.tensor_copy"

    map = operand_def(MAP)
    coordinates = var_operand_def(IndexType)
    offsets = var_operand_def(IndexType)
    target = operand_def(MemRefType)
    target_index = operand_def(IndexType)
    barriers = operand_def(MemRefType)
    index = operand_def(IndexType)
    box = prop_def(Number)

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$map `[` $coordinates `]` (`offset` `[` $offsets^ `]`)? "
        "`to` $target `[` $target_index `]` "
        "`counted` `by` $barriers `[` $index `]` attr-dict `:` type($target) `,` "
        "type($barriers)"
    )

    def __init__(
        self,
        source: tuple[SSAValue, Sequence[SSAValue], Sequence[SSAValue]],
        target: tuple[SSAValue, SSAValue],
        barrier: tuple[SSAValue, SSAValue],
        box: int,
    ):
        """`source`: map, coordinates and offsets; the others a memref and an index."""
        map_, coordinates, offsets = source
        super().__init__(
            operands=(
                *((map_,), coordinates, offsets),
                *([x] for x in (*target, *barrier)),
            ),
            properties={"box": IntegerAttr(box, i64)},
        )

    def verify_(self) -> None:
        _expect_shared("the target", self.target)
        _expect_shared("the barriers", self.barriers)
        rank, offsets = len(self.coordinates), len(self.offsets)
        if not 1 <= rank <= MOST_DIMENSIONS:
            raise VerifyException(
                f"expected 1 to {MOST_DIMENSIONS} coordinates, got {rank}"
            )
        if offsets and offsets != rank - 2:
            raise VerifyException(
                f"expected an offset for all but two of {rank} coordinates, got "
                f"{offsets}"
            )


TENSOR_COPY_OPS: Sequence[type[Operation]] = (
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
    TensorCopyOp,
    TensorMapOp,
)
"""The operations of the `br` dialect for tensor maps."""
