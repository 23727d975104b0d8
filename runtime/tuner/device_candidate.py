"""One schedule of a contraction as kernels of a GPU, with their memory in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.schedule import Schedule
from brdialect.target import Target
from runtime.device import Memory
from runtime.device_arrays import DeviceArray
from runtime.device_executable import Call, DeviceExecutable
from runtime.program import load_program
from runtime.tuner.candidate import Candidate, program_of
from runtime.tuner.contractions import Work

PERIOD = 1_000_003
"""Random numbers that are drawn, to be used again in large operands: a prime, so that
no two rows are the same."""

TOLERANCE, NARROW = 5e-3, 2e-2
"""Of a result in f32 or f64 and in narrower types, relative to the largest element.
tf32 has 10 bits of mantissa, bf16 has 7."""


class DeviceWorkbench:
    """Random operands of one contraction on the device, what it should give, and its
    kernels for one schedule after another.

    What it should give is computed there, too, by one thread for each element: that
    lowering shares nothing with blocks, and numpy would take longer than the search."""

    def __init__(self, work: Work, default: Schedule, target: Target):
        self._work, self._target = work, target
        self._plain = replace(default, block=None)
        program = load_program(work.module, "main", target)
        self._arrays = [
            operand(p.shape, p.dtype, seed)
            for seed, p in enumerate(program.signature.arguments)
        ]
        self._placed: list[Array | DeviceArray] | None = None
        self._results: list[DeviceArray] = []
        self._want: Array | None = None

    def candidate(self, schedule: Schedule) -> Candidate | None:
        """The kernels of a schedule; None if what they compute is wrong."""
        if self._want is None:
            self._bind(self._plain)()
            self._want = self._result()
        call = self._bind(schedule)
        owner = self._results[0].owner
        assert isinstance(owner, Memory)
        owner.fill(0xFF)  # NaN, so that what is not written shows
        call()
        return Candidate(schedule, call) if self._is_right() else None

    def _bind(self, schedule: Schedule) -> Call:
        program = program_of(self._work, schedule, self._target, self._arrays)
        shapes = tuple(self._arrays[i].shape for i in program.signature.free)
        code = program.device_code(shapes)
        executable = DeviceExecutable(code, self._target, program.signature.parameters)
        if self._placed is None:
            free = [self._arrays[i] for i in program.signature.free]
            self._placed = executable.placed(free)
            self._results = executable.results()
        return executable.bind(self._placed, self._results, record=True)

    def _result(self) -> Array:
        return numbers(self._results[0].numpy())

    def _is_right(self) -> bool:
        got, want = self._result(), self._want
        assert want is not None
        narrow = self._results[0].dtype.itemsize < 4
        if got.dtype.kind != "f":
            return bool(np.array_equal(got, want))
        error, most = (float(np.abs(x).max(initial=0)) for x in (got - want, want))
        return error <= (NARROW if narrow else TOLERANCE) * most


def operand(
    shape: Sequence[int | None], dtype: np.dtype[np.generic], seed: int
) -> Array:
    """Numbers around 0, so that sums stay small; bf16 as its bits, in uint16."""
    sizes = tuple(size for size in shape if size is not None)
    random = np.random.default_rng(seed).standard_normal(PERIOD, np.float32) / 2
    if dtype == np.uint16:
        found: Array = (random.view(np.uint32) >> 16).astype(np.uint16)
    else:
        found = (
            random.astype(dtype) if dtype.kind == "f" else (8 * random).astype(dtype)
        )
    return np.resize(found, sizes)


def numbers(array: Array) -> Array:
    """A result's numbers; those of bf16 are passed as bits."""
    if array.dtype == np.uint16:
        bits: np.ndarray[Any, Any] = array.astype(np.uint32) << 16
        return bits.view(np.float32)
    return array.astype(np.float32) if array.dtype == np.float16 else array
