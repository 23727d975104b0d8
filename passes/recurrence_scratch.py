"""What a recurrence keeps beside its results, and where in its scratch it lies."""

from __future__ import annotations

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


def scratch_areas(s: RecurrenceSizes, needs: Needs) -> tuple[dict[str, Area], int]:
    """The areas by name, and the bytes of all of them.

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
    areas: dict[str, Area] = {}
    total = 0
    for name, shape in shapes.items():
        areas[name] = Area(total, shape)
        size = prod(shape) * needs.element_bytes
        total += -(-size // ALIGNMENT) * ALIGNMENT
    return areas, total
