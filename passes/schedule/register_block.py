"""How many rows and vectors of C one micro-kernel keeps in registers.

A tile of r rows and v vectors needs per step of k, in cycles of a core with two FMA
units and two load ports (every x86 of the last ten years, and larger Arm cores):

* r v / 2 for its FMAs, but no fewer than 4, the latency of one;
* (r + v) / 2 for its loads: v vectors of B, r broadcasts of A;
* the time in which the next cache delivers v vectors, where the panel of B that all
  tiles of rows share outgrows the L1.

The slowest of these counts, and the beginning and the end of a tile by the length of
the sum. The usual tile, 6 x 2 of 16 registers or 6 x 4 of 32, stays unless another one
is faster by more than such a model can be trusted with: where rows are few (7 rows are
4 and 3, better by 3 vectors than by 2), where parts of them wait for the L2 (8 rows are
better by 2 vectors than 4 and 4 by 4), or where B comes from behind the L2 unasked and
should meet as many rows as possible on its way (13 x 2 of 32 registers).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from brdialect.target import Target

LATENCY = 4.0
"""Cycles of an FMA."""

L2_BYTES = 32.0
"""Bytes per cycle that the L2 delivers."""

L3_BYTES = 10.0
"""Bytes per cycle from what lies behind it, with prefetches."""

TILE_CYCLES = 20.0
"""To begin and end a tile, beside one store for each accumulator."""

MOST_VECTORS = 8

MARGIN = 1.02
"""How much faster another tile than the usual one must be."""


@dataclass(frozen=True)
class Panels:
    """How the micro-kernel meets B."""

    depth: int | None = None
    """Steps of k in one call, over its whole batch; None: unknown, many."""

    passes: int = 1
    """How often the rows of one call come by while a panel is in the L2."""

    cold: bool = False
    """Whether B as a whole outgrows the L2 and nothing asks for its panels ahead: then
    the first tile of rows waits for each."""


def even_parts(extent: int, size: int) -> list[tuple[int, int]]:
    """`extent` in parts of at most `size`, as even as can be: (size, how many)."""
    number = -(-extent // size)
    small, bigger = divmod(extent, number)
    parts = [(small + 1, bigger), (small, number - bigger)]
    return [(s, n) for s, n in parts if n]


def delivery_cycles(vectors: int, target: Target, panels: Panels) -> float:
    """Cycles in which the L2 delivers a row of a panel that outgrows the L1."""
    width = vectors * target.vector_bytes
    fits = panels.depth is not None and panels.depth * width <= target.l1 * 3 // 4
    return 0.0 if fits else width / L2_BYTES


def tile_cycles(rows: int, vectors: int, target: Target, panels: Panels) -> float:
    """Cycles per step of k, for a panel that has been read before."""
    fma, loads = rows * vectors / 2, (rows + vectors) / 2
    depth = panels.depth
    busy = max(fma, LATENCY, loads, delivery_cycles(vectors, target, panels))
    ends = (rows * vectors + TILE_CYCLES) / depth if depth else 0.0
    return busy + ends


def block_cycles(
    tile: tuple[int, int], m: int, vectors: int, target: Target, panels: Panels
) -> float:
    """Cycles per step of k for m rows of `vectors` vectors in tiles of `tile`."""
    total = 0.0
    whole, rest = divmod(vectors, tile[1])
    for width, count in ((tile[1], whole), (rest, 1)):
        if not (width and count):
            continue
        rows = even_parts(m, tile[0])
        cycles = sum(n * tile_cycles(r, width, target, panels) for r, n in rows)
        if panels.cold:
            arrival = width * target.vector_bytes / L3_BYTES
            cycles += max(0.0, arrival - rows[0][0] * width / 2) / panels.passes
        total += count * cycles
    return total


def legal_tiles(target: Target) -> Iterable[tuple[int, int]]:
    """The tiles that fit the registers: accumulators, a row of B and one scalar of A.
    One row uses each vector of B once: straight from memory. (Of 32 registers LLVM
    wants two more, to load ahead; 14 x 2 and 9 x 3 spill inside the loop.)"""
    registers = target.vector_registers - (1 if target.vector_registers < 32 else 3)
    for vectors in range(1, MOST_VECTORS + 1):
        for rows in range(1, registers):
            if rows * vectors + (vectors if rows > 1 else 0) <= registers:
                yield rows, vectors


def starves(rows: int, tile: tuple[int, int], target: Target, panels: Panels) -> bool:
    """Whether rows come in parts so small that the L2 delivers B without a pause, once
    for each part: a cache has better days than others (8 rows as 4 and 4, a window of
    3x3x512: 8 x 2 is 1.16 times as fast as 4 x 2)."""
    part = even_parts(rows, tile[0])[0][0]
    fma = part * tile[1] / 2
    return part < rows and delivery_cycles(tile[1], target, panels) >= fma


def default_register_block(
    m: int | None,
    n: int | None,
    lanes: int,
    target: Target,
    panels: Panels | None = None,
) -> tuple[int, int]:
    """Rows x vectors for an m x n block (None: known at run time only)."""
    known = Panels() if panels is None else panels
    rows = 840 if m is None else max(1, m)  # 840: a multiple of most
    vectors = 840 if n is None else max(1, -(-n // lanes))
    tiles = [(r, v) for r, v in legal_tiles(target) if r <= rows and v <= vectors]

    def cycles(tile: tuple[int, int]) -> float:
        return block_cycles(tile, rows, vectors, target, known)

    best = min(tiles, key=lambda t: (round(cycles(t), 3), -t[0] * t[1]))
    width = min(vectors, 4 if target.vector_registers >= 32 else 2)
    usual = max(t for t in tiles if t[1] == width and t[0] <= 6)
    enough = usual[0] * usual[1] >= 2 * LATENCY
    r, v = usual if enough and cycles(usual) <= MARGIN * cycles(best) else best
    if starves(rows, (r, v), target, known):
        # learnt weights stay in whole panels from step to step (pack_state.py)
        fed = [
            t
            for t in tiles
            if cycles(t) <= MARGIN * cycles(best)
            and not starves(rows, t, target, known)
        ]
        order = sorted(fed, key=lambda t: (vectors % t[1] > 0, -t[0] * t[1]))
        r, v = next(iter(order), (r, v))
    return even_parts(rows, r)[0][0], v
