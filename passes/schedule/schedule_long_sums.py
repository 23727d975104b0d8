"""The default schedule of a long sum into a small C, as for the gradient of weights.

There the rows of the micro-kernel are channels, which lie side by side in A, the sum
runs over pixels, and C has the size of the weights. A is read across its rows, so one
cache line of it holds the rows of several tiles, and nothing is known at load time.

A C of which each thread's part stays in half of its L2 is passed over often, which
costs little; so is a larger one, whose lines are asked for ahead, where packing A and B
would cost more. So

    parallel for a part of the sum, the rows or the columns      # C1568, E64 or B64
      for steps of the sum, as many as the L1 holds of B         # c112
        for 64 columns, for each tap                             # b64 f g
          all rows x 64 columns x 112 steps

and B is read as it lies; the kernel copies a panel whose rows lie apart (micro_kernel).
A larger C of a shorter sum is written once, or a few times:

    parallel for columns that the L2 holds of B, for each tap    # B1024 F G
      for some rows                                              # E24
        for 64 columns                                           # b64, B in panels
          24 rows x 64 columns x the whole sum

The rows of A stay in the L1 meanwhile, B comes from the L2, and C is written row by
row, which spares the TLB.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, inf, prod

from brdialect.roles import Linear, Role, strides_of
from brdialect.schedule import Loop, Schedule
from brdialect.target import Target
from passes.memory.buffers import ALIGNMENT as CACHE_LINE
from passes.schedule.register_block import (
    Panels,
    default_register_block,
    even_parts,
    legal_tiles,
)
from passes.schedule.schedule_problem import (
    Problem,
    block_evenly,
    can_pack,
    outer_loops,
    side_by_side,
)
from passes.shared.build import row_major

PACK_REUSE = 256
"""B is packed in the call if at least this many rows reuse it: read as it lies it comes
from the L2."""

TILES_OF_ROWS = 4
"""Tiles of rows that pass over B together: their lines of A are whole, and stay."""

ROWS_OF_A_THREAD = 64
"""At least, where threads share rows of C and all of them read B."""

AGAIN = 8
"""What an element of A that another thread reads as well costs, in elements of B. Each
line of A comes by for several tiles; and where threads own columns, the prefetchers of
both fetch lines of C beyond the border, which then wander from cache to cache (128 x
512 and 256 x 512 from 784 pixels: rows are 1.07 and 1.13 times as fast, and 1.8 times
while the cores are far apart)."""

WIDEST = 4
"""Vectors of the usual register block, or of two of those of 16 registers."""

PANELS = 4
"""Of B, that should fit half of the L2 together."""


MANY_PASSES = 4
"""Over a C that comes from behind the L2, instead of once over packed operands (1024 x
1024 from 1344 rows, 9 passes: 1.09 times as fast; 2048 x 2048 1.05, by two threads
1.11; from 168 rows, 1.2 passes: 0.98)."""

WAYS = 16
"""Lines of one set of the L2. (AMD's hold 8, and there are twice as many sets.)"""


def is_long_sum(p: Problem) -> bool:
    """Whether A is read across its rows and B is not known at load time."""
    steps = strides_of(p.table.a, row_major(p.shape_a)).step
    return not p.load_time_b and any(
        steps[i] == 1 and p.extent(i) > 1 for i in p.table.having(Role.M)
    )


def long_sum(p: Problem, m: int, k: int, batch: Sequence[int]) -> Schedule:
    """See the module's docstring. `m`, `k` and `batch` are the iterators of a call."""
    every_row = prod(p.extent(i) for i in p.table.having(Role.M))
    owners = max(1, min(p.target.threads, p.extent(m) // ROWS_OF_A_THREAD))
    part_of_c = every_column(p) * every_row * p.element_bytes // owners
    passes = prod(map(p.extent, (k, *batch))) / steps_in_l1(p.target)
    cached = 2 * part_of_c <= p.target.l2
    least = 1 if cached else MANY_PASSES if is_matrix(p) else inf
    often = passes > least and side_by_side(p)
    return (passing_often if often else passing_once)(p, m, k, batch)


def steps_in_l1(target: Target) -> int:
    """Steps of the sum for which the L1 holds the widest panel of B."""
    return target.l1 * 3 // 4 // (WIDEST * target.vector_bytes)


def passing_often(p: Problem, m: int, k: int, batch: Sequence[int]) -> Schedule:
    """Steps of the sum outside, so that B stays in the L1."""
    rows, columns = p.extent(m), p.extent(p.n)
    in_l1 = steps_in_l1(p.target)
    tile = default_register_block(rows, columns, p.lanes, p.target, Panels(in_l1))
    panel = min(columns, tile[1] * p.lanes)
    team = team_for(p, m, k, batch, panel)
    parts = {loop.iterator: loop.step for loop in team}
    sums = blocks_of_sum(p, k, batch, parts, in_l1)
    taps = outer_loops(p, m)
    inside = taps if team else [Loop(t.iterator) for t in taps]
    taps = [Loop(t.iterator, 1, not team) for t in inside]
    strip = parts.get(p.n, columns)
    step = [Loop(p.n, panel)] if taps and panel < strip else []
    loops = (*team, *sums, *step, *taps)
    return Schedule(loops, m, p.n, k, tuple(batch), tile)


def team_for(
    p: Problem, m: int, k: int, batch: Sequence[int], panel: int
) -> list[Loop]:
    """What the threads share: columns, rows, or the sum, each with a copy of C of its
    own; what moves least. Columns read all of A, rows all of B, and copies are written
    and read (256 x 1024 from 392 pixels: rows are 1.2 times as fast as columns)."""
    threads = p.target.threads
    if threads == 1:
        return []
    depth = prod(map(p.extent, (k, *batch)))
    every_row = prod(map(p.extent, p.table.having(Role.M)))
    line = CACHE_LINE // p.element_bytes
    ways: list[tuple[float, Loop]] = []
    reads = ((p.n, panel, AGAIN * p.extent(m)), (m, line, every_column(p)))
    for i, unit, other in reads:
        extent = p.extent(i)
        strip = -(-extent // unit // threads) * unit
        if strip < extent:
            uneven = strip * threads != extent
            again = depth * other * (threads - 1) // threads
            ways.append((inf if uneven else again, Loop(i, strip, True)))
    for i in (*batch, k):
        if p.extent(i) % threads == 0 and is_plain(p, i):
            copies = (threads + 1) * every_column(p) * every_row
            ways.append((copies, Loop(i, p.extent(i) // threads, True)))
            break
    return [min(ways, key=lambda way: way[0])[1]] if ways else []


def is_plain(p: Problem, i: int) -> bool:
    """Whether an iterator is a dimension of A or B by itself."""
    return any(isinstance(f, Linear) and f.plain == i for f in (*p.table.a, *p.table.b))


def blocks_of_sum(
    p: Problem, k: int, batch: Sequence[int], parts: dict[int, int], limit: int
) -> list[Loop]:
    """Loops over the sum, the outermost iterator first, until one call has at most
    about `limit` steps. `parts`: what is left of an iterator inside of other loops."""
    left = {i: parts.get(i, p.extent(i)) for i in (*batch, k)}
    loops: list[Loop] = []
    depth = prod(left.values())
    for i, extent in left.items():
        inside = depth // extent
        block = block_evenly(extent, limit // max(1, inside))
        if i in parts:
            block = next(b for b in range(block, 0, -1) if extent % b == 0)
        if block < extent:
            loops.append(Loop(i, block))
            depth = inside * block
    return loops


def passing_once(p: Problem, m: int, k: int, batch: Sequence[int]) -> Schedule:
    """The whole sum in a call, as far as the L2 holds some panels of B."""
    rows, columns = p.extent(m), p.extent(p.n)
    depth = prod(map(p.extent, (k, *batch)))
    tile = default_register_block(rows, columns, p.lanes, p.target, Panels(depth))
    if columns < min(WIDEST * p.lanes, every_column(p)):
        tile = tallest_tile(rows, tile[1], p.target)
    panel = min(columns, tile[1] * p.lanes)
    others = prod(p.extent(i) for i in p.table.having(Role.M)) // rows
    reused = rows * others >= PACK_REUSE or not side_by_side(p)
    pack = can_pack(p.table) and reused and panel < every_column(p)
    half_l2 = p.target.l2 // 2 // p.element_bytes
    block = TILES_OF_ROWS * tile[0]
    in_panels = columns < every_column(p)
    limit = half_l2 // (panel if in_panels else PANELS * panel)
    pack_a = pack and block < rows and depth > steps_apart(p, k, block)
    if pack_a and not is_matrix(p):
        # the image lies as it does: fewer steps at once
        pack_a, limit = False, min(limit, steps_in_l2(p, (*batch, k), block))
    sums = blocks_of_sum(p, k, batch, {}, limit)
    for loop in sums:
        depth = depth // p.extent(loop.iterator) * loop.step
    strip = max(1, half_l2 // depth // panel) * panel
    strip = -(-block_evenly(columns, strip) // panel) * panel
    strips = [Loop(p.n, strip, True)] if strip < columns else []
    inside = [*outer_loops(p, m)]
    if block < rows:
        inside.append(Loop(m, block, True))
    if panel < strip:
        inside.append(Loop(p.n, panel, not strips))
    loops = (*sums, *strips, *inside)
    return Schedule(
        loops,
        m,
        p.n,
        k,
        tuple(batch),
        tile,
        block if pack_a else None,
        panel if pack else None,
    )


def tallest_tile(rows: int, vectors: int, target: Target) -> tuple[int, int]:
    """As many rows as there are registers: on narrow panels 12 x 2 vectors are 1.2
    times as fast as 6 x 2."""
    most = max(r for r, v in legal_tiles(target) if v == vectors)
    return even_parts(rows, most)[0][0], vectors


def every_column(p: Problem) -> int:
    """Those of all panels of C, where it lies in panels (pack_state.py)."""
    return prod(map(p.extent, p.table.having(Role.N)))


def steps_apart(p: Problem, k: int, rows: int) -> int:
    """For how many steps of the sum the L2 keeps the lines of some rows of A: those a
    power of two apart share a few of its sets."""
    step = strides_of(p.table.a, row_major(p.shape_a)).step[k]
    sets = p.target.l2 // CACHE_LINE
    usable = sets // gcd(max(1, step * p.element_bytes // CACHE_LINE), sets)
    return usable // -(-rows * p.element_bytes // CACHE_LINE)


def steps_in_l2(p: Problem, sums: Sequence[int], rows: int) -> int:
    """The same for several sums, the innermost last, whose steps spread over the sets
    together: 8 images of 16 x 16 x 512 lie in the same sets, their pixels do not."""
    lines = -(-rows * p.element_bytes // CACHE_LINE)
    sets = p.target.l2 // CACHE_LINE // WAYS
    apart = strides_of(p.table.a, row_major(p.shape_a)).step
    held = [0] * sets
    places = product(*(range(p.extent(i)) for i in sums))
    for steps, place in enumerate(places):
        at = sum(x * apart[i] for x, i in zip(place, sums, strict=True))
        first = at * p.element_bytes // CACHE_LINE
        for line in range(first, first + lines):
            held[line % sets] += 1
            if held[line % sets] > WAYS // 2:
                return steps
    return p.target.l2 // CACHE_LINE // lines


def is_matrix(p: Problem) -> bool:
    """Whether A holds each iterator in a dimension by itself: packing it copies what is
    read, once."""
    return all(isinstance(f, Linear) and f.plain is not None for f in p.table.a)
