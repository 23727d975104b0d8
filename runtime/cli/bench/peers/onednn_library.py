"""oneDNN's C interface (version 3): finding the library, and its objects."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from ctypes import byref, c_int, c_int64, c_void_p
from ctypes.util import find_library
from enum import IntEnum
from pathlib import Path

import numpy as np

from brdialect.arrays import Array
from runtime.arguments import aligned_empty
from runtime.cli.bench.workloads import Shape

# Numbers of enumerations in oneapi/dnnl/dnnl_types.h, fixed for all of version 3.
FORWARD_TRAINING, FORWARD_INFERENCE, BACKWARD = 64, 96, 128
_CPU, _IN_ORDER, _F32 = 1, 1, 3
_ANY = 1
_PLAIN = {2: 3, 3: 4, 4: 5, 5: 6}  # dimensions -> the tag of row-major
_OF_ARGUMENT = 255


class Argument(IntEnum):
    """What an operand is to a primitive, recurrent ones included."""

    SRC = 1
    STATE = 2
    CELL_STATE = 3
    DST = 17
    WEIGHTS = 33
    WEIGHTS_OF_STATE = 34
    BIAS = 41
    WORKSPACE = 64
    DIFF_SRC = 129
    DIFF_STATE = 130
    DIFF_CELL_STATE = 131
    DIFF_DST = 145
    DIFF_WEIGHTS = 161
    DIFF_WEIGHTS_OF_STATE = 162
    DIFF_BIAS = 169


class _Passed(ctypes.Structure):
    _fields_ = (("index", c_int), ("memory", c_void_p))


class _Version(ctypes.Structure):
    _fields_ = (("major", c_int), ("minor", c_int), ("patch", c_int))


def library_paths() -> Iterator[str]:
    """Where a wheel or the system puts the library."""
    for name in ("libdnnl.so.3", "libdnnl.so"):
        yield from map(str, Path(sys.prefix, "lib").glob(name))
    if found := find_library("dnnl"):
        yield found


def is_installed() -> bool:
    """Whether there is a library of version 3."""
    return _loaded() is not None


def _loaded() -> ctypes.CDLL | None:
    for path in library_paths():
        try:
            library = ctypes.CDLL(path)
            library.dnnl_version.restype = ctypes.POINTER(_Version)
            if library.dnnl_version().contents.major == 3:
                return library
        except (OSError, AttributeError):
            continue
    return None


class OneDnn:
    """The library with an engine and a stream. Everything lives as long as the
    process, which times a few dozen operations."""

    def __init__(self) -> None:
        library = _loaded()
        assert library is not None
        self._library = library
        self._engine, self._stream = c_void_p(), c_void_p()
        self._call("engine_create", byref(self._engine), _CPU, ctypes.c_size_t(0))
        self._call("stream_create", byref(self._stream), self._engine, _IN_ORDER)

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, f"dnnl_{name}")(*arguments)
        if status:
            raise RuntimeError(f"dnnl_{name} returns {status}")

    def description(self, shape: Shape, plain: bool) -> c_void_p:
        """Of an f32 tensor, row-major or as the library likes."""
        made = c_void_p()
        sizes = dimensions(shape)
        tag = _PLAIN[len(shape)] if plain else _ANY
        self._call(
            "memory_desc_create_with_tag", byref(made), len(shape), sizes, _F32, tag
        )
        return made

    def chosen(self, primitive: c_void_p, argument: Argument) -> c_void_p:
        """The description of an operand that the library has chosen."""
        query = self._library.dnnl_primitive_desc_query_md
        query.restype = c_void_p
        return c_void_p(query(primitive, _OF_ARGUMENT, c_int(argument)))

    def planned(self, name: str, *arguments: object) -> c_void_p:
        """A primitive's description."""
        made = c_void_p()
        self._call(f"{name}_primitive_desc_create", byref(made), *arguments)
        return made

    def forward(self, name: str, *arguments: object) -> c_void_p:
        """The same for one that runs on this engine."""
        return self.planned(name, self._engine, *arguments)

    def memory(self, description: c_void_p, place: Array | None = None) -> c_void_p:
        """Fresh memory, or an array's."""
        made = c_void_p()
        data = c_void_p(-1) if place is None else place.ctypes.data_as(c_void_p)
        self._call("memory_create", byref(made), description, self._engine, data)
        return made

    def primitive(self, description: c_void_p) -> c_void_p:
        """Code for it."""
        made = c_void_p()
        self._call("primitive_create", byref(made), description)
        return made

    def execute(
        self, primitive: c_void_p, operands: Mapping[Argument, c_void_p]
    ) -> None:
        """Runs it to its end."""
        listed = (_Passed(index, place) for index, place in operands.items())
        passed = (_Passed * len(operands))(*listed)
        self._call("primitive_execute", primitive, self._stream, len(operands), passed)
        self._call("stream_wait", self._stream)

    def sgemm(self, a: Array, b: Array, c: Array) -> None:
        """c = a b, all row-major."""
        (m, k), n = a.shape, b.shape[1]
        plain = ctypes.c_char(b"N")
        pairs = zip((a, b, c), (k, n, n), strict=True)
        (pa, la), (pb, lb), (pc, lc) = (
            (x.ctypes.data_as(c_void_p), c_int64(step)) for x, step in pairs
        )
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        sizes = map(c_int64, (m, n, k))
        self._call("sgemm", plain, plain, *sizes, one, pa, la, pb, lb, zero, pc, lc)

    def reorder(
        self, from_: tuple[c_void_p, c_void_p], to: tuple[c_void_p, c_void_p]
    ) -> None:
        """Copies between two (description, memory)."""
        plan = self.planned(
            "reorder", from_[0], self._engine, to[0], self._engine, None
        )
        operands = {Argument.SRC: from_[1], Argument.DST: to[1]}
        self.execute(self.primitive(plan), operands)

    def place(self, description: c_void_p, array: Array) -> c_void_p:
        """Memory with a row-major array in the layout of the description."""
        own = aligned_empty(array.shape, np.float32)
        own[...] = array
        plain, place = self.description(own.shape, plain=True), self.memory(description)
        self.reorder((plain, self.memory(plain, own)), (description, place))
        return place

    def read(self, description: c_void_p, place: c_void_p, shape: Shape) -> Array:
        """A row-major copy of memory."""
        array: Array = aligned_empty(shape, np.float32)
        plain = self.description(shape, plain=True)
        self.reorder((description, place), (plain, self.memory(plain, array)))
        return array


def dimensions(values: Sequence[int]) -> ctypes.Array[c_int64]:
    """A dnnl_dims_t."""
    return (c_int64 * 12)(*values)
