"""An NVIDIA GPU through the driver's interface, as the package cuda-bindings has it.

Everything that the driver refuses becomes one sentence: what was asked for, what the
driver says. Launches are on the default stream, so that they come after whatever the
caller's library has put there.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.launch_plan import Kernel
from brdialect.mistake import BrError
from brdialect.targets import Target

_C_TYPES: Mapping[str, Any] = {
    "bool": ctypes.c_bool,
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    **{f"int{bits}": getattr(ctypes, f"c_int{bits}") for bits in (8, 16, 32, 64)},
}

DEFAULT_STREAM = 0
"""The legacy one."""

_STATIC_SHARED = 48 << 10
"""Bytes of shared memory that a kernel has without asking for more."""


@cache
def driver() -> Any:
    """The module of the driver's functions."""
    try:
        return import_module("cuda.bindings.driver")
    except ImportError as e:
        raise BrError(
            "expected the package cuda-bindings, to run programs on an NVIDIA GPU, got "
            "none; pip install 'brdialect[gpu]'"
        ) from e


def ask(name: str, *arguments: Any, what: str | None = None) -> Any:
    """Calls a function of the driver; `what` it was asked for, in messages."""
    status, *found = getattr(driver(), name)(*arguments)
    if int(status) != 0:
        _, text = driver().cuGetErrorString(status)
        said = text.decode() if isinstance(text, bytes) else str(text)
        raise BrError(
            f"expected {what or name} to succeed, but the driver says: {said}"
        )
    return found[0] if len(found) == 1 else tuple(found)


def _number_of_devices() -> int:
    try:
        ask("cuInit", 0)
        return int(ask("cuDeviceGetCount"))
    except BrError as e:
        if "brdialect[gpu]" in str(e):
            raise
        raise BrError(f"{_NO_DRIVER} ({e})") from e
    except Exception as e:  # cuda-bindings' own, where there is no library to load
        raise BrError(f"{_NO_DRIVER} ({e})") from e


_NO_DRIVER = (
    "expected an NVIDIA driver and a GPU, to run a program for one, got none; "
    "br-compile -o OUT.ptx compiles without"
)


