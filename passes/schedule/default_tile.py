"""The analytic default of a contraction's schedule on a GPU.

A tile should be large, because a block of m x n elements reads (m + n) k elements for
m n k multiply-adds, and there should be at least a tile for each multiprocessor. Where
C is too small for that, the sum can be cut into parts, whose copies of C another kernel
adds up. So of the tiles below and the numbers of parts that divide the sum, those are
taken that end first, in clocks:

    blocks of a multiprocessor = tiles * parts / multiprocessors, rounded up
    time = these * m n k / parts / (multiply-adds of a clock * rate of the tile)
         + if there are parts: a launch, and 8 bytes for each element of each copy

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

Row = tuple[int, int, int, int, float]
"""Rows and columns of a block, those of a warp, and the rate."""

TILES: Sequence[Row] = (
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

WARPGROUP_TILES: Sequence[Row] = (
    (128, 256, 16, 256, 1.65),
    (128, 128, 16, 128, 1.45),
    (64, 256, 16, 256, 1.3),
    (128, 64, 16, 64, 1.2),
    (64, 128, 16, 128, 1.2),
    (64, 64, 16, 64, 0.95),
)
"""Those of `wgmma`: other instructions reach about 0.6 of what it does."""

LINE_BYTES = 128
"""Of a row in a slice for `wgmma`."""

STAGES = 4

PARTS = (1, 2, 4, 8, 16)
"""Into how many parts a sum may be cut."""

MULTIPLY_ADDS = {"tf32": 512, "16-bit": 1024, "exact": 64}
"""Of a multiprocessor in a clock (A100; an H100 has twice as many, of all alike)."""

BYTES = 16
"""That memory delivers to each multiprocessor in a clock, about (A100: 11, H100: 15;
what the L2 holds comes two or three times as fast)."""

LAUNCH = 4000
"""Clocks that one more kernel costs."""

ROWS_TOGETHER = 8
"""Tiles of rows that share a tile of columns before the next columns come by."""


@dataclass(frozen=True)
class Sizes:
    """A contraction as products of matrices."""

    rows: int
    columns: int
    sums: tuple[int, ...]
    products: int
    element_bytes: int
    along_sum: bool = False
    """Whether the elements of both factors lie side by side along the sum."""

    def parts(self) -> list[int]:
        """Into how many parts the sum can be cut."""
        return [n for n in PARTS if any(k % n == 0 for k in self.sums) or n == 1]


def clocks(row: Row, parts: int, sizes: Sizes, target: Target) -> float:
    """How long a product takes by a row of the tables, as the module's docstring says,
    with its sum in so many parts."""
    m, n, _, _, rate = row
    blocks = -(-sizes.rows // m) * -(-sizes.columns // n) * sizes.products * parts
    each = -(-blocks // target.multiprocessors)
    rate *= MULTIPLY_ADDS[kind_of(sizes, target)]
    work = each * m * n * prod(sizes.sums) / parts / rate
    if parts == 1:
        return work
    c = sizes.rows * sizes.columns * sizes.products
    return work + LAUNCH + 8 * c * parts / (target.multiprocessors * BYTES)


def kind_of(sizes: Sizes, target: Target) -> str:
    """A key of `MULTIPLY_ADDS`."""
    if sizes.element_bytes != 4:
        return "16-bit"
    return "exact" if target.exact else "tf32"


def has_warpgroups(sizes: Sizes, target: Target) -> bool:
    """Whether `wgmma` can multiply such elements."""
    return target.has_warpgroups and kind_of(sizes, target) != "exact"


def default_tile(sizes: Sizes, target: Target, may_split: bool) -> BlockTile:
    """See the module's docstring."""
    every = sizes.parts() if may_split else [1]
    tiles = TILES
    # f32 across the sum would be turned word by word: what that costs is not known
    as_they_lie = sizes.element_bytes == 2 or sizes.along_sum
    if has_warpgroups(sizes, target) and as_they_lie:
        tiles = (*WARPGROUP_TILES, *TILES)
    best, parts = min(
        ((x, n) for n in every for x in tiles),
        key=lambda choice: clocks(*choice, sizes, target),
    )
    return replace(tile_of(best, sizes, target), split=parts)


def tile_of(
    row: Row, sizes: Sizes, target: Target, wgmma: bool | None = None
) -> BlockTile:
    """The tile of a row of the tables."""
    m, n, warp_m, warp_n, _ = row
    wgmma = row in WARPGROUP_TILES if wgmma is None else wgmma
    depth = (LINE_BYTES if wgmma else SLICE_BYTES) // sizes.element_bytes
    order = min(ROWS_TOGETHER, -(-sizes.rows // m))
    exact = kind_of(sizes, target) == "exact"
    return BlockTile(m, n, depth, warp_m, warp_n, STAGES, order, exact, wgmma=wgmma)


Steps = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""How far each iterator goes in A, B and C."""


def grid_schedule(table: Contraction, steps: Steps) -> Schedule:
    """Rows are all iterators of A and C, sums all of A and B, columns one of B and C;
    blocks run over what is left. What goes least far comes last."""
    extents = table.extents
    columns = table.columns
    assert columns is not None
    rows = sorted(table.having(Role.M), key=lambda i: -steps[2][i])
    sums = sorted(table.having(Role.K), key=lambda i: -steps[0][i])
    loops = [
        Loop(i, 1, True)
        for i in range(len(extents))
        if i != columns and table.role(i) in (Role.N, Role.OUTER) and extents[i] > 1
    ]
    return Schedule(
        tuple(loops),
        rows[-1] if rows else None,
        columns,
        sums[-1] if sums else None,
        tuple(sums[:-1]),
        rows=tuple(rows[:-1]),
    )


def sizes_of(
    table: Contraction, schedule: Schedule, steps: Steps, element_bytes: int
) -> Sizes | None:
    """The products of a schedule's blocks; None where they cannot have it."""
    packed = any(isinstance(f, Blocked) for f in (*table.a, *table.b, *table.c))
    if packed or table.column_role is Role.OUTER:
        return None
    extents, k = table.extents, schedule.k
    rows = [i for i in (*schedule.rows, schedule.m) if i is not None]
    sums = [i for i in (*schedule.batch, k) if i is not None]
    assert schedule.n is not None
    return Sizes(
        prod(extents[i] for i in rows),
        extents[schedule.n],
        tuple(extents[i] for i in sums),
        prod(extents[loop.iterator] for loop in schedule.loops),
        element_bytes,
        k is not None and steps[0][k] == steps[1][k] == 1,
    )
