"""How the interpreter holds values.

| type | held as |
|---|---|
| tensor, vector | a numpy array that nobody writes to once it is made |
| memref | a `MemRef`: a window onto a flat buffer that is written in place |
| float, integer, index | a numpy scalar; an array where a body runs for many points |

`precise` decides in what floats are held: all in float64, or each in its own type.
numpy has no bf16: it is held as the float32 of that value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    MemRefType,
    Signedness,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from brdialect.arrays import Array
from brdialect.errors import BrError

Value = Any
"""An array, a numpy scalar or a MemRef: the types of the program say which."""

FLOATS: dict[type[Attribute], type[np.floating[Any]]] = {
    Float16Type: np.float16,
    BFloat16Type: np.float32,
    Float32Type: np.float32,
    Float64Type: np.float64,
}
INTEGERS: dict[int, type[np.signedinteger[Any]]] = {
    8: np.int8,
    16: np.int16,
    32: np.int32,
    64: np.int64,
}
UNSIGNED: dict[int, type[np.unsignedinteger[Any]]] = {
    8: np.uint8,
    16: np.uint16,
    32: np.uint32,
    64: np.uint64,
}


class ExecutionError(BrError):
    """An operation that failed while it ran, named with its place in the input."""


def element_of(type_: Attribute) -> Attribute:
    """The element type of a tensor, vector or memref; a scalar is its own."""
    if isa(type_, TensorType | VectorType | MemRefType):
        return type_.element_type
    return type_


def storage(type_: Attribute, precise: bool) -> np.dtype[Any]:
    """The numpy type in which elements of this type are held."""
    element = element_of(type_)
    if isinstance(element, IndexType):
        return np.dtype(np.int64)
    if isa(element, IntegerType):
        width = element.width.data
        unsigned = element.signedness.data == Signedness.UNSIGNED
        if width == 1:
            return np.dtype(np.bool_)
        if width in INTEGERS:
            return np.dtype((UNSIGNED if unsigned else INTEGERS)[width])
    if type(element) in FLOATS:
        return np.dtype(np.float64 if precise else FLOATS[type(element)])
    raise BrError(
        "expected elements f16, bf16, f32, f64, index, i1, i8, i16, i32 or i64, "
        f"got {element}"
    )


def round_to_bf16(values: Array) -> Array:
    """float32 -> the nearest bf16 (ties to even), as float32."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    upper = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & (
        np.uint32(0xFFFF0000)
    )
    return np.where(np.isnan(values), np.float32(np.nan), upper.view(np.float32))


def encode(values: Array, type_: Attribute) -> Array:
    """Held values -> the element's own numpy type; bf16 as its 16 bits."""
    element = element_of(type_)
    if isinstance(element, BFloat16Type):
        bits = round_to_bf16(np.asarray(values, np.float32)).view(np.uint32)
        return (bits >> np.uint32(16)).astype(np.uint16)
    return np.asarray(values).astype(storage(element, precise=False))


def decode(values: Array, type_: Attribute, precise: bool) -> Array:
    """Values from outside -> held values. bf16 may come as its 16 bits (uint16)."""
    element = element_of(type_)
    want = storage(element, precise)
    if isinstance(element, BFloat16Type) and values.dtype == np.uint16:
        values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    elif isinstance(element, BFloat16Type) and not precise:
        values = round_to_bf16(values)
    is_float = want.kind == "f"
    if values.dtype.kind not in ("f" if is_float else "iub"):
        raise BrError(f"expected elements {element}, got numpy's {values.dtype}")
    return values.astype(want, copy=False)


def empty(shape: Sequence[int], type_: Attribute, precise: bool) -> Array:
    """Memory nobody has written: floats are NaN, so that reading it shows."""
    dtype = storage(type_, precise)
    if dtype.kind == "f":
        return np.full(shape, np.nan, dtype)
    return np.full(shape, True if dtype.kind == "b" else np.iinfo(dtype).max, dtype)


@dataclass(frozen=True)
class MemRef:
    """`buffer[offset + i * strides[0] + j * strides[1] + ...]`, all in elements."""

    buffer: Array
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self):
        if 0 in self.sizes:
            return
        reach = [(n - 1) * s for n, s in zip(self.sizes, self.strides, strict=True)]
        first = self.offset + sum(min(0, x) for x in reach)
        last = self.offset + sum(max(0, x) for x in reach)
        if first < 0 or last >= self.buffer.size:
            raise BrError(
                f"expected a view within 0..{self.buffer.size - 1} of its buffer, "
                f"got {first}..{last} from offset {self.offset}, sizes "
                f"{list(self.sizes)} and strides {list(self.strides)}"
            )

    @property
    def array(self) -> Array:
        """The elements as a numpy array that shares the buffer's memory."""
        size = self.buffer.itemsize
        if 0 in self.sizes:
            return np.empty(self.sizes, self.buffer.dtype)
        return as_strided(
            self.buffer[self.offset :], self.sizes, [s * size for s in self.strides]
        )


def row_major(sizes: Sequence[int]) -> tuple[int, ...]:
    """The strides of a dense array: `(2, 3, 4) -> (12, 4, 1)`."""
    strides: list[int] = []
    step = 1
    for n in reversed(sizes):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def memref_of(array: Array) -> MemRef:
    """A window onto all of `array`, which must not have negative strides."""
    if array.flags.c_contiguous:
        return MemRef(array.reshape(-1), 0, array.shape, row_major(array.shape))
    strides = tuple(s // array.itemsize for s in array.strides)
    if min(strides) < 0 or any(s % array.itemsize for s in array.strides):
        raise BrError(
            "expected strides that are whole numbers of elements and not negative, "
            f"got {array.strides} bytes; pass a copy"
        )
    extent = 1 + sum((n - 1) * s for n, s in zip(array.shape, strides, strict=True))
    flat = as_strided(array, (extent,), (array.itemsize,))
    return MemRef(flat, 0, array.shape, strides)


def array_of(value: Value) -> Array:
    """A tensor, vector, scalar or memref as an array (a memref shares its memory)."""
    return value.array if isinstance(value, MemRef) else np.asarray(value)


def static_shape(type_: Attribute) -> tuple[int, ...]:
    """The sizes the type states, -1 where it leaves them open; () for a scalar."""
    if isinstance(type_, TensorType | MemRefType | VectorType):
        return tuple(type_.get_shape())
    return ()
