"""Compiled code with the memory it works in: called with checked arrays."""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import BY_TABLE, Interface, Nest, State
from runtime.arguments import Parameter, aligned_empty
from runtime.code import Code


def _function(code: Code, name: str) -> Callable[[int], None]:
    """One that takes the address of its table."""
    # ctypes lets Python's other threads run while the function does
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address(name + BY_TABLE))


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def _slot(array: Array, scalar: bool) -> int:
    """What stands in a table for an array: a scalar's bits or an array's address."""
    if scalar:
        return int.from_bytes(array.tobytes(), sys.byteorder)
    return _address(array)


def _table(slots: Sequence[int]) -> Array:
    return np.array(slots, np.uint64)


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
        table = _table([_address(array) for array in arrays])
        _function(code, interface.load_entry)(_address(table))
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
    def state(self) -> Sequence[State]:
        """The arguments that are the same memory as results."""
        return self._interface.state

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
        # A function that needs no workspace takes none; one more slot hurts none.
        every = [*arrays, *self._packed, *results, *clock, workspace]
        slots: list[int] = []
        for array, (scalar, open_dims) in zip(every, self._passing, strict=True):
            slots.append(_slot(array, scalar))
            slots += [array.shape[d] for d in open_dims]
        table = _table(slots)
        address = _address(table)

        def call(alive: object = (every, table)) -> None:
            self._run(address)

        return call

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        results = self.results(arrays)
        workspace = self._kept_workspace(arrays)
        try:
            self.bind(arrays, results, workspace)()
        finally:
            self._workspaces.append(workspace)
        return results
