"""Types and constants of the llvm dialect as LLVM IR text."""

from __future__ import annotations

import struct
from functools import cache

from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    IntegerType,
    VectorType,
    i1,
)
from xdsl.dialects.llvm import (
    LLVMArrayType,
    LLVMFunctionType,
    LLVMPointerType,
    LLVMStructType,
    LLVMVoidType,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from brdialect.errors import BrError

_FLOATS: dict[type[Attribute], tuple[str, str]] = {
    Float16Type: ("half", "f16"),
    BFloat16Type: ("bfloat", "bf16"),
    Float32Type: ("float", "f32"),
    Float64Type: ("double", "f64"),
}


@cache
def type_text(t: Attribute) -> str:
    """`vector<8xf32>` -> `<8 x float>`"""
    if type(t) in _FLOATS:
        return _FLOATS[type(t)][0]
    match t:
        case IntegerType():
            return f"i{t.width.data}"
        case LLVMPointerType():
            space = t.addr_space.data if isinstance(t.addr_space, IntAttr) else 0
            return f"ptr addrspace({space})" if space else "ptr"
        case LLVMVoidType():
            return "void"
        case LLVMArrayType():
            return f"[{t.size.data} x {type_text(t.type)}]"
        case LLVMStructType():
            return f"{{ {', '.join(type_text(each) for each in t.types)} }}"
        case LLVMFunctionType():
            inputs = [type_text(each) for each in t.inputs]
            if t.is_variadic:
                inputs.append("...")
            return f"{type_text(t.output)} ({', '.join(inputs)})"
        case VectorType():
            return f"<{t.get_shape()[0]} x {type_text(t.element_type)}>"
        case _:
            raise BrError(f"LLVM IR: expected a type of the llvm dialect, got {t}")


@cache
def mangled(t: Attribute) -> str:
    """The type as the end of an intrinsic's name: `v8f32`, `p0`, `i64`."""
    if type(t) in _FLOATS:
        return _FLOATS[type(t)][1]
    if isinstance(t, LLVMPointerType):
        return f"p{t.addr_space.data if isinstance(t.addr_space, IntAttr) else 0}"
    if isa(t, VectorType):
        return f"v{t.get_shape()[0]}{mangled(t.element_type)}"
    return type_text(t)


def element_text(t: Attribute, data: bytes) -> str:
    """A number from its little-endian bytes. Floats are in hexadecimal, so exact."""
    match t:
        case Float32Type():
            (value,) = struct.unpack("<f", data)
            return f"0x{struct.pack('>d', value).hex().upper()}"
        case Float64Type():
            return f"0x{data[::-1].hex().upper()}"
        case Float16Type():
            return f"0xH{data[::-1].hex().upper()}"
        case BFloat16Type():
            return f"0xR{data[::-1].hex().upper()}"
        case IntegerType() if t.width.data == 1:
            return "true" if data[0] else "false"
        case _:
            return str(int.from_bytes(data, "little", signed=True))


def constant_text(value: Attribute) -> str:
    """A scalar or vector constant, without its type."""
    if isa(value, IntegerAttr):
        if value.type == i1:
            return "true" if value.value.data else "false"
        return str(value.value.data)
    if isa(value, FloatAttr):
        return element_text(value.type, value.type.pack((value.value.data,)))
    if isa(value, DenseIntOrFPElementsAttr) and isa(value.type, VectorType):
        data = value.data.data
        if not any(data):
            return "zeroinitializer"
        element = value.type.element_type
        name, size = type_text(element), len(data) // len(value)
        items = (
            f"{name} {element_text(element, data[i : i + size])}"
            for i in range(0, len(data), size)
        )
        return f"<{', '.join(items)}>"
    raise BrError(f"LLVM IR: expected a scalar or vector constant, got {value}")


def zero_text(t: Attribute) -> str:
    """The zero of a type."""
    match t:
        case LLVMPointerType():
            return "null"
        case IntegerType():
            return "0"
        case Float16Type() | BFloat16Type() | Float32Type() | Float64Type():
            return "0.0"
        case _:
            return "zeroinitializer"


_BYTES = [
    chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\{b:02X}"
    for b in range(256)
]


def bytes_text(data: bytes) -> str:
    """Bytes as a constant with its type: `[4 x i8] c"..."`."""
    return f'[{len(data)} x i8] c"{"".join([_BYTES[b] for b in data])}"'


def data_text(value: DenseIntOrFPElementsAttr, t: Attribute) -> str:
    """The initial value of a global, with its type. Pointers are opaque, so an array of
    floats may as well be declared as the bytes it consists of."""
    data = value.data.data
    if not any(data):
        return f"{type_text(t)} zeroinitializer"
    if value.type.element_type == IntegerType(1):
        data = bytes(b & 1 for b in data)
    return bytes_text(data)
