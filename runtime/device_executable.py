"""A program on a GPU: its kernels, its plan, and the memory that it keeps there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Interface
from brdialect.launch_plan import (
    LaunchPlan,
    Pointer,
    Scalar,
    Step,
    TensorMap,
    flattened,
)
from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.arguments import Parameter
from runtime.device import DEFAULT_STREAM, Memory, as_bytes, device_for
from runtime.device_arrays import DeviceArray
from runtime.tensor_maps import TensorMaps


@dataclass(frozen=True)
class DeviceCode:
    """What the compiler makes of one entry for a GPU."""

    ptx: str
    plan: LaunchPlan
    interface: Interface
    weights: Sequence[Array]
    """What the load function takes."""


class Call(Protocol):
    """Launches, and waits for the last of so many times in a row."""

    def __call__(self, times: int = 1) -> None: ...


class DeviceExecutable:
    """One entry for concrete shapes. Calls run one after the other: they share the
    arena."""

    def __init__(
        self, code: DeviceCode, target: Target, parameters: Sequence[Parameter]
    ) -> None:
        self._device = device_for(target)
        self._plan, self._interface = code.plan, code.interface
        self._parameters = parameters
        self._functions = self._device.load(code.ptx, code.plan.kernels)
        arena = self._device.allocate(code.plan.arena_bytes, "the workspace")
        self._own: dict[str, Memory] = {"arena": arena}
        for i, size in enumerate(code.plan.packed_bytes):
            self._own[f"packed {i}"] = self._device.allocate(size, "weights")
        if code.plan.load:
            self._load(code.weights)

    def _load(self, weights: Sequence[Array]) -> None:
        """Runs the load function's launches, once."""
        given: dict[str, Memory] = {}
        for i, array in enumerate(weights):
            memory = self._device.allocate(array.nbytes, "weights")
            memory.upload(as_bytes(array))
            given[f"weight {i}"] = memory
        pointers = {k: m.pointer for k, m in given.items()}
        maps = TensorMaps(self._device, self._plan.load, self._every(pointers))
        self._launch(self._plan.load, pointers, {}, DEFAULT_STREAM, maps)
        self._device.synchronize()  # before the given weights and the maps go

    def _every(self, pointers: Mapping[str, int]) -> Mapping[str, int]:
        """The addresses of all buffers."""
        return {name: m.pointer for name, m in self._own.items()} | dict(pointers)

    def _launch(
        self,
        launches: Sequence[Step],
        pointers: Mapping[str, int],
        scalars: Mapping[int, Any],
        stream: Any,
        maps: TensorMaps,
    ) -> None:
        every = self._every(pointers)
        for launch, turns in flattened(launches):
            values: list[tuple[Any, str]] = []
            for x in launch.arguments:
                if isinstance(x, Pointer):
                    values.append((every[x.buffer] + x.offset, "pointer"))
                elif isinstance(x, TensorMap):
                    values.append((maps.pointer(x), "pointer"))
                else:
                    values.append((_value(x, scalars, turns), x.dtype))
            kernel = self._plan.kernels[launch.kernel]
            function = self._functions[launch.kernel]
            self._device.launch(function, kernel, values, stream)

    def results(self) -> list[DeviceArray]:
        """Fresh arrays for the results of a call, on the device."""
        found: list[DeviceArray] = []
        for i, (shape, dtype) in enumerate(self._interface.results):
            sizes = tuple(n for n in shape if n is not None)
            if len(sizes) != len(shape):
                raise BrError("expected all sizes to be known on a GPU")
            empty = DeviceArray(0, sizes, np.dtype(dtype), None)
            memory = self._device.allocate(empty.nbytes, f"result {i}")
            found.append(DeviceArray(memory.pointer, sizes, np.dtype(dtype), memory))
        return found

    def placed(
        self, arrays: Sequence[Array | DeviceArray]
    ) -> list[Array | DeviceArray]:
        """The arguments of a call, those that are no scalars on the device."""
        found: list[Array | DeviceArray] = []
        for i, (parameter, array) in enumerate(
            zip(self._parameters, arrays, strict=True)
        ):
            if isinstance(array, DeviceArray) or parameter.scalar:
                found.append(array)
                continue
            memory = self._device.allocate(array.nbytes, f"argument {i}")
            memory.upload(as_bytes(array))
            found.append(DeviceArray(memory.pointer, array.shape, array.dtype, memory))
        return found

    def bind(
        self,
        placed: Sequence[Array | DeviceArray],
        results: Sequence[DeviceArray],
        record: bool = False,
    ) -> Call:
        """A call with everything in place: what is left are the launches, and to wait
        for them. `record` them, where the same call comes again: that takes as long as
        a call or two, but the host has hardly anything to do in each call then."""
        scalars: dict[int, Any] = {}
        pointers = {f"result {i}": x.pointer for i, x in enumerate(results)}
        for i, x in enumerate(placed):
            if isinstance(x, DeviceArray):
                pointers[f"argument {i}"] = x.pointer
            else:
                scalars[i] = x.item()

        maps = TensorMaps(self._device, self._plan.run, self._every(pointers))

        def launches(stream: Any = DEFAULT_STREAM) -> None:
            self._launch(self._plan.run, pointers, scalars, stream, maps)

        start = self._device.record(launches).launch if record else launches
        kept = placed, results, maps  # as long as they can be launched with

        def call(times: int = 1) -> None:
            _ = kept
            for _ in range(times):
                start()
            self._device.synchronize()

        return call

    def __call__(self, arrays: Sequence[Array | DeviceArray]) -> list[Any]:
        """Results where the arguments are: on the device if one of them is there."""
        results, placed = self.results(), self.placed(arrays)
        self.bind(placed, results)()
        for parameter, array, x in zip(self._parameters, arrays, placed, strict=True):
            if parameter.in_place and x is not array:
                assert isinstance(x, DeviceArray) and isinstance(array, np.ndarray)
                np.copyto(array, x.numpy())
        if any(isinstance(array, DeviceArray) for array in arrays):
            return results
        return [array.numpy() for array in results]


def _value(scalar: Scalar, given: Mapping[int, Any], turns: Sequence[int]) -> Any:
    if scalar.argument is None:
        return scalar.at(turns)
    return given[scalar.argument]
