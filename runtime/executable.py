"""Compiled code with the memory it works in: called with checked arrays."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Interface, Nest
from brdialect.mistake import BrError
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


MOST_ARGUMENTS = 1024
"""That ctypes passes to a function."""


def _function(code: Code, name: str) -> Callable[..., None]:
    # ctypes lets Python's other threads run while the function does
    return ctypes.CFUNCTYPE(None)(code.address(name))


def _passed(array: Array, scalar: bool = False) -> Any:
    """A scalar's value or an array's address, which keeps the array alive."""
    if scalar:
        return _SCALARS[array.dtype](array.item())
    return array.ctypes.data_as(ctypes.c_void_p)


def _workspace(interface: Interface, steps: int = 0) -> Array:
    size = interface.workspace_bytes(steps)
    return aligned_empty((size,), np.uint8, "the workspace")


def pack(code: Code, interface: Interface, weights: Sequence[Array]) -> list[Array]:
    """What the load function makes of the weights, once."""
    packed = [
        aligned_empty((size,), np.uint8, "packed weights")
        for size in interface.load_results
    ]
    if interface.load_entry is not None:
        arrays = [*weights, *packed, _workspace(interface)]
        if len(arrays) > MOST_ARGUMENTS:
            raise BrError(
                f"expected at most {MOST_ARGUMENTS} weights, given and packed, got "
                f"{len(arrays)}; weights of several layers in one tensor are one"
            )
        load = _function(code, interface.load_entry)
        load(*map(_passed, arrays))
    return packed


def _passing(
    interface: Interface, parameters: Sequence[Parameter]
) -> list[tuple[bool, list[int]]]:
    """For each argument of the entry: whether it is passed as a value, and the
    dimensions whose sizes follow its pointer."""
    passing = [
        (p.scalar, [d for j, d in interface.open_sizes if i == j])
        for i, p in enumerate(parameters)
    ]
    passing += [(False, [])] * len(interface.load_results)
    for shape, _ in interface.results:
        passing.append((False, [d for d, size in enumerate(shape) if size is None]))
    passing += [(False, [])] * (interface.nests is not None)
    return [*passing, (False, [0] if interface.arena_step_bytes else [])]


class Executable:
    """One entry, compiled for the shapes of its arguments.

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
        self._passing = _passing(interface, parameters)
        # a memref's sizes are its own, those of tensors are the sequence length
        self._steps_at = next(
            (at for at in interface.open_sizes if not parameters[at[0]].in_place), None
        )
        self._run = _function(code, interface.entry)
        self._workspaces = deque[Array]()
        self._packed = packed

    @property
    def nests(self) -> Sequence[Nest]:
        """What the clock is read between, in an executable that is to be profiled."""
        return self._interface.nests or ()

    def clock(self) -> list[Array]:
        """Memory for what one call reads off the clock, if it does."""
        if self._interface.nests is None:
            return []
        return [np.zeros(len(self._interface.nests) + 1, np.int64)]

    def _steps(self, arrays: Sequence[Array]) -> int:
        """The sequence length of a call, 0 where none is open."""
        if self._steps_at is None:
            return 0
        argument, dimension = self._steps_at
        return arrays[argument].shape[dimension]

    def workspace(self, arrays: Sequence[Array]) -> Array:
        """Memory for the values between the operations of one call with `arrays`."""
        return _workspace(self._interface, self._steps(arrays))

    def _kept_workspace(self, arrays: Sequence[Array]) -> Array:
        """One of an earlier call that is large enough, or else a new one."""
        try:
            kept = self._workspaces.pop()
        except IndexError:
            return self.workspace(arrays)
        if self._steps_at is None:
            return kept
        enough = self._interface.workspace_bytes(self._steps(arrays)) <= kept.size
        return kept if enough else self.workspace(arrays)

    def results(self, arrays: Sequence[Array]) -> list[Array]:
        """Fresh arrays for the results of a call with `arrays`."""
        steps = self._steps(arrays)
        return [
            aligned_empty(
                [steps if n is None else n for n in shape], dtype, f"result {i}"
            )
            for i, (shape, dtype) in enumerate(self._interface.results)
        ]

    def bind(
        self,
        arrays: Sequence[Array],
        results: Sequence[Array],
        workspace: Array,
        clock: Sequence[Array] | None = None,
    ) -> Callable[[], None]:
        """A call with everything in place: what is left is the machine code's time."""
        clock = self.clock() if clock is None else clock
        # A function that needs no workspace takes none; one more pointer hurts none.
        every = [*arrays, *self._packed, *results, *clock, workspace]
        passed: list[Any] = []
        for array, (scalar, open_dims) in zip(every, self._passing, strict=True):
            passed.append(_passed(array, scalar))
            for d in open_dims:
                passed.append(ctypes.c_int64(array.shape[d]))
        return lambda: self._run(*passed)

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        results = self.results(arrays)
        workspace = self._kept_workspace(arrays)
        try:
            self.bind(arrays, results, workspace)()
        finally:
            self._workspaces.append(workspace)
        return results
