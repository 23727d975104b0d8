"""The operations of the `br` dialect that ask for what a GPU has: thread blocks, shared
memory, copies into it that run by themselves, and tensor cores.

A function with the attribute `br.threads` is a kernel: `br.grid` blocks of that many
threads run it, each with `br.shared` bytes of memory that the threads of a block share.
A call of it is a launch. Memory space 3 is shared memory.

*Fragments* are the parts of small matrices that the 32 lanes of a warp hold. With
g = lane / 4 and t = lane mod 4, lane holds of

| | shape | elements |
|---|---|---|
| A, 32-bit | 16 x 8 | (g, t), (g+8, t), (g, t+4), (g+8, t+4) |
| A, 16-bit | 16 x 16 | pairs from (g, 2t), (g+8, 2t), (g, 2t+8), (g+8, 2t+8) on |
| B, 32-bit | 8 x 16 | (t, g), (t+4, g), (t, g+8), (t+4, g+8) |
| B, 16-bit | 16 x 16 | pairs down from (2t, g), (2t+8, g), (2t, g+8), (2t+8, g+8) on |
| C, f32 | 16 x 16 | (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1), then 8 columns on |

as PTX ISA has it for one half of the columns ("Matrix Fragments for mma.m16n8k8" and
"mma.m16n8k16").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    StringAttr,
    UnitAttr,
    VectorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from brdialect.block_tile import WARP

GRID, THREADS, SHARED = "br.grid", "br.threads", "br.shared"
"""The attributes of a kernel."""

SHARED_SPACE: IntegerAttr[IntegerType] = IntegerAttr(3, i32)
"""The memory space of shared memory, as NVVM numbers it."""

KINDS = ("tf32", "bf16", "f16")
"""What tensor cores multiply; they add up in f32."""

REGISTERS = VectorType(i32, (4,))
"""A fragment of A or B: four registers of 32 bits."""

ACCUMULATORS = VectorType(f32, (8,))
"""A fragment of C."""

SHUFFLED = (f16, bf16, f32, f64, i16, i32, i64)
"""What lanes of a warp can give each other, 32 bits at a time."""

ASYNC_BYTES = (4, 8, 16)
"""What one asynchronous copy can move."""

_DICT = (ParsePropInAttrDict(),)


def shared_type(element: Attribute, size: int) -> MemRefType:
    """`memref<size x element, 3 : i32>`"""
    return MemRefType(element, [size], memory_space=SHARED_SPACE)


def is_shared(type_: Attribute) -> bool:
    """Whether a memref lies in shared memory."""
    return isa(type_, MemRefType) and type_.memory_space == SHARED_SPACE


def _expect_shared(what: str, value: SSAValue) -> None:
    if not is_shared(value.type):
        raise VerifyException(
            f"expected {what} in shared memory (space 3), got {value.type}"
        )


class _IndexOp(IRDLOperation):
    res = result_def(IndexType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__(result_types=(IndexType(),))


@irdl_op_definition
class ThreadIdOp(_IndexOp):
    """The number of this thread in its block."""

    name = "br.thread_id"
    res = result_def(IndexType)


@irdl_op_definition
class BlockIdOp(_IndexOp):
    """The number of this block in the grid."""

    name = "br.block_id"
    res = result_def(IndexType)


@irdl_op_definition
class SharedMemoryOp(IRDLOperation):
    """The block's shared memory from byte `offset` on, as an array."""

    name = "br.shared_memory"

    offset = prop_def(IntegerAttr[IntegerType])
    res = result_def(MemRefType)

    irdl_options = _DICT
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($res)"

    def __init__(self, offset: int, type_: MemRefType):
        super().__init__(
            result_types=(type_,), properties={"offset": IntegerAttr(offset, i64)}
        )

    def verify_(self) -> None:
        _expect_shared("the result", self.res)


@irdl_op_definition
class AsyncCopyOp(IRDLOperation):
    """Starts to copy `elements` from global to shared memory, or zeros where `valid` is
    false (then nothing is read). They are there once `br.async_wait` says so, for other
    threads after a `br.barrier`, too."""

    name = "br.async_copy"

    source = operand_def(MemRefType)
    source_index = operand_def(IndexType)
    target = operand_def(MemRefType)
    target_index = operand_def(IndexType)
    valid = operand_def(i1)
    elements = prop_def(IntegerAttr[IntegerType])

    irdl_options = _DICT
    assembly_format = (
        "$source `[` $source_index `]` `to` $target `[` $target_index `]` `if` $valid "
        "attr-dict `:` type($source) `to` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        source_index: SSAValue,
        target: SSAValue,
        target_index: SSAValue,
        valid: SSAValue,
        elements: int,
    ):
        super().__init__(
            operands=(source, source_index, target, target_index, valid),
            properties={"elements": IntegerAttr(elements, i64)},
        )

    def verify_(self) -> None:
        _expect_shared("the target", self.target)
        if is_shared(self.source.type):
            raise VerifyException("expected the source in global memory")


class _PlainOp(IRDLOperation):
    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__()


@irdl_op_definition
class AsyncCommitOp(_PlainOp):
    """Ends a group: the copies that this thread has started since the last one."""

    name = "br.async_commit"


