"""Arrays that lie on a GPU: other libraries', taken as they are, and results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.arguments import Parameter
from runtime.device import Memory

ALIGNMENT = 16
"""Bytes: kernels read and write that much at once."""

_DEFAULT_STREAM = 1
"""As DLPack numbers it: producers have it wait for what they have put on others."""

_CUDA = (2, 13)
"""Kinds of devices in DLPack: CUDA's memory, and its managed memory."""


@dataclass(frozen=True)
class DeviceArray:
    """A dense row-major array on the device. Libraries that know the CUDA array
    interface take it without a copy: `torch.as_tensor(x)`, `cupy.asarray(x)`."""

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    owner: object
    """What keeps the memory."""

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "strides": None,
            "stream": 1,  # the legacy default stream
        }

    def numpy(self) -> Array:
        """A copy on the host."""
        array = np.empty(self.shape, self.dtype)
        borrowed = self.owner
        if not isinstance(borrowed, Memory):
            raise BrError("expected an array of this library's, to copy from")
        borrowed.download(array)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)


def is_on_device(value: object) -> bool:
    """Whether an argument says that it lies on a GPU."""
    if isinstance(value, np.ndarray | np.generic | int | float):
        return False
    if hasattr(value, "__cuda_array_interface__"):
        return True
    kind = getattr(value, "__dlpack_device__", None)
    return kind is not None and kind()[0] in _CUDA


def device_array(value: Any) -> DeviceArray:
    """Another library's array, without a copy."""
    if isinstance(value, DeviceArray):
        return value
    if hasattr(value, "__cuda_array_interface__"):
        found = value.__cuda_array_interface__
        # PyTorch's name for bf16, of which numpy has no type: as its bits
        name = {"<V2": "<u2"}.get(found["typestr"], found["typestr"])
        dtype, shape = np.dtype(name), tuple(found["shape"])
        strides, (pointer, _) = found.get("strides"), found["data"]
    else:
        found = _through_dlpack(value)
        dtype, shape = _dtype_of(found), tuple(found.shape)
        strides, pointer, value = found.strides, found.ptr, found
        if strides is not None:
            strides = [s * dtype.itemsize for s in strides]
    dense = [prod(shape[i + 1 :]) * dtype.itemsize for i in range(len(shape))]
    if strides is not None and not _same(strides, dense, shape):
        raise BrError(
            f"expected a dense row-major array, got strides of {list(strides)} bytes "
            f"for sizes {list(shape)}; pass a contiguous copy"
        )
    return DeviceArray(int(pointer or 0), shape, dtype, value)


def _through_dlpack(value: object) -> Any:
    try:
        view = import_module("cuda.core.utils").StridedMemoryView
    except ImportError as e:
        raise BrError(
            "expected the package cuda-core, to take an array by DLPack, got none; "
            "pip install 'brdialect[gpu]'"
        ) from e
    return view.from_dlpack(value, stream_ptr=_DEFAULT_STREAM)


def _dtype_of(view: Any) -> np.dtype[Any]:
    """numpy's type of the elements; bf16 as its bits."""
    try:
        dtype = np.dtype(view.dtype)
    except NotImplementedError as e:
        raise BrError(f"expected elements that numpy has a type of ({e})") from e
    return np.dtype(np.uint16) if dtype.name == "bfloat16" else dtype


def _same(strides: Sequence[int], dense: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether strides are those of a dense array, where they count."""
    return 0 in shape or all(
        got == want or size == 1
        for got, want, size in zip(strides, dense, shape, strict=True)
    )


def check_device_array(parameter: Parameter, value: object, what: str) -> DeviceArray:
    """An argument on the device, of the right type, sizes and alignment."""
    array = device_array(value)
    fits = len(array.shape) == len(parameter.shape) and all(
        want in (None, got)
        for want, got in zip(parameter.shape, array.shape, strict=True)
    )
    if not fits or array.dtype != parameter.dtype:
        sizes = "x".join([*map(str, array.shape), str(array.dtype)])
        raise BrError(f"{what}: expected {parameter}, got {sizes}")
    if array.pointer % ALIGNMENT:
        raise BrError(
            f"{what}: expected an array at a multiple of {ALIGNMENT} bytes, got "
            f"address {array.pointer:#x}; pass a copy"
        )
    return array
