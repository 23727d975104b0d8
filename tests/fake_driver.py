"""A driver of a GPU that is not there: memory is numpy's, launches run the kernels in
numpy. It stands in for cuda.bindings.driver, of which it has what runtime/device.py
asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import BFloat16Type, MemRefType, ModuleOp, bf16, f16, f32
from xdsl.utils.hints import isa

import runtime.program as program
from brdialect.box_map import BoxMap, Window
from brdialect.reference import find_entry
from brdialect.reference.gpu.launches import Statistics, device_of, launch
from brdialect.reference.gpu.tensor_copies import TensorMap
from brdialect.reference.values import MemRef, decode, element_of, encode, storage
from brdialect.tensor_copy_ops import MAP
from passes.gpu.pipeline import lower_kernels
from runtime import device

Array = np.ndarray[Any, np.dtype[Any]]
OK, REFUSED = 0, 719


class FakeMap:
    """A tensor map at a multiple of 16, where the one was that was freed last."""

    free: ClassVar[list[int]] = [*range(1 << 16, 16, -16)]

    def __init__(self, opaque: Sequence[int] = (0,) * 16) -> None:
        self.opaque, self.place = opaque, FakeMap.free.pop()

    def __del__(self) -> None:
        FakeMap.free.append(self.place)

    def getPtr(self) -> int:  # noqa: N802
        return self.place


@dataclass(frozen=True)
class Function:
    """A kernel of a module that was loaded."""

    module: ModuleOp
    name: str


class FakeDriver:
    """The functions of the driver, each of which gives a status first."""

    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR="major",
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR="minor",
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN="shared",
    )
    CUfunction_attribute = SimpleNamespace(
        CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="more shared"
    )

    CUtensorMapDataType = SimpleNamespace(
        CU_TENSOR_MAP_DATA_TYPE_BFLOAT16="bfloat16",
        CU_TENSOR_MAP_DATA_TYPE_FLOAT16="float16",
        CU_TENSOR_MAP_DATA_TYPE_FLOAT32="float32",
    )
    CUtensorMapInterleave = SimpleNamespace(CU_TENSOR_MAP_INTERLEAVE_NONE="none")
    CUtensorMapSwizzle = SimpleNamespace(CU_TENSOR_MAP_SWIZZLE_128B="128 bytes")
    CUtensorMapL2promotion = SimpleNamespace(
        CU_TENSOR_MAP_L2_PROMOTION_L2_256B="256 bytes"
    )
    CUtensorMapFloatOOBfill = SimpleNamespace(CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE="zeros")
    cuuint32_t = cuuint64_t = int
    CUtensorMap = FakeMap

    CUstream_flags = SimpleNamespace(CU_STREAM_NON_BLOCKING=1)
    CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL=1)

    def __init__(self) -> None:
        self.alive: list[str] = []
        """Streams and graphs that were not destroyed."""
        self.recorded: list[tuple[Function, tuple[Any, ...]]] | None = None
        self.attributes = {"major": 8, "minor": 0, "shared": 163 << 10}
        self.devices = 1
        self.free = 8 << 30
        self.fails = ""
        """A function that the driver refuses."""
        self.memory: dict[int, Array] = {}
        self.next = 1 << 20
        self.maps: dict[int, Any] = {}
        self.module = ModuleOp([])
        self.more_shared: dict[Function, int] = {}
        self.seen = Statistics()
        self.uploads = 0

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        function = getattr(type(self), f"do_{name.lower()}")

        def call(*arguments: Any) -> tuple[Any, ...]:
            if name == self.fails:
                return (REFUSED,)
            found = function(self, *arguments)
            return (OK, *found) if isinstance(found, tuple) else (OK, found)

        return call

    def do_cuinit(self, flags: int) -> tuple[()]:
        return ()

    def do_cugeterrorstring(self, status: int) -> bytes:
        return b"unspecified launch failure"

    def do_cudevicegetcount(self) -> int:
        return self.devices

    def do_cudeviceget(self, number: int) -> int:
        return number

    def do_cudevicegetname(self, length: int, handle: int) -> bytes:
        return b"Fake GPU\0\0\0"

    def do_cudevicegetattribute(self, key: str, handle: int) -> int:
        return self.attributes[key]

    def do_cudeviceprimaryctxretain(self, handle: int) -> str:
        return "context"

    def do_cuctxsetcurrent(self, context: str) -> tuple[()]:
        return ()

    def do_cuctxsynchronize(self) -> tuple[()]:
        return ()

    def do_cumemgetinfo(self) -> tuple[int, int]:
        return self.free, 16 << 30

    def do_cumemalloc(self, size: int) -> int:
        pointer, self.next = self.next, self.next + (size + 511) // 256 * 256
        self.memory[pointer] = np.full(size, 0xFF, np.uint8)
        return pointer

    def do_cumemfree(self, pointer: int) -> tuple[()]:
        del self.memory[pointer]
        return ()

    def at(self, pointer: int) -> Array:
        """The bytes from an address to the end of its allocation."""
        for start, bytes_ in self.memory.items():
            if start <= pointer < start + max(1, bytes_.size):
                return bytes_[pointer - start :]
        raise AssertionError(f"no memory at {pointer}")

    def do_cumemsetd8(self, pointer: int, byte: int, size: int) -> tuple[()]:
        self.at(pointer)[:size] = byte
        return ()

    def do_cumemcpyhtod(self, pointer: int, source: int, size: int) -> tuple[()]:
        self.uploads += 1
        self.at(pointer)[:size] = _host(source, size)
        return ()

    def do_cumemcpydtoh(self, target: int, pointer: int, size: int) -> tuple[()]:
        _host(target, size)[:] = self.at(pointer)[:size]
        return ()

    def do_cumoduleloaddata(self, image: bytes) -> ModuleOp:
        assert image.endswith(b"\0") and b".target sm_" in image
        return self.module

    def do_cumodulegetfunction(self, module: ModuleOp, name: bytes) -> Function:
        return Function(module, name.decode())

    def do_cufuncsetattribute(
        self, function: Function, key: str, value: int
    ) -> tuple[()]:
        self.more_shared[function] = value
        return ()

    def do_custreamcreate(self, flags: int) -> str:
        self.alive.append("stream")
        return "stream"

    def do_custreambegincapture(self, stream: str, mode: int) -> tuple[()]:
        self.recorded = []
        return ()

    def do_custreamendcapture(
        self, stream: str
    ) -> list[tuple[Function, tuple[Any, ...]]]:
        recorded, self.recorded = self.recorded, None
        assert recorded is not None
        self.alive.append("graph")
        return recorded

    def do_custreamdestroy(self, stream: str) -> tuple[()]:
        self.alive.remove(stream)
        return ()

    def do_cugraphinstantiate(self, graph: list[Any], flags: int) -> list[Any]:
        self.alive.append("executable")
        return graph

    def do_cugraphdestroy(self, graph: list[Any]) -> tuple[()]:
        self.alive.remove("graph")
        return ()

    def do_cugraphexecdestroy(self, executable: list[Any]) -> tuple[()]:
        self.alive.remove("executable")
        return ()

    def do_cugraphlaunch(self, executable: list[Any], stream: int) -> tuple[()]:
        assert stream == 0
        for function, arguments in executable:
            self.do_culaunchkernel(function, *arguments)
        return ()

    def do_culaunchkernel(self, function: Function, *arguments: Any) -> tuple[()]:
        grid, _, _, threads, _, _, shared, stream, (numbers, types), _ = arguments
        if stream == "stream":
            assert self.recorded is not None
            on_default = (*arguments[:7], 0, *arguments[8:])
            self.recorded.append((function, on_default))
            return ()
        assert stream == 0 and self.recorded is None
        kernel = find_entry(function.module, function.name)
        assert isinstance(kernel, func.FuncOp)
        assert shared <= self.more_shared.get(function, 48 << 10)
        assert [kernel.attributes[k].value.data for k in _LAUNCH] == [  # pyright: ignore
            grid,
            threads,
            shared,
        ]
        back: list[Callable[[], None]] = []
        values: list[Any] = []
        for number, type_ in zip(numbers, kernel.function_type.inputs, strict=True):
            if not isa(type_, MemRefType):
                values.append(np.asarray(number).astype(storage(type_, False))[()])
                continue
            if type_ == MAP:
                (key,) = self.at(number)[:8].view(np.int64)
                values.append(self._map(kernel, len(values), self.maps[int(key)]))
                continue
            values.append(self._memref(number, type_, back))
        assert len(types) == len(numbers)
        with np.errstate(all="ignore"):
            launch(device_of(function.module), kernel, values, self.seen)
        for write in back:
            write()
        return ()

    def do_cutensormapencodetiled(self, *arguments: Any) -> FakeMap:
        *memory, box, steps, a, b, c, d = arguments
        assert steps == [1] * memory[1]
        return self._encoded(memory, box, None, [a, b, c, d])

    def do_cutensormapencodeim2col(self, *arguments: Any) -> FakeMap:
        *memory, lower, upper, channels, pixels, steps, a, b, c, d = arguments
        assert steps[0] == steps[-1] == 1
        window = Window(*map(tuple, (lower, upper, steps[1:-1])))
        return self._encoded(memory, [channels, pixels], window, [a, b, c, d])

    def _encoded(
        self, memory: list[Any], box: list[int], window: Window | None, modes: list[str]
    ) -> FakeMap:
        kind, rank, start, sizes, strides = memory
        size = {"bfloat16": 2, "float16": 2, "float32": 4}[kind]
        assert rank == len(sizes) and start % 16 == 0
        assert modes == ["none", "128 bytes", "256 bytes", "zeros"]
        assert all(n % 16 == 0 for n in strides)
        steps = tuple(n // size for n in strides)
        map_ = BoxMap(tuple(sizes), steps, tuple(box), window)
        assert not [*map_.faults(size)]
        key = len(self.maps)
        self.maps[key] = start, map_, kind
        found = FakeMap([key, *[0] * 15])
        assert found.getPtr() % 64 == 0
        return found

    def _map(self, kernel: func.FuncOp, number: int, encoded: Any) -> TensorMap:
        start, map_, kind = encoded
        uses = kernel.body.block.args[number].uses
        (target,) = {u.operation.target for u in uses if hasattr(u.operation, "target")}  # pyright: ignore
        element = element_of(target.type)
        assert {"bfloat16": bf16, "float16": f16, "float32": f32}[kind] == element
        type_ = MemRefType(element, [map_.reach])
        return TensorMap(self._memref(start, type_, []), 0, map_)

    def _memref(
        self, pointer: int, type_: MemRefType, back: list[Callable[[], None]]
    ) -> MemRef:
        own = encode(np.zeros(1), type_).dtype
        offset = type_.get_offset() or 0
        pointer -= offset * own.itemsize  # where the memref's allocation begins
        assert pointer % 16 == 0
        shape, strides = type_.get_shape(), type_.get_strides() or ()
        known = [s or 0 for s in strides]
        reach = 1 + offset + sum((n - 1) * s for n, s in zip(shape, known, strict=True))
        if 0 in shape or prod(shape) == 0:
            reach = 0
        raw = self.at(pointer)[: reach * own.itemsize].view(own)
        if not isinstance(element_of(type_), BFloat16Type):
            return MemRef(raw, offset, tuple(shape), tuple(known))
        held = decode(raw, type_, precise=False)

        def write_back() -> None:
            raw[...] = encode(held, type_)

        back.append(write_back)
        return MemRef(held, offset, tuple(shape), tuple(known))


_LAUNCH = ("br.grid", "br.threads", "br.shared")


def _host(address: int, size: int) -> Array:
    import ctypes

    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch):
    """A fake GPU in the place of the driver, for programs compiled meanwhile."""
    driver = FakeDriver()

    def capture(module: ModuleOp, interface: Any, observe: Any, context: Any) -> Any:
        def note(name: str, after: ModuleOp) -> None:
            if name == "expand-math":
                driver.module = after.clone()
            observe(name, after)

        return lower_kernels(module, interface, note, context)

    monkeypatch.setattr(program, "lower_kernels", capture)
    monkeypatch.setattr(device, "driver", lambda: driver)
    device.device_for.cache_clear()
    yield driver
    device.device_for.cache_clear()


__all__ = ["FakeDriver", "fake"]
