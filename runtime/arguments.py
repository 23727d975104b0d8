"""Arguments and results of an entry function: their types in numpy's terms, and the
checks that stand between a caller's arrays and machine code that trusts them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from brdialect.arrays import Array
from brdialect.interface import Limit
from brdialect.mistake import BrError

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""

MOST_DIMENSIONS = 64
"""Of an array in numpy."""

_LARGE = 64 << 20
"""Bytes from which on an allocation asks the system what is left."""


@dataclass(frozen=True)
class Parameter:
    """One argument or result. A size of None is bound by the array given."""

    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]
    scalar: bool = False
    """Passed as a value, not by pointer."""

    in_place: bool = False
    """A memref: what the function writes shows in the caller's array."""

    limit: Limit | None = None
    """Lengths of sequences have one."""

    def __str__(self) -> str:
        if self.scalar:
            return str(self.dtype)
        sizes = ["?" if size is None else str(size) for size in self.shape]
        return "x".join([*sizes, str(self.dtype)])


def describe(array: Array) -> str:
    """`4x8xfloat32`, as a `Parameter` prints."""
    return "x".join([*map(str, array.shape), str(array.dtype)])


def check_array(parameter: Parameter, value: object, what: str) -> Array:
    """`value` as a contiguous array of the parameter's type and shape."""
    array = np.asarray(
        value, dtype=parameter.dtype if isinstance(value, bool | int | float) else None
    )
    fits = len(array.shape) == len(parameter.shape) and all(
        want in (None, got)
        for want, got in zip(parameter.shape, array.shape, strict=True)
    )
    if not fits or array.dtype != parameter.dtype:
        raise BrError(f"{what}: expected {parameter}, got {describe(array)}")
    # require keeps a scalar a scalar, ascontiguousarray would make it 1-D
    usable = np.require(array, requirements=("C", "A"))
    if parameter.in_place and not (usable is value and array.flags.writeable):
        raise BrError(
            f"{what}: expected a writable, contiguous numpy array, because a memref is "
            "written in place; got one of which only a copy could be written"
        )
    return usable


def check_count(parameters: Sequence[Parameter], values: Sequence[object]) -> None:
    """Refuses more or fewer arguments than there are parameters."""
    if len(values) != len(parameters):
        raise BrError(
            f"expected {len(parameters)} arguments "
            f"({', '.join(map(str, parameters)) or 'none'}), got {len(values)}"
        )


def check_arrays(
    parameters: Sequence[Parameter], values: Sequence[object], names: Sequence[str]
) -> list[Array]:
    """One checked array for each parameter; `names` names them in messages."""
    check_count(parameters, values)
    return [
        check_array(parameter, value, name)
        for parameter, value, name in zip(parameters, values, names, strict=True)
    ]


def check_limit(limit: Limit, most: int, lengths: Array, what: str) -> None:
    """Refuses lengths of sequences that are not within 0..most."""
    wrong = np.flatnonzero((lengths < 0) | (lengths > most))
    if len(wrong):
        raise BrError(
            f"{what}: expected lengths for {limit.reader} within 0..{most}, got "
            f"{lengths.flat[wrong[0]]} for sequence {wrong[0]}"
        )


def available_memory() -> int | None:
    """Bytes that can still be had, None where the system does not say.

    An allocation alone does not tell: Linux promises memory that it does not have, and
    ends the process once it is touched.
    """
    found: list[int] = []
    try:
        meminfo = Path("/proc/meminfo").read_text()
        found += [
            int(kib) << 10 for kib in re.findall(r"MemAvailable:\s+(\d+)", meminfo)
        ]
        group = Path("/sys/fs/cgroup")  # the limit of a container
        limit, used = (
            int((group / name).read_text()) for name in ("memory.max", "memory.current")
        )
        found.append(limit - used)
    except (OSError, ValueError):  # no such files, or "max": no limit
        pass
    return min(found, default=None)


def aligned_empty(
    shape: Sequence[int], dtype: npt.DTypeLike, what: str = "a buffer"
) -> Array:
    """Fresh memory at a multiple of `ALIGNMENT`."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    free = available_memory() if size > _LARGE else None
    try:
        if free is not None and size > free:
            raise MemoryError
        memory = np.empty(size + ALIGNMENT, np.uint8)
    except (MemoryError, ValueError) as e:
        has = (
            "the system refuses" if free is None else f"{free / 2**30:.1f} GiB is free"
        )
        raise BrError(
            f"expected {size / 2**30:.1f} GiB of memory for {what}, but {has}; "
            "use smaller sizes"
        ) from e
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(tuple(shape))
