"""Compiled code with the memory it works in: called with checked arrays."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Interface
from runtime.arguments import Parameter, aligned_empty
from runtime.code import Code

_SCALARS: dict[np.dtype[Any], type[Any]] = {
    np.dtype(np.bool_): ctypes.c_bool,
    np.dtype(np.float32): ctypes.c_float,
    np.dtype(np.float64): ctypes.c_double,
    **{
        np.dtype(f"{kind}{bits // 8}"): getattr(ctypes, f"c_{name}{bits}")
        for kind, name in (("i", "int"), ("u", "uint"))
        for bits in (8, 16, 32, 64)
    },
}


def _function(code: Code, name: str) -> Callable[..., None]:
    # ctypes lets Python's other threads run while the function does
    return ctypes.CFUNCTYPE(None)(code.address(name))


def _passed(array: Array, scalar: bool = False) -> Any:
    """A scalar's value or an array's address, which keeps the array alive."""
    if scalar:
        return _SCALARS[array.dtype](array.item())
    return array.ctypes.data_as(ctypes.c_void_p)


def _workspace(interface: Interface) -> Array:
    return aligned_empty((interface.arena_bytes,), np.uint8, "the workspace")


def pack(code: Code, interface: Interface, weights: Sequence[Array]) -> list[Array]:
    """What the load function makes of the weights, once."""
    packed = [
        aligned_empty((size,), np.uint8, "packed weights")
        for size in interface.load_results
    ]
    if interface.load_entry is not None:
        load = _function(code, interface.load_entry)
        load(*map(_passed, [*weights, *packed, _workspace(interface)]))
    return packed


class Executable:
    """One entry, compiled for concrete shapes.

    Calls from several threads at once are safe: each takes a workspace of its own, kept
    for later calls.
    """

    def __init__(
        self,
        code: Code,
        interface: Interface,
        parameters: Sequence[Parameter],
        packed: Sequence[Array],
    ):
        self._code = code  # the functions live as long as it does
        self._interface = interface
        self._scalar = [parameter.scalar for parameter in parameters]
        self._run = _function(code, interface.entry)
        self._workspaces = deque[Array]()
        self._packed = packed

    def workspace(self) -> Array:
        """Memory for the values between the operations of one call."""
        return _workspace(self._interface)

    def results(self) -> list[Array]:
        """Fresh arrays for the results."""
        return [
            aligned_empty(shape, dtype, f"result {i}")
            for i, (shape, dtype) in enumerate(self._interface.results)
        ]

    def bind(
        self, arrays: Sequence[Array], results: Sequence[Array], workspace: Array
    ) -> Callable[[], None]:
        """A call with everything in place: what is left is the machine code's time."""
        pairs = zip(arrays, self._scalar, strict=True)
        # A function that needs no workspace takes none; one more pointer hurts none.
        buffers = [*self._packed, *results, workspace]
        passed = [_passed(a, s) for a, s in pairs] + [_passed(b) for b in buffers]
        return lambda: self._run(*passed)

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        results = self.results()
        try:
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = self.workspace()
        try:
            self.bind(arrays, results, workspace)()
        finally:
            self._workspaces.append(workspace)
        return results
