"""Weights: the blobs behind `dense_resource<name>`, and dense constants as arrays.

    {-# dialect_resources: { builtin: { w: "0x04000000" "0000803F..." } } #-}
                                             alignment   little-endian elements

The section is cut off and decoded before the parser sees the text: hundreds of
megabytes of hexadecimal cost a search, not a parse, and are gone when lowering begins.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    ShapedType,
)
from xdsl.ir import Attribute
from xdsl.utils.type import get_element_type_or_self

from brdialect.errors import BrError

_SECTION = re.compile(rb"^\{-#", re.MULTILINE)
_TOKEN = re.compile(rb'\s*(?:([{}:,])|([A-Za-z_][\w$.]*)|(")|(#-\}))')
_BLOB = re.compile(rb'\s*"0x[^"]{8}')
"""What stands before the digits of the elements: a prefix and the alignment."""


Blob = bytes | Callable[[], bytes]


class Resources(Mapping[str, bytes]):
    """name -> the bytes of its elements. Those that are given as a function that reads
    them are read when they are asked for."""

    def __init__(self, blobs: Mapping[str, Blob]):
        self._blobs = dict(blobs)

    def __getitem__(self, name: str) -> bytes:
        blob = self._blobs[name]
        if callable(blob):
            blob = self._blobs[name] = blob()
        return blob

    def __iter__(self) -> Iterator[str]:
        return iter(self._blobs)

    def __len__(self) -> int:
        return len(self._blobs)


@dataclass
class _Section:
    """A reader of `{-# key: { dialect: { name: "0x..." } } #-}`."""

    text: bytes
    position: int
    filename: str

    def fail(self, expected: str) -> BrError:
        line = self.text.count(b"\n", 0, self.position) + 1
        column = self.position - self.text.rfind(b"\n", 0, self.position)
        return BrError(f"{self.filename}:{line}:{column}: expected {expected}")

    def token(self) -> str:
        """The next mark, name or string (with its opening quote)."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise self.fail("a name, a string or '#-}' in the resource section")
        self.position = match.end()
        if match[3] is None:
            return match[0].strip().decode()
        end = self.text.find(b'"', self.position)
        if end < 0:
            raise self.fail("a closing quote")
        string = self.text[self.position - 1 : end].decode()
        self.position = end + 1
        return string

    def expect(self, mark: str) -> None:
        start = self.position
        if self.token() != mark:
            self.position = start
            raise self.fail(f"'{mark}' in the resource section")

    def entries(self, depth: int, end: str) -> dict[str, bytes]:
        """`name: { ... }` down to `name: "0x..."`; the names of the last level."""
        found: dict[str, bytes] = {}
        while (name := self.token()) != end:
            if name == ",":
                continue
            self.expect(":")
            if depth > 0:
                self.expect("{")
                found |= self.entries(depth - 1, "}")
            else:
                name = name.lstrip('"')
                found[name] = self.blob(name)
        return found

    def blob(self, name: str) -> bytes:
        """The bytes whose digits stand after a prefix and the alignment."""
        start = _BLOB.match(self.text, self.position)
        if start is None:
            raise self.fail('"0x", 8 digits of alignment and the elements\' bytes')
        # a search, because a blob can have a hundred million characters
        end = self.text.find(b'"', start.end())
        if end < 0:
            raise self.fail("a closing quote")
        try:
            found = unhexlify(memoryview(self.text)[start.end() : end])
        except ValueError as error:
            raise self.fail(
                f"hexadecimal digits in the resource '{name}', got {error}"
            ) from error
        self.position = end + 1
        return found


def cut_resources(text: bytes, filename: str) -> tuple[bytes, Resources]:
    """The text with its resource section blanked, and the section's content."""
    match = _SECTION.search(text)
    if match is None:
        return text, Resources({})
    section = _Section(text, match.end(), filename)
    blobs = section.entries(2, "#-}")
    rest = text[section.position :]
    if rest.strip():  # what follows keeps its lines
        rest = b"\n" * text.count(b"\n", match.start(), section.position) + rest
    return text[: match.start()] + rest, Resources(blobs)


_TYPES: dict[type[Attribute], str] = {
    Float16Type: "<f2",
    Float32Type: "<f4",
    Float64Type: "<f8",
    # numpy has no bfloat16: its bits, widened to f32 in `dense_value`
    BFloat16Type: "<u2",
    IndexType: "<i8",
}
_INTEGERS = {1: "u1", 8: "i1", 16: "<i2", 32: "<i4", 64: "<i8"}


def element_dtype(type: Attribute) -> np.dtype[np.generic]:
    """How an element of `type` is stored in a dense constant."""
    if isinstance(type, IntegerType) and type.width.data in _INTEGERS:
        return np.dtype(_INTEGERS[type.width.data])
    for known, name in _TYPES.items():
        if isinstance(type, known):
            return np.dtype(name)
    raise BrError(
        f"expected a constant of f16, bf16, f32, f64, index, i1, i8, i16, i32 or i64, "
        f"got {type}"
    )


def dense_bits(
    attr: Attribute, resources: Mapping[str, bytes]
) -> npt.NDArray[np.generic]:
    """The elements as they are stored (bf16 as uint16), in the constant's shape. A true
    i1 is 1, as compiled code has it; xDSL keeps it as 255."""
    if isinstance(attr, DenseResourceAttr):
        name = attr.resource_handle.data
        if name not in resources:
            raise BrError(
                f"expected a resource '{name}' in the section "
                "{-# dialect_resources #-}, got none; export with its weights"
            )
        type, data = attr.type, resources[name]
    elif isinstance(attr, DenseIntOrFPElementsAttr):
        type, data = cast(ShapedType, attr.type), attr.data.data
    else:
        raise BrError(f"expected a dense constant, got {attr}")
    element = get_element_type_or_self(cast(Attribute, type))
    shape, dtype = type.get_shape(), element_dtype(element)
    if isinstance(element, IntegerType) and element.width.data == 1:
        data = (np.frombuffer(data, dtype) != 0).astype(dtype).tobytes()
    if isinstance(attr, DenseIntOrFPElementsAttr) and len(data) == dtype.itemsize:
        return np.full(shape, np.frombuffer(data, dtype)[0], dtype)
    if len(data) != prod(shape) * dtype.itemsize:
        raise BrError(
            f"expected {prod(shape) * dtype.itemsize} bytes for a constant of type "
            f"{type}, got {len(data)}"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def dense_value(
    attr: Attribute, resources: Mapping[str, bytes]
) -> npt.NDArray[np.generic]:
    """The elements as numbers: bf16 as the same f32, i1 as bool."""
    bits = dense_bits(attr, resources)
    assert isinstance(attr, DenseResourceAttr | DenseIntOrFPElementsAttr)
    element = get_element_type_or_self(cast(Attribute, attr.type))
    if isinstance(element, BFloat16Type):
        return (bits.astype(np.uint32) << 16).view(np.float32)
    if isinstance(element, IntegerType) and element.width.data == 1:
        return bits != 0
    return bits
