"""What a recurrence keeps beside its results, and where in its scratch it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from brdialect.recurrence_op import RecurrenceSizes

ALIGNMENT = 64
"""Bytes: a cache line."""

CONFLICT = 1024
"""Rows this many bytes apart share a sixteenth of the L1's sets."""


@dataclass(frozen=True)
class Area:
    """A row-major array in the scratch bytes."""

    offset: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Needs:
    """What the areas depend on beside the sizes."""

    states: int
    chunk: int
    element_bytes: int
    apart: bool = False
    reset: bool = False
    gathers_x: bool = False


def row_stride(units: int, element_bytes: int) -> int:
    """Of a state, in elements: rows that would meet in few sets of the L1 get a cache
    line more."""
    conflicts = units * element_bytes % CONFLICT == 0
    return units + (ALIGNMENT // element_bytes if conflicts else 0)


Areas = tuple[dict[str, Area], int]
"""The areas by name, and the bytes of all of them."""


def place(shapes: Mapping[str, tuple[int, ...]], element_bytes: int) -> Areas:
    """Puts arrays one behind the other."""
    areas: dict[str, Area] = {}
    total = 0
    for name, shape in shapes.items():
        areas[name] = Area(total, shape)
        size = prod(shape) * element_bytes
        total += -(-size // ALIGNMENT) * ALIGNMENT
    return areas, total


def scratch_areas(s: RecurrenceSizes, needs: Needs) -> Areas:
    """What a walk through time works in.

    gates   [K / panel, G, chunk * N, panel]: the gates of a chunk of steps
    h       [2, N, row]: this step's and the last one's
    state i [N, row]: the i-th of the other states
    apart   [K / panel, N, panel]: R h of the candidate
    reset   [N, row]: what the reset region yields
    x       [chunk * N, C]: a chunk of x, time first
    """
    row = row_stride(s.blocks * s.panel, needs.element_bytes)
    shapes: dict[str, tuple[int, ...]] = {
        "gates": (s.blocks, s.gates, needs.chunk * s.batch, s.panel),
        "h": (2, s.batch, row),
    }
    for i in range(1, needs.states):
        shapes[f"state {i}"] = (s.batch, row)
    if needs.apart:
        shapes["apart"] = (s.blocks, s.batch, s.panel)
    if needs.reset:
        shapes["reset"] = (s.batch, row)
    if needs.gathers_x:
        shapes["x"] = (needs.chunk * s.batch, s.inputs)
    return place(shapes, needs.element_bytes)


GATES_BYTES = 1 << 28
"""Of the gates that a GPU has of some steps at a time: a small part of its memory."""


def gates_pitch(units: int, gates: int) -> int:
    """Elements from row to row of a GPU's gates, where those of a unit lie side by
    side: rows begin at multiples of 16 bytes."""
    return -(-units * gates // 4) * 4


def is_one_kernel(s: RecurrenceSizes, needs: Needs) -> bool:
    """Whether a step is one kernel on a GPU, the cell in the product's epilogue: that
    has the gates of a unit together if they are 1 or 4 of f32, and all of them are one
    product with h."""
    alone = not needs.apart and not needs.reset
    return alone and s.gates in (1, 4) and needs.element_bytes == 4


def grid_areas(s: RecurrenceSizes, needs: Needs) -> Areas:
    """What a walk through time works in on a GPU.

    gates   [chunk, N, pitch]: W x + bias of some steps
    h       [2, N, pitch of K]: this step's and the last one's, where a step is one
            kernel, in which some threads read h while others write it
    hidden  [N, pitch]: R h of a step, where it is not
    reset   [N, pitch of K]: what the reset region yields
    """
    pitch, row = gates_pitch(s.units, s.gates), gates_pitch(s.units, 1)
    shapes: dict[str, tuple[int, ...]] = {"gates": (needs.chunk, s.batch, pitch)}
    if is_one_kernel(s, needs):
        shapes["h"] = (2, s.batch, row)
    else:
        shapes["hidden"] = (s.batch, pitch)
    if needs.reset:
        shapes["reset"] = (s.batch, row)
    return place(shapes, needs.element_bytes)


def row_tasks(batch: int, rows: int, groups: int) -> int:
    """How many blocks of rows there are in all groups."""
    return groups * -(-(batch // groups) // rows)


def backward_areas(
    s: RecurrenceSizes, tasks: int, sums: int, states: int, reset: bool, size: int
) -> Areas:
    """What the walk back in time works in, in elements of `size` bytes.

    gradient i  [K / panel, N, panel]: of the i-th state
    sums        [row blocks, K / panel, sums, panel]: of gates and columns so far
    reset       [K / panel, N, panel]: of what R of the candidate multiplies
    """
    shapes: dict[str, tuple[int, ...]] = {
        f"gradient {i}": (s.blocks, s.batch, s.panel) for i in range(states)
    }
    shapes["sums"] = (tasks, s.blocks, sums, s.panel)
    if reset:
        shapes["reset"] = (s.blocks, s.batch, s.panel)
    return place(shapes, size)