@irdl_op_definition
class AsyncWaitOp(IRDLOperation):
    """Waits for all of this thread's groups but the latest `pending`."""

    name = "br.async_wait"

    pending = prop_def(IntegerAttr[IntegerType])
    irdl_options = _DICT
    assembly_format = "attr-dict"

    def __init__(self, pending: int):
        super().__init__(properties={"pending": IntegerAttr(pending, i64)})


@irdl_op_definition
class BarrierOp(_PlainOp):
    """No thread of the block goes on before all have come here."""

    name = "br.barrier"


@irdl_op_definition
class LoadMatricesOp(IRDLOperation):
    """`ldmatrix.x4`: four matrices of 8 rows of 16 bytes. Lanes 8 i to 8 i + 7 give
    where the rows of matrix i begin; register i of a lane is row g, word t of matrix i,
    or with `transpose`, of 16-bit elements, (2t, g) and (2t+1, g)."""

    name = "br.load_matrices"

    source = operand_def(MemRefType)
    index = operand_def(IndexType)
    transpose = opt_prop_def(UnitAttr)
    res = result_def(REGISTERS)

    irdl_options = _DICT
    assembly_format = "$source `[` $index `]` attr-dict `:` type($source)"

    def __init__(self, source: SSAValue, index: SSAValue, *, transpose: bool = False):
        super().__init__(
            operands=(source, index),
            result_types=(REGISTERS,),
            properties={"transpose": UnitAttr() if transpose else None},
        )

    def verify_(self) -> None:
        _expect_shared("the source", self.source)


@irdl_op_definition
class RoundTf32Op(IRDLOperation):
    """Bits of f32 rounded to tf32 (10 bits of mantissa), to the nearest, ties away from
    zero."""

    name = "br.round_tf32"

    value = operand_def(REGISTERS)
    res = result_def(REGISTERS)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict"

    def __init__(self, value: SSAValue):
        super().__init__(operands=(value,), result_types=(REGISTERS,))


@irdl_op_definition
class MmaOp(IRDLOperation):
    """`C += A B` of a warp's fragments, on its tensor core: 16 x 16 of C, with 8 steps
    of the sum (tf32) or 16 (bf16, f16)."""

    name = "br.mma"

    a = operand_def(REGISTERS)
    b = operand_def(REGISTERS)
    c = operand_def(ACCUMULATORS)
    kind = prop_def(StringAttr)
    res = result_def(ACCUMULATORS)

    irdl_options = _DICT
    traits = traits_def(Pure())
    assembly_format = "$a `,` $b `,` $c attr-dict"

    def __init__(self, a: SSAValue, b: SSAValue, c: SSAValue, kind: str):
        super().__init__(
            operands=(a, b, c),
            result_types=(ACCUMULATORS,),
            properties={"kind": StringAttr(kind)},
        )

    def verify_(self) -> None:
        if self.kind.data not in KINDS:
            raise VerifyException(
                f"expected a kind out of {', '.join(KINDS)}, got {self.kind.data}"
            )


@irdl_op_definition
class StoreAccumulatorsOp(IRDLOperation):
    """A fragment of C into shared memory, the tile's rows `pitch` elements apart."""

    name = "br.store_accumulators"

    value = operand_def(ACCUMULATORS)
    target = operand_def(MemRefType)
    index = operand_def(IndexType)
    pitch = prop_def(IntegerAttr[IntegerType])

    irdl_options = _DICT
    assembly_format = "$value `,` $target `[` $index `]` attr-dict `:` type($target)"

    def __init__(self, value: SSAValue, target: SSAValue, index: SSAValue, pitch: int):
        """`index`: of this lane's first element, (g, 2t)."""
        super().__init__(
            operands=(value, target, index),
            properties={"pitch": IntegerAttr(pitch, i64)},
        )

    def verify_(self) -> None:
        _expect_shared("the target", self.target)


@irdl_op_definition
class ShuffleXorOp(IRDLOperation):
    """What the lane of the warp has whose number differs by `mask`. All lanes of a warp
    run it together."""

    name = "br.shuffle_xor"

    T: ClassVar = VarConstraint("T", AnyAttr())

    value = operand_def(T)
    mask = prop_def(IntegerAttr[IntegerType])
    res = result_def(T)

    irdl_options = _DICT
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue, mask: int):
        super().__init__(
            operands=(value,),
            result_types=(value.type,),
            properties={"mask": IntegerAttr(mask, i64)},
        )

    def verify_(self) -> None:
        if self.value.type not in SHUFFLED:
            known = ", ".join(map(str, SHUFFLED))
            raise VerifyException(f"expected one of {known}, got {self.value.type}")
        if not 1 <= self.mask.value.data < WARP:
            raise VerifyException(
                f"expected a mask from 1 to {WARP - 1}, got {self.mask.value.data}"
            )


GPU_OPS: Sequence[type[Operation]] = (
    AsyncCommitOp,
    AsyncCopyOp,
    AsyncWaitOp,
    BarrierOp,
    BlockIdOp,
    LoadMatricesOp,
    MmaOp,
    RoundTf32Op,
    SharedMemoryOp,
    ShuffleXorOp,
    StoreAccumulatorsOp,
    ThreadIdOp,
)