class Device:
    """The first GPU, and its context."""

    def __init__(self, target: Target) -> None:
        if _number_of_devices() == 0:
            raise BrError(_NO_DRIVER)
        self.handle = ask("cuDeviceGet", 0)
        name = ask("cuDeviceGetName", 256, self.handle)
        self.name = name.split(b"\0")[0].decode()
        major, minor = (
            self.attribute(f"COMPUTE_CAPABILITY_{part}") for part in ("MAJOR", "MINOR")
        )
        check_generation(target, (major, minor), self.name)
        self.most_shared = self.attribute("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN")
        context = ask("cuDevicePrimaryCtxRetain", self.handle)
        ask("cuCtxSetCurrent", context)

    def attribute(self, name: str) -> int:
        """A number that the driver knows of the device."""
        key = getattr(driver().CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(ask("cuDeviceGetAttribute", key, self.handle))

    def allocate(self, size: int, what: str) -> Memory:
        """Bytes on the device."""
        free, _ = ask("cuMemGetInfo")
        if size > int(free):
            raise BrError(
                f"expected {size / 2**30:.2f} GiB of memory for {what} on {self.name}, "
                f"but {int(free) / 2**30:.2f} GiB is free; use smaller sizes"
            )
        return Memory(int(ask("cuMemAlloc", max(size, 1), what=what)), size)

    def load(self, ptx: str, kernels: Mapping[str, Kernel]) -> dict[str, Any]:
        """The functions of a PTX module, ready to launch."""
        module = ask("cuModuleLoadData", ptx.encode() + b"\0", what="loading the PTX")
        functions: dict[str, Any] = {}
        for name, kernel in kernels.items():
            if kernel.shared > self.most_shared:
                raise BrError(
                    f"expected at most {self.most_shared} bytes of shared memory, as "
                    f"{self.name} has for a block, got {kernel.shared} for {name}"
                )
            function = ask("cuModuleGetFunction", module, name.encode())
            if kernel.shared > _STATIC_SHARED:
                limit = driver().CUfunction_attribute
                key = limit.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
                ask("cuFuncSetAttribute", function, key, kernel.shared)
            functions[name] = function
        return functions

    def launch(
        self,
        function: Any,
        kernel: Kernel,
        values: Sequence[tuple[Any, str]],
        stream: Any = DEFAULT_STREAM,
    ) -> None:
        """One kernel; a value is a number and its type in numpy, or "pointer"."""
        numbers = tuple(value for value, _ in values)
        types = tuple(
            ctypes.c_void_p if dtype == "pointer" else _C_TYPES[dtype]
            for _, dtype in values
        )
        ask(
            "cuLaunchKernel",
            function,
            *(kernel.grid, 1, 1),
            *(kernel.threads, 1, 1),
            kernel.shared,
            stream,
            (numbers, types),
            0,
            what=f"the launch of {kernel.name} ({kernel})",
        )

    def record(self, launches: Callable[[Any], None]) -> Graph:
        """What `launches(stream)` launches, to be launched as one, again and again."""
        flags = driver().CUstream_flags.CU_STREAM_NON_BLOCKING
        mode = driver().CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        stream = ask("cuStreamCreate", int(flags))
        try:
            ask("cuStreamBeginCapture", stream, mode, what="recording launches")
            try:
                launches(stream)
            except BrError:
                driver().cuStreamEndCapture(stream)  # whatever it says, that counts
                raise
            graph = ask("cuStreamEndCapture", stream, what="recording launches")
        finally:
            ask("cuStreamDestroy", stream)
        try:
            executable = ask("cuGraphInstantiate", graph, 0, what="recording launches")
        finally:
            ask("cuGraphDestroy", graph)
        return Graph(executable)

    def synchronize(self) -> None:
        """Waits for all launches. A kernel that failed is reported here."""
        ask("cuCtxSynchronize", what="the launches before")


class Graph:
    """Recorded launches: the host's work for all of them is that of one."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        free = weakref.finalize(self, driver().cuGraphExecDestroy, handle)
        free.atexit = False

    def launch(self) -> None:
        """All of them, on the default stream."""
        what = "the launch of a recorded program"
        ask("cuGraphLaunch", self._handle, DEFAULT_STREAM, what=what)


class Memory:
    """Bytes on the device, freed with this object."""

    def __init__(self, pointer: int, size: int) -> None:
        self.pointer, self.size = pointer, size
        free = weakref.finalize(self, driver().cuMemFree, pointer)
        free.atexit = False  # the process's memory goes with it

    def upload(self, array: Array) -> None:
        """Bytes of a contiguous array from the host."""
        if array.nbytes:
            ask("cuMemcpyHtoD", self.pointer, array.ctypes.data, array.nbytes)

    def fill(self, byte: int) -> None:
        """Sets every byte."""
        if self.size:
            ask("cuMemsetD8", self.pointer, byte, self.size)

    def download(self, array: Array) -> None:
        """Fills a contiguous array of the host; waits for the launches before."""
        if array.nbytes:
            ask("cuMemcpyDtoH", array.ctypes.data, self.pointer, array.nbytes)


def check_generation(target: Target, capability: tuple[int, int], name: str) -> None:
    """Refuses a device that cannot run the target's PTX: the `a` of sm_90a means that
    device alone, other PTX runs on later devices, too."""
    wanted = target.cpu.removeprefix("sm_")
    exactly = wanted.endswith("a")
    number = int(wanted.rstrip("a"))
    need, got = divmod(number, 10), capability
    if (got != need) if exactly else (got < need):
        raise BrError(
            f"expected a GPU of compute capability {need[0]}.{need[1]}"
            f"{'' if exactly else ' or later'} for {target.name}, got {name} of "
            f"{got[0]}.{got[1]}; choose another --target"
        )


@cache
def device_for(target: Target) -> Device:
    """The GPU that runs programs for a target."""
    return Device(target)


def as_bytes(array: Array) -> Array:
    """An array's memory, contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
