"""Tensor maps of a program's launches: made by the driver, kept on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.launch_plan import Step, TensorMap, flattened
from brdialect.mistake import BrError
from runtime import device as devices
from runtime.device import Device, Memory, ask

BYTES, ALIGNMENT = 128, 64
"""Of a map, on the host and on the device."""

_TYPES = {"float32": "FLOAT32", "float16": "FLOAT16", "uint16": "BFLOAT16"}

_TRIES = 256


class TensorMaps:
    """The maps of some launches, for buffers that lie at these addresses."""

    def __init__(
        self, device: Device, launches: Sequence[Step], pointers: Mapping[str, int]
    ) -> None:
        self._places: dict[TensorMap, int] = {}
        for launch, _ in flattened(launches):
            for x in launch.arguments:
                if isinstance(x, TensorMap):
                    self._places.setdefault(x, BYTES * len(self._places))
        self._memory: Memory | None = None
        if not self._places:
            return
        self._memory = device.allocate(BYTES * len(self._places), "tensor maps")
        encoded = [
            encoded_map(x, pointers[x.pointer.buffer] + x.pointer.offset)
            for x in self._places
        ]
        self._memory.upload(np.concatenate(encoded))

    def pointer(self, map_: TensorMap) -> int:
        """Where a map lies on the device."""
        assert self._memory is not None
        return self._memory.pointer + self._places[map_]


def encoded_map(map_: TensorMap, start: int) -> Array:
    """The 16 words of a map of what lies from address `start` on."""
    d, size = devices.driver(), np.dtype(map_.dtype).itemsize
    name = f"CU_TENSOR_MAP_DATA_TYPE_{_TYPES[map_.dtype]}"
    kind = getattr(d.CUtensorMapDataType, name)
    known, window = map_.map, map_.map.window
    rank = len(known.sizes)
    memory = [
        *(kind, rank, start, [d.cuuint64_t(n) for n in known.sizes]),
        [d.cuuint64_t(size * n) for n in known.strides],
    ]
    modes = (
        d.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE,
        d.CUtensorMapSwizzle.CU_TENSOR_MAP_SWIZZLE_128B,
        d.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        d.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
    )

    def encode() -> Any:
        if window is None:
            box = [d.cuuint32_t(n) for n in known.box]
            name, more, steps = "Tiled", [box], (1,) * rank
        else:
            # W, H, D, though its documentation says D, H, W: as all its other arrays
            more = [[*window.lower], [*window.upper], *known.box]
            name, steps = "Im2col", (1, *window.steps, 1)
        strides = [d.cuuint32_t(n) for n in steps]
        arguments = (*memory, *more, strides, *modes)
        return ask(f"cuTensorMapEncode{name}", *arguments, what=f"the {map_}")

    return np.array([int(x) for x in aligned(encode).opaque], np.uint64)


def aligned(encode: Callable[[], Any]) -> Any:
    """What `encode` gives, encoded at a multiple of 64 bytes, as the driver wants it.

    cuda-bindings lets the driver write into a Python object, which lies at a multiple
    of 16 (cuda-python, pull request 1692). Python uses the memory of the object that
    was freed last for the next one of its size: so objects are made until one lies
    right, and that one is freed. Of version 12 none ever does: they are 192 bytes
    apart."""
    others: list[Any] = []
    for _ in range(_TRIES):
        fresh = devices.driver().CUtensorMap()
        if fresh.getPtr() % ALIGNMENT:
            others.append(fresh)
            continue
        del fresh
        found = encode()
        if found.getPtr() % ALIGNMENT == 0:
            return found
        others.append(found)
    raise BrError(
        "expected cuda-bindings to place a tensor map at a multiple of 64 bytes, as "
        "versions from 13 on do; install one, or leave copy=tma out of the schedule"
    )
