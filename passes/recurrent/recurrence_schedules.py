"""Schedules of the contractions over all steps that give a recurrent layer's gradients.

Beside the rules for any contraction these know how the operands lie: the gradients of
the gates in panels [units / panel, gates, rows, panel], all else in panels, too.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from brdialect.schedule import Loop, Schedule
from brdialect.target import Target
from passes.schedule.choose_schedule import PACK_ROWS, PARALLEL_WORK, block_evenly
from passes.schedule.register_block import Panels, default_register_block
from passes.schedule.schedule_long_sums import steps_in_l1

DEPTH = 256
"""Steps of the sum over units in a call: the panel of W nearly fits the L1 (with 1024,
from the L2, 0.93 times as fast)."""

ROWS = 224
"""Of a call: with fewer W comes by more often, with more their part of C leaves the L2
meanwhile (1024 and 2048 units: 120 rows 0.98, 420 rows 0.97, 840 rows 0.94 times)."""


def on_team(schedule: Schedule, extents: tuple[int, ...], target: Target) -> Schedule:
    """The same without threads where there is too little to share."""
    if target.threads == 1 or prod(extents) >= PARALLEL_WORK:
        return schedule
    alone = (replace(loop, parallel=False) for loop in schedule.loops)
    return replace(schedule, loops=tuple(alone))


def weights_schedule(
    extents: tuple[int, ...], target: Target, element_bytes: int
) -> Schedule:
    """Of `c[g, b, j, d, p] = sum of dg[b, g, m, j] * x[d, m, p]`, the iterators in this
    order: parts of the sum for which the L1 holds a panel of x, and for each of them a
    panel of dg, which stays in the L2 while all of x comes by (parts of the L2 and four
    panels of dg: 0.97 times as fast). Each thread owns its part of c."""
    g, b, j, d, p, m = range(6)
    depth = block_evenly(extents[m], steps_in_l1(target))
    lanes = target.lanes(element_bytes)
    tile = default_register_block(
        extents[j], extents[p], lanes, target, Panels(depth, extents[b])
    )
    loops = [Loop(m, depth)] if depth < extents[m] else []
    loops += [Loop(i, 1, True) for i in (b, g, d) if extents[i] > 1]
    schedule = Schedule(
        tuple(loops), j, p, m, (), tile, prefetch_b=extents[d] > 1 or depth < extents[m]
    )
    return on_team(schedule, extents, target)


def input_schedule(
    extents: tuple[int, ...], target: Target, element_bytes: int
) -> Schedule | None:
    """Of `c[m, c] = sum of dg[b, g, m, j] * w[g, b, j, c]`, the iterators in the order
    m, c, b, g, j: blocks of rows that stay in the L2, while the panels of w come by.
    None for few rows, which the rules for any contraction know."""
    m, c, b, g, j = range(5)
    if extents[m] < PACK_ROWS:
        return None
    unit = extents[g] * extents[j]
    blocks = block_evenly(extents[b], max(1, DEPTH // unit))
    rows = block_evenly(extents[m], ROWS)
    lanes = target.lanes(element_bytes)
    panels = Panels(blocks * unit)
    tile = default_register_block(rows, extents[c], lanes, target, panels)
    panel = min(extents[c], tile[1] * lanes)
    loops = [Loop(m, rows, True)] if rows < extents[m] else []
    loops += [Loop(b, blocks)] if blocks < extents[b] else []
    packs = panel < extents[c]
    if packs:
        loops.append(Loop(c, panel, rows == extents[m]))
    # rows and gradients come by as well (256 units, 1 MiB of W: 1.02 times as fast)
    cold = unit * extents[b] * extents[c] * element_bytes > target.l2 // 4
    schedule = Schedule(
        tuple(loops),
        m,
        c,
        j,
        (b, g),
        tile,
        pack_b=panel if packs else None,
        prefetch_b=packs and cold,
    )
    return on_team(schedule, extents, target)
