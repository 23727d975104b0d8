"""The schedules that are worth a try for a contraction on a GPU.

| axis | choices |
|---|---|
| tile | block, warp, instructions, parts of the sum; fast ones by the model first |
| stages | slices in shared memory |
| depth | bytes of a row in a slice |
| order | tiles of rows that go by together |
| copy | by threads, or by the tensor memory accelerator |

All have room in shared memory and in registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from brdialect.block_tile import FRAGMENT, WARP, BlockTile
from brdialect.schedule import Schedule
from passes.schedule.check_tile import fault_on_gpu
from passes.schedule.choose_schedule import gpu_copies, gpu_product, gpu_schedule
from passes.schedule.default_tile import (
    ROWS_TOGETHER,
    SLICE_BYTES,
    STAGES,
    TILES,
    WARPGROUP_TILES,
    Row,
    clocks,
    has_warpgroups,
    tile_of,
)
from passes.schedule.schedule_problem import Problem
from passes.schedule.search_space import Point, Space, first_of

MORE_TILES: Sequence[Row] = (
    (256, 128, 64, 64, 1.0),
    (128, 256, 64, 64, 1.0),
    (128, 128, 64, 32, 0.85),
    (128, 128, 32, 64, 0.85),
    (256, 64, 64, 32, 0.85),
    (64, 256, 32, 64, 0.85),
    (128, 64, 32, 32, 0.7),
    (64, 128, 32, 32, 0.7),
    (64, 64, 32, 16, 0.5),
)
"""Beside those of which the default is one, most of them of eight warps."""

MORE_WARPGROUP_TILES: Sequence[Row] = (
    (256, 128, 16, 128, 1.5),
    (256, 64, 16, 64, 1.2),
)

MOST_REGISTERS = 255
"""Of a thread."""

ALL_REGISTERS = 1 << 16
"""Of a block, which are a multiprocessor's."""

OTHER_REGISTERS = 56
"""Of a thread: addresses and what the copies need, about."""


@dataclass(frozen=True)
class TileSpace(Space):
    """The space of one contraction on a GPU."""

    AXES = ("tile", "copy", "stages", "depth", "order")

    problem: Problem

    @cached_property
    def default(self) -> Schedule:
        """What choose-schedule takes by itself."""
        return gpu_schedule(self.problem)

    def fault(self, schedule: Schedule) -> str | None:
        """What is wrong with a schedule, None if it fits."""
        p = self.problem
        if fault := fault_on_gpu(p.elements, p.table, schedule, p.target):
            return fault
        if schedule.block is not None and not has_registers(schedule.block):
            return "expected a smaller warp= or block=, for as many registers"
        return None

    def make(self, point: Point) -> Schedule:
        """The schedule of a point."""
        tile, tma, stages, depth, order = (
            getattr(self, axis)[choice]
            for axis, choice in zip(self.AXES, point, strict=True)
        )
        if tile is None:
            return self.default
        k = tile.k if tile.wgmma else depth // self.problem.input_bytes
        order = min(order, self._tiles_of_rows(tile))
        block = replace(tile, k=k, stages=stages, order=order)
        block = replace(block, tma=tma and tile.wgmma)
        return replace(self.default, block=block)

    def _tiles_of_rows(self, tile: BlockTile) -> int:
        _, sizes = gpu_product(self.problem)
        return 1 if sizes is None else -(-sizes.rows // tile.m)

    @cached_property
    def tile(self) -> list[BlockTile | None]:
        """Blocks, with the parts of the sum; None is one thread for each element."""
        target = self.problem.target
        _, sizes = gpu_product(self.problem)
        default = self.default.block
        if sizes is None or default is None:
            return [None]
        rows = [(row, False) for row in (*TILES, *MORE_TILES)]
        if has_warpgroups(sizes, target):
            of_groups = (*WARPGROUP_TILES, *MORE_WARPGROUP_TILES)
            rows = [*((row, True) for row in of_groups), *rows]
        ranked = sorted(
            (clocks(row, parts, sizes, target), place, parts)
            for place, (row, _) in enumerate(rows)
            for parts in sizes.parts()
        )
        found = [
            replace(tile_of(*(rows[place][0], sizes, target, rows[place][1])), split=n)
            for _, place, n in ranked
        ]
        return first_of(default, found)

    @cached_property
    def copy(self) -> list[bool]:
        """By the tensor memory accelerator or not, with `wgmma`."""
        default = self.default.block
        groups = [t for t in self.tile if t is not None and t.wgmma]
        if default is None or not groups:
            return [False]
        copies = gpu_copies(self.problem, self.default, groups[0])
        return first_of(default.tma, (False, True) if copies.any else ())

    @cached_property
    def stages(self) -> list[int]:
        """Slices in shared memory."""
        return first_of(STAGES, (3, 5, 6, 2))

    @cached_property
    def depth(self) -> list[int]:
        """Bytes of a row in a slice; `wgmma` has its own."""
        return first_of(SLICE_BYTES, (2 * SLICE_BYTES, SLICE_BYTES // 2))

    @cached_property
    def order(self) -> list[int]:
        """Tiles of rows that share a tile of columns."""
        return first_of(ROWS_TOGETHER, (1, 4, 16))


def has_registers(tile: BlockTile) -> bool:
    """Whether the accumulators and fragments of a block have room."""
    each = tile.warp_m * tile.warp_n // WARP + OTHER_REGISTERS
    if not tile.wgmma:
        each += 4 * (tile.warp_m + tile.warp_n) // FRAGMENT
    return each <= MOST_REGISTERS and each * tile.threads <= ALL_REGISTERS
