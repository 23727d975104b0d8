"""Types on both sides of `convert-to-llvm`.

index, f32, i8, !llvm.ptr, vector<8xf32>   ->  i64, themselves
memref<?x4xf32, strided<[?, 1]>>           ->  ptr, i64 (size 0), i64 (stride 0)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    BFloat16Type,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntAttr,
    IntegerAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
    Signedness,
    VectorType,
    i32,
    i64,
)
from xdsl.dialects.llvm import (
    LLVMArrayType,
    LLVMFunctionType,
    LLVMPointerType,
    LLVMStructType,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.gpu_ops import SHARED_SPACE

POINTER = LLVMPointerType()

FLOATS = (Float16Type, BFloat16Type, Float32Type, Float64Type)
MOST_LANES = 4096
"""Of a vector: LLVM splits longer ones in a time that grows with the square."""

_LLVM_TYPES = (LLVMPointerType, LLVMArrayType, LLVMStructType, LLVMFunctionType)


@cache
def converted(t: Attribute) -> Attribute | None:
    """`t` in the llvm dialect, or None where it has no (single) counterpart there."""
    if isinstance(t, IndexType):
        return i64
    if isa(t, IntegerType):
        return t if t.signedness.data == Signedness.SIGNLESS else None
    if isinstance(t, (*FLOATS, *_LLVM_TYPES)):
        return t
    if isa(t, VectorType):
        element = converted(t.element_type)
        if element is None or t.get_num_dims() != 1 or t.get_num_scalable_dims():
            return None
        if not 1 <= t.get_shape()[0] <= MOST_LANES:
            return None
        return VectorType(element, t.shape)
    return None


def convert_type(t: Attribute, op: Operation) -> Attribute:
    """`t` in the llvm dialect; stops at `op` where there is none."""
    result = converted(t)
    if result is None:
        unsupported(
            op,
            "convert-to-llvm: expected index, signless integers, f16, bf16, f32, f64, "
            f"1-D fixed vectors of 1 to {MOST_LANES} of these or llvm types, got {t}; "
            + (
                "split it into 1-D vectors, as convert-linalg-to-vector does"
                if isinstance(t, VectorType)
                else "lower tensors by bufferize, other types by their own passes first"
            ),
        )
    return result


def converted_constant(value: Attribute) -> Attribute:
    """An index constant as an i64 one; others are as they were."""
    if isa(value, IntegerAttr) and isinstance(value.type, IndexType):
        return number(value.value.data)
    if isa(value, DenseIntOrFPElementsAttr):
        t = value.type
        if isinstance(t.element_type, IndexType) and isa(t, VectorType):
            return DenseIntOrFPElementsAttr(VectorType(i64, t.shape), value.data)
    return value


@cache
def number(value: int) -> IntegerAttr:
    """`value : i64`, made once: making attributes is half of what lowering costs."""
    return IntegerAttr(value, i64)


@cache
def int32s(*values: int) -> DenseArrayBase:
    """`array<i32: ...>`, made once."""
    return DenseArrayBase.from_list(i32, values)


def element_bytes(t: Attribute) -> int | None:
    """The size in memory of an element; None where it does not fill whole bytes."""
    match t:
        case IntegerType():
            return t.width.data // 8 if t.width.data % 8 == 0 else None
        case Float16Type() | BFloat16Type():
            return 2
        case Float32Type():
            return 4
        case Float64Type() | LLVMPointerType() | IndexType():
            return 8
        case _:
            return None


def strides_of(t: MemRefType) -> Sequence[int | None]:
    """Strides in elements, None where only known at run time. The layout is strided."""
    return t.get_strides() or ()


def memref_arguments(t: MemRefType) -> list[Attribute]:
    """What a memref argument becomes: its pointer, dynamic sizes and dynamic strides.

    The strides of an identity layout follow from the sizes, and are not passed.
    """
    dynamic = sum(size == DYNAMIC_INDEX for size in t.get_shape())
    if not isinstance(t.layout, NoneAttr):
        dynamic += sum(stride is None for stride in strides_of(t))
    return [POINTER, *(i64 for _ in range(dynamic))]


def check_memref(t: MemRefType, op: Operation, *, shared: bool = False) -> Attribute:
    """The element type of `t`; stops at `op` where the memref cannot be lowered.
    `shared` memory is where a kernel makes it, and nowhere else."""
    spaces = (NoneAttr(), IntAttr(0))
    if t.memory_space not in spaces and not (shared and t.memory_space == SHARED_SPACE):
        unsupported(
            op,
            f"convert-to-llvm: expected a memref in the default memory space, got {t}; "
            "drop the memory space",
        )
    if t.get_strides() is None:
        unsupported(
            op,
            f"convert-to-llvm: expected a strided layout, got {t}; "
            "write the layout as strided<[...], offset: ...>",
        )
    element = converted(t.element_type)
    if element is None or isinstance(element, VectorType):
        unsupported(
            op,
            f"convert-to-llvm: expected a memref of scalars, got {t}; "
            "reinterpret it as a memref of its element type",
        )
    return element
