"""The analytic default of a contraction's schedule on a GPU.

A tile should be large, because a block of m x n elements reads (m + n) k elements for
m n k multiply-adds, and there should be at least a tile for each multiprocessor. So of
the tiles below the one is taken that ends first:

    waves = blocks / (multiprocessors * blocks that one holds), rounded up
    time = waves * m n / rate of the tile

The rates are relative to that of the largest tile, by what shared memory has to deliver
for a product: a warp of 64 x 64 reads 128 numbers for 4096, one of 32 x 32 reads 64 for
1024. They are an estimate: nothing has been measured yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from brdialect.block_tile import BlockTile
from brdialect.roles import Blocked, Contraction, Role
from brdialect.schedule import Loop, Schedule
from brdialect.target import Target

SLICE_BYTES = 64
"""Of a row in a slice: two steps of the tensor cores, half of a cache line."""

TILES: Sequence[tuple[int, int, int, int, float]] = (
    # block, warp, rate
    (128, 128, 64, 64, 1.0),
    (128, 64, 64, 32, 0.85),
    (64, 128, 32, 64, 0.85),
    (64, 64, 32, 32, 0.7),
    (128, 32, 32, 32, 0.65),
    (64, 32, 32, 16, 0.5),
    (32, 64, 16, 32, 0.5),
    (32, 32, 16, 16, 0.35),
)
"""All of four warps: a multiprocessor has four schedulers."""

STAGES = 4
REGISTERS = 65536
"""Of a multiprocessor; a thread of the largest tile takes 255 at most."""

ROWS_TOGETHER = 8
"""Tiles of rows that share a tile of columns before the next columns come by."""


@dataclass(frozen=True)
class Sizes:
    """A contraction as products of matrices."""

    rows: int
    columns: int
    sum_: int
    products: int
    element_bytes: int


def default_tile(sizes: Sizes, target: Target) -> BlockTile:
    """See the module's docstring."""

    def time(candidate: tuple[int, int, int, int, float]) -> float:
        m, n, _, _, rate = candidate
        tile = tile_of(candidate, sizes, target)
        blocks = -(-sizes.rows // m) * -(-sizes.columns // n) * sizes.products
        held = min(
            target.shared // tile.shared_bytes(sizes.element_bytes),
            REGISTERS // (tile.threads * 255),
        )
        waves = -(-blocks // (target.multiprocessors * max(1, held)))
        return waves * max(1, held) * m * n / rate

    return tile_of(min(TILES, key=time), sizes, target)


def tile_of(
    candidate: tuple[int, int, int, int, float], sizes: Sizes, target: Target
) -> BlockTile:
    """The tile of a row of the table."""
    m, n, warp_m, warp_n, _ = candidate
    depth = SLICE_BYTES // sizes.element_bytes
    order = min(ROWS_TOGETHER, -(-sizes.rows // m))
    exact = target.exact and sizes.element_bytes == 4
    return BlockTile(m, n, depth, warp_m, warp_n, STAGES, order, exact)


def default_schedule(
    table: Contraction,
    steps: tuple[Sequence[int], Sequence[int]],
    element_bytes: int,
    tensor_cores: bool,
    target: Target,
) -> Schedule:
    """Rows are all iterators of A and C, sums all of A and B, columns one of B and C;
    blocks run over what is left. `steps`: how far each iterator goes in A and in C;
    what goes least far comes last."""
    extents = table.extents
    columns = table.columns
    assert columns is not None
    rows = sorted(table.having(Role.M), key=lambda i: -steps[1][i])
    sums = sorted(table.having(Role.K), key=lambda i: -steps[0][i])
    loops = [
        Loop(i, 1, True)
        for i in range(len(extents))
        if i != columns and table.role(i) in (Role.N, Role.OUTER) and extents[i] > 1
    ]
    schedule = Schedule(
        tuple(loops),
        rows[-1] if rows else None,
        columns,
        sums[-1] if sums else None,
        tuple(sums[:-1]),
        rows=tuple(rows[:-1]),
    )
    packed = any(isinstance(f, Blocked) for f in (*table.a, *table.b, *table.c))
    if not tensor_cores or packed or table.column_role is Role.OUTER:
        return schedule
    sizes = Sizes(
        prod(extents[i] for i in rows),
        extents[columns],
        prod(extents[i] for i in sums),
        prod(extents[loop.iterator] for loop in loops),
        element_bytes,
    )
    return replace(schedule, block=default_tile(sizes, target))
