"""`choose-schedule`: an analytic default for every contraction that has none.

    br.contract ... {indexing_maps = [(m, n, k) -> (m, k), ...]}
    ->
    br.contract ... {..., schedule = #br.schedule<"A256 c256 b16 | m=a n=b k=c | ...">}

What it weighs (architecture: `br.target`):

* register block: register_block.py;
* the panel of B that one call reads (k x columns) should take at most an eighth of the
  L2 while all rows of a block pass over it, so a very long k is blocked, in equal parts
  (not for the L1's sake: each part is another pass over C and another kernel, and the
  L2 delivers a row of B in time);
* the block of A (rows x k) should stay in half of the L2 while all panels pass over it;
* weights that outgrow the L2 come by once, panel by panel, and the next one is asked
  for meanwhile; what goes around them where A does not stay in the L2 either:
  order_loops.py;
* B is packed into panels where it is a weight (then it costs nothing at run time), or
  where enough rows reuse it.

A schedule that stands on the op already is kept, if it fits. One of those that stand
on the module, `br.tuned` (tuned_schedules.py), goes before the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from brdialect.block_tile import BlockTile
from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Role, edges_of, strides_of
from brdialect.schedule import Loop, Schedule, ScheduleAttr
from brdialect.target import Target, target_of
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.check_schedule import check_schedule
from passes.schedule.check_tile import check_tile
from passes.schedule.default_tile import (
    Sizes,
    Steps,
    default_tile,
    grid_schedule,
    sizes_of,
)
from passes.schedule.order_loops import order_loops
from passes.schedule.register_block import Panels, default_register_block
from passes.schedule.schedule_long_sums import is_long_sum, long_sum
from passes.schedule.schedule_problem import (
    Problem,
    block_evenly,
    can_pack,
    outer_loops,
    problem_of,
    side_by_side,
)
from passes.schedule.tile_copies import TileCopies, tile_copies
from passes.schedule.tuned_schedules import read_tuned, take_tuned, tuned_schedule
from passes.shared.build import row_major
from passes.shared.shared_loop import target_for

PACK_ROWS = 96
"""B is packed in the call if at least this many rows reuse it: packing touches each
element twice (a read, a write), a row once. Fewer rows take B some rows at a time."""

PAGE = 4096
"""Bytes. Rows of B shorter than a page, of a B that stays in the L2, are read as they
lie: 256 x 256 is 5 % faster unpacked, 32 x 2048 is 20 % slower."""

AHEAD_ROWS = 8
"""Rows from which fetching panels of B ahead leaves a product bound by multiply-adds
(LSTM, 1024 units: 8 rows 1.09, 16 rows 1.22 times as fast; a single row 0.84)."""

PARALLEL_WORK = 1 << 17
"""Products of elements from which a team of threads pays: starting and joining it costs
a few microseconds, in each of which one core handles some thirty thousand."""

LEAST_VECTORS = 2
"""In a panel of B: with one, a tile of few rows has too few accumulators to hide the
latency of multiply-adds."""

ROWS_OF_B = 8
"""That a product of one row reads together: their pages fit the first TLB, and C is
read and written once for all of them."""

DEEP_ROWS_OF_B = 64
"""The same for a few rows, which have several multiply-adds for each element of B."""

STREAMS = 8
"""Rows of A that a tile reads side by side where all of A passes by once from behind
the L2: more are too many for the hardware's prefetch (16 columns, 1024 x 1024: 1.57
times as fast with 8 rows as with 28)."""


def analytic_schedule(p: Problem) -> Schedule:
    """The default schedule of a contraction."""
    schedule = schedule_for_caches(p)
    if p.target.threads == 1 or prod(p.table.extents) >= PARALLEL_WORK:
        return schedule
    alone = (replace(loop, parallel=False) for loop in schedule.loops)
    return replace(schedule, loops=tuple(alone))


def schedule_for_caches(p: Problem) -> Schedule:
    """The default schedule of a contraction that is worth a team."""
    m, k = p.row_iterator(), p.inner_iterator()
    rows, columns, inner = p.extent(m), p.extent(p.n), p.extent(k)
    batch = [i for i in p.table.having(Role.K) if i != k]
    if m is not None and k is not None and is_long_sum(p):
        return long_sum(p, m, k, batch)
    skip = p.taps_to_skip()
    depth = inner * prod(map(p.extent, batch))
    cold = depth * columns > half_of_l2(p)
    if cold and batch:
        columns = min(columns, widest_panel(p, depth))
    others = prod(p.extent(i) for i in p.table.having(Role.M)) // max(1, rows)
    once = columns <= p.lanes and prod(p.shape_a) > 2 * half_of_l2(p)
    ahead = fetched_ahead(p, rows * others)
    tile = default_register_block(
        min(rows, STREAMS) if once else rows,
        columns,
        p.lanes,
        p.target,
        Panels(depth, others, cold and not ahead),
    )
    panel = min(columns, tile[1] * p.lanes)
    pack = wants_pack(p, panel, rows)
    if k is not None and not pack and rows * others < PACK_ROWS and side_by_side(p):
        return few_rows(p, m, k, tuple(batch), rows * others == 1)
    loops = loops_for_caches(p, batch, tile, panel, cold)
    looped = {loop.iterator for loop in loops}
    batch = [i for i in batch if i not in looped]
    return Schedule(
        tuple(loops),
        m,
        p.n,
        k,
        tuple(batch),
        tile,
        pack_b=panel if pack else None,
        prefetch_b=pack and wants_prefetch(p, panel, rows * others, cold),
        skip=skip if skip in batch else None,
    )


def half_of_l2(p: Problem) -> int:
    """In elements."""
    return p.target.l2 // 2 // p.element_bytes


def loops_for_caches(
    p: Problem, batch: Sequence[int], tile: tuple[int, int], panel: int, cold: bool
) -> list[Loop]:
    """The loops around calls of so many columns; sums in `batch` become loops, too,
    where their panels would be too large."""
    m, k = p.row_iterator(), p.inner_iterator()
    rows, block = p.extent(m), p.extent(k)
    window = prod(map(p.extent, batch))
    # a split sum costs another pass over C, which pays if many rows share the panel
    splits = rows > 4 * tile[0] and window == 1
    sums: list[Loop] = []
    if splits and k is not None:
        block = block_evenly(block, half_of_l2(p) // 4 // panel)
        if block < p.extent(k):
            sums.append(Loop(k, block))
    depth = block * window
    for tap in batch if cold else ():
        if panel <= widest_panel(p, depth):
            break
        depth //= p.extent(tap)
        sums.append(Loop(tap))
    row_block = block_evenly(rows, max(tile[0], half_of_l2(p) // max(1, depth)))
    row_block = share_among_threads(p, rows, row_block, tile[0])

    by_rows = cold and prod(p.shape_a) < 4 * half_of_l2(p)
    outer = outer_loops(p, m)
    if m is not None and row_block < rows:
        outer.append(Loop(m, row_block, True))
    columns = [Loop(p.n, panel, by_rows or not sums)] if panel < p.extent(p.n) else []
    if by_rows or (cold and not sums):
        order = order_loops(p, outer, sums, panel, half_of_l2(p), splits)
        return order.loops(columns)
    return [*outer, *sums, *columns]


def widest_panel(p: Problem, depth: int) -> int:
    """Columns of a panel of B that takes a third of the L2, so that A, C and the panel
    that comes next fit beside it; wider where that has too few accumulators."""
    vectors = p.target.l2 // 3 // p.element_bytes // (depth * p.lanes)
    return max(LEAST_VECTORS, vectors) * p.lanes


def few_rows(
    p: Problem, m: int | None, k: int, batch: tuple[int, ...], one: bool
) -> Schedule:
    """A few rows times a matrix read B once, so it should be read as it lies: some rows
    of it, from end to end, before the next ones. Threads take strips of columns."""
    depth = ROWS_OF_B if one else DEEP_ROWS_OF_B
    tile = default_register_block(
        p.extent(m), p.extent(p.n), p.lanes, p.target, Panels(depth)
    )
    panel = tile[1] * p.lanes
    strip = -(-p.extent(p.n) // panel // p.target.threads) * panel
    strips = [Loop(p.n, strip, True)] if strip < p.extent(p.n) else []
    rows = [Loop(k, depth)] if p.extent(k) > depth else []
    columns = [Loop(p.n, panel)] if panel < min(strip, p.extent(p.n)) else []
    loops = (*outer_loops(p, m), *strips, *rows, *columns)
    return Schedule(loops, m, p.n, k, batch, tile)


def share_among_threads(p: Problem, rows: int, block: int, tile: int) -> int:
    """A smaller row block, if there would be too few blocks for the team."""
    threads = p.target.threads
    others = prod(
        p.extent(i)
        for i in range(len(p.table.extents))
        if p.table.role(i) is Role.OUTER or (p.table.role(i) is Role.M)
    ) // max(1, rows)
    blocks = -(-rows // block) * others
    if threads == 1 or blocks % threads == 0 or blocks >= 8 * threads:
        return block
    parts = -(-blocks // threads) * threads
    return max(tile, block_evenly(rows, -(-rows // max(1, parts // others))))


def wants_pack(p: Problem, panel: int, rows: int) -> bool:
    """Whether B goes into panels."""
    if not can_pack(p.table):
        return False
    reuse = prod(p.extent(i) for i in p.table.having(Role.M))
    contiguous = side_by_side(p)
    if contiguous and p.extent(p.n) == panel:
        return False
    if p.load_time_b or not contiguous:
        return p.load_time_b or reuse > 1
    row = p.extent(p.n) * p.element_bytes
    if row < PAGE and prod(p.shape_b) * p.element_bytes <= p.target.l2 // 2:
        return False
    return reuse >= PACK_ROWS


def fetched_ahead(p: Problem, rows: int) -> bool:
    """Whether panels of a B that outgrows the L2 arrive while those before them are in
    use (`prefetch=b`)."""
    packed = p.load_time_b or not side_by_side(p) or rows >= PACK_ROWS
    return can_pack(p.table) and packed and rows >= AHEAD_ROWS


def wants_prefetch(p: Problem, panel: int, rows: int, cold: bool) -> bool:
    """Whether to ask for the panel of B that comes next: weights that do not stay in
    the L1 have left the L2, too, when their layer's turn comes again (ResNet-50: 1.02
    times as fast)."""
    left = p.load_time_b and prod(p.shape_b) * p.element_bytes > p.target.l1
    return rows >= AHEAD_ROWS and (cold or (left and panel < p.extent(p.n)))


def gpu_steps(p: Problem) -> Steps:
    """How far each iterator goes in A, B and C."""
    operands = zip(
        (p.table.a, p.table.b, p.table.c),
        (p.shape_a, p.shape_b, p.shape_c),
        strict=True,
    )
    a, b, c = (strides_of(forms, row_major(shape)).step for forms, shape in operands)
    return a, b, c


def gpu_product(p: Problem) -> tuple[Schedule, Sizes | None]:
    """A contraction's schedule on a GPU but for what a block does, and the products of
    blocks; None where there is one thread for each element."""
    steps = gpu_steps(p)
    schedule = grid_schedule(p.table, steps)
    if not p.tensor_cores:
        return schedule, None
    return schedule, sizes_of(p.table, schedule, steps, p.input_bytes)


def gpu_copies(p: Problem, schedule: Schedule, tile: BlockTile) -> TileCopies:
    """What the tensor memory accelerator can copy for a block."""
    edges = edges_of(p.table.a, p.shape_a, p.table.extents)
    return tile_copies(p.table, schedule, gpu_steps(p), p.input_bytes, tile, edges)


def gpu_schedule(p: Problem, may_split: bool = True) -> Schedule:
    """The default schedule of a contraction on a GPU (gpu/default_tile.py)."""
    schedule, sizes = gpu_product(p)
    if sizes is None:
        return schedule
    tile = default_tile(sizes, p.target, may_split)
    tma = tile.wgmma and gpu_copies(p, schedule, tile).all
    return replace(schedule, block=replace(tile, tma=tma))


def check_pinned(op: ContractOp, schedule: Schedule, target: Target) -> None:
    """Refuses a schedule that was written by hand and does not fit."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or any(e < 0 for e in table.extents):
        return
    if target.is_gpu:
        check_tile(op, table, schedule, target)
        tile, problem = schedule.block, problem_of(op, target)
        if tile is None or not tile.tma:
            return
        if not any(gpu_copies(problem, schedule, tile).boxes):
            unsupported(
                op,
                "expected an operand that a tensor map describes, with strides at "
                "multiples of 16 bytes, for copy=tma, got none; leave it out of the "
                f'schedule "{schedule}"',
            )
    else:
        check_schedule(op, table, schedule)


@dataclass(frozen=True)
class ChooseSchedulePass(ModulePass):
    """Attaches `br.schedule` where none stands.

    `choose-schedule{tuned="FILE"}` takes tuned schedules from a file of br-tune's.
    """

    name = "choose-schedule"

    tuned: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        tuned = take_tuned(op)
        if self.tuned is not None:
            tuned = read_tuned(self.tuned)
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if contract.schedule is not None:
                check_pinned(contract, contract.schedule.data, target)
                continue
            here = target_for(contract, target)
            problem = problem_of(contract, here)
            default = gpu_schedule if target.is_gpu else analytic_schedule
            found = tuned_schedule(contract, tuned, here)
            schedule = found or default(problem)
            contract.schedule = ScheduleAttr(schedule)
