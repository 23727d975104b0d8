"""Arrays that only DLPack knows, as a library on a GPU has them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

CUDA = 2
"""DLPack's number of CUDA's memory."""

_CODES = {"i": 0, "u": 1, "f": 2, "b": 4}
"""Of integers, unsigned ones, floats and bfloat16 (`b16`)."""


class _Tensor(ctypes.Structure):
    """`DLManagedTensor` of dlpack.h, version 0.8."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    )


class DLPackArray:
    """Memory on the device. `strides` in elements; None: dense."""

    def __init__(
        self,
        pointer: int,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        kind: str = "f32",
        device: int = CUDA,
        offset: int = 0,
    ) -> None:
        numbers = ctypes.c_int64 * len(shape)
        self._numbers = numbers(*shape), numbers(*(strides or shape))
        self.streams: list[object] = []
        self.device = device
        self.tensor = _Tensor(
            data=pointer,
            device_type=device,
            ndim=len(shape),
            code=_CODES[kind[0]],
            bits=int(kind[1:]),
            lanes=1,
            shape=self._numbers[0],
            strides=None if strides is None else self._numbers[1],
            byte_offset=offset,
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, *, stream: object = None, **versions: object) -> object:
        self.streams.append(stream)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return new(ctypes.addressof(self.tensor), b"dltensor", None)
