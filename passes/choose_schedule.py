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
* weights that outgrow the L2 come by once, part by part, each part with all rows of A
  over it, and the next one is asked for meanwhile; if A is larger than twice the L2,
  blocks of its rows stay and the weights come by for each;
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
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32
from xdsl.passes import ModulePass

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Linear, Role, strides_of
from brdialect.schedule import Loop, Schedule, ScheduleAttr
from brdialect.target import Target, target_of
from passes.buffers import element_bytes
from passes.build import row_major
from passes.check_schedule import check_schedule
from passes.gpu.check_tile import check_tile
from passes.gpu.default_tile import default_schedule
from passes.load_time import is_load_time
from passes.normalise_contractions import contraction_of
from passes.register_block import Panels, default_register_block
from passes.tuned_schedules import read_tuned, take_tuned, tuned_schedule

PACK_ROWS = 32
"""B is packed in the call if at least this many rows reuse it: packing touches each
element twice (a read, a write), a row once."""

PACK_REUSE = 256
"""The same where A is read across its rows, and B, unpacked, from the L2."""

SHORTEST_SUM = 128
"""Steps of a sum worth another pass over C: a register block of 12 vectors is read and
written once for 12 x 128 multiply-adds."""

PARALLEL_WORK = 1 << 17
"""Products of elements from which a team of threads pays: starting and joining it costs
a few microseconds, in each of which one core handles some thirty thousand."""

ROWS_OF_B = 8
"""That a product of one row reads together: their pages fit the first TLB, and C is
read and written once for all of them."""


def block_evenly(extent: int, limit: int) -> int:
    """A block of at most `limit`: the largest divisor of `extent` if it is not under
    half of that (no tail, no second kernel), or else the fewest equal parts."""
    limit = max(1, min(limit, extent))
    divisor = next(d for d in range(limit, 0, -1) if extent % d == 0)
    return divisor if 2 * divisor >= limit else -(-extent // -(-extent // limit))


@dataclass(frozen=True)
class Problem:
    """What the rules look at: sizes in elements and bytes."""

    table: Contraction
    element_bytes: int
    lanes: int
    target: Target
    load_time_b: bool
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    shape_c: tuple[int, ...]
    input_bytes: int
    tensor_cores: bool
    """Whether a GPU's tensor cores multiply such elements."""

    @property
    def n(self) -> int:
        """The iterator of the columns."""
        n = self.table.columns
        assert n is not None
        return n

    def extent(self, iterator: int | None) -> int:
        return 1 if iterator is None else self.table.extents[iterator]

    def row_iterator(self) -> int | None:
        """The rows of the micro-kernel: the m iterator with most trips, innermost of
        equals (the pixels of an image row, the rows of a matrix)."""
        rows = self.table.having(Role.M)
        return max(rows, key=lambda i: (self.table.extents[i], i), default=None)

    def inner_iterator(self) -> int | None:
        """k: the longest reduction, together with those that go on where it ends in A
        (the channels of all taps in a row of a channels-last image); of equals the one
        whose steps are shortest."""
        steps = strides_of(self.table.a, row_major(self.shape_a)).step
        extents = self.table.extents
        its = self.table.having(Role.K)

        def length(i: int) -> tuple[int, int, int]:
            run = extents[i]
            for j in its:
                if j != i and steps[i] == 1 and steps[j] == extents[i]:
                    run *= extents[j]
            return run, -abs(steps[i]), extents[i]

        return max(its, key=length, default=None)


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
    window = prod(map(p.extent, batch))
    half_l2 = p.target.l2 // 2 // p.element_bytes
    cold = inner * window * columns > half_l2
    others = prod(p.extent(i) for i in p.table.having(Role.M)) // max(1, rows)
    tile = default_register_block(
        rows, columns, p.lanes, p.target, Panels(inner * window, others, cold)
    )
    panel = min(columns, tile[1] * p.lanes)
    if m is not None and k is not None and rows_lie_side_by_side(p, m):
        return long_sum(p, m, k, batch, tile)
    pack = wants_pack(p, panel, rows)
    if k is not None and not pack and rows * others == 1 and side_by_side(p):
        return one_row(p, m, k, tuple(batch), tile)

    # a split sum costs another pass over C, which pays if many rows share the panel
    sums: list[Loop] = []
    inner_block = inner
    if rows > 4 * tile[0] and window == 1:
        inner_block = block_evenly(inner, half_l2 // 4 // panel)
        if k is not None and inner_block < inner:
            sums.append(Loop(k, inner_block))
    depth = inner_block * window
    while cold and batch and depth * panel > half_l2 * 2 // 3:
        depth //= p.extent(batch[0])
        sums.append(Loop(batch.pop(0)))
    row_block = block_evenly(rows, max(tile[0], half_l2 // max(1, depth)))
    row_block = share_among_threads(p, rows, row_block, tile[0])

    by_rows = cold and prod(p.shape_a) < 4 * half_l2
    row_loop = [Loop(m, row_block, True)] if m is not None and row_block < rows else []
    column_loop = [Loop(p.n, panel, by_rows or not sums)] if panel < columns else []
    outer = outer_loops(p, m)
    if by_rows or (cold and not sums):
        # one team for all of it: rows inside of a sum run on the thread they are on
        alone = not (sums and column_loop)
        inside = [replace(x, parallel=alone) for x in (*outer, *row_loop)]
        loops = [*column_loop, *sums, *inside]
    else:
        loops = [*outer, *row_loop, *sums, *column_loop]
    return Schedule(
        tuple(loops),
        m,
        p.n,
        k,
        tuple(batch),
        tile,
        pack_b=panel if pack else None,
        prefetch_b=pack and cold,
    )


def one_row(
    p: Problem, m: int | None, k: int, batch: tuple[int, ...], tile: tuple[int, int]
) -> Schedule:
    """A row times a matrix reads B once, so it should be read as it lies: some rows of
    it, from end to end, before the next ones. Threads take strips of columns."""
    panel = tile[1] * p.lanes
    strip = -(-p.extent(p.n) // panel // p.target.threads) * panel
    strips = [Loop(p.n, strip, True)] if strip < p.extent(p.n) else []
    rows = [Loop(k, ROWS_OF_B)] if p.extent(k) > ROWS_OF_B else []
    columns = [Loop(p.n, panel)] if panel < min(strip, p.extent(p.n)) else []
    loops = (*outer_loops(p, m), *strips, *rows, *columns)
    return Schedule(loops, m, p.n, k, batch, tile)


def rows_lie_side_by_side(p: Problem, m: int) -> bool:
    """Whether A is read across its rows, as for the gradient of weights, where rows are
    channels and the sum runs over pixels."""
    steps = strides_of(p.table.a, row_major(p.shape_a)).step
    return steps[m] == 1 and p.extent(m) > 1 and not p.load_time_b


def long_sum(
    p: Problem, m: int, k: int, batch: Sequence[int], tile: tuple[int, int]
) -> Schedule:
    """A sum over many pixels into a small C is blocked, so that a block of A stays in
    half of the L2, or blocks of A and B in a quarter where B is read as it lies, while
    all of C passes over them: another pass over C costs little. Whole rows are in a
    call, since they share the cache lines of A. Threads own strips of columns."""
    rows, columns = p.extent(m), p.extent(p.n)
    panel = min(columns, tile[1] * p.lanes)
    others = prod(p.extent(i) for i in p.table.having(Role.M)) // rows
    reused = rows * others >= PACK_REUSE or not side_by_side(p)
    pack = can_pack(p.table) and reused and panel < columns
    half_l2 = p.target.l2 // 2 // p.element_bytes
    limit = half_l2 // rows if pack else half_l2 // 2 // (rows + columns)
    limit = max(limit, SHORTEST_SUM)
    sums: list[Loop] = []
    depth = prod(map(p.extent, (k, *batch)))
    for i in (*batch, k):
        extent = p.extent(i)
        inside = depth // extent
        block = block_evenly(extent, limit // inside)
        if block < extent:
            sums.append(Loop(i, block))
            depth = inside * block
    strip = -(-columns // panel // p.target.threads) * panel
    strips = [Loop(p.n, strip, True)] if strip < columns else []
    step = panel if pack else strip
    inner = [Loop(p.n, step, not strips)] if step < min(strip, columns) else []
    taps = [replace(loop, parallel=not strips) for loop in outer_loops(p, m)]
    return Schedule(
        (*strips, *sums, *inner, *taps),
        m,
        p.n,
        k,
        tuple(batch),
        tile,
        pack_b=panel if pack else None,
    )


def outer_loops(p: Problem, m: int | None) -> list[Loop]:
    """Over what is in C but neither rows nor columns of a call: images, groups, lines
    of pixels."""
    return [
        Loop(i, 1, True)
        for i in range(len(p.table.extents))
        if p.table.role(i) is not Role.K and i not in (m, p.n) and p.extent(i) > 1
    ]


def side_by_side(p: Problem) -> bool:
    """Whether B's columns lie side by side."""
    return strides_of(p.table.b, row_major(p.shape_b)).step[p.n] == 1


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
    return p.load_time_b or reuse >= PACK_ROWS or (not contiguous and reuse > 1)


def can_pack(table: Contraction) -> bool:
    """Whether n is a dimension of B by itself (not part of a window)."""
    return any(isinstance(f, Linear) and f.plain == table.columns for f in table.b)


def problem_of(op: ContractOp, target: Target) -> Problem:
    """Reads the sizes off the op; dynamic ones are an error here."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or table.columns is None:
        unsupported(op, "expected plain indexing maps with columns shared by b and c")
    if any(e < 0 for e in table.extents):
        unsupported(
            op,
            "expected static sizes, got a dynamic dimension that nothing binds; give "
            "the shapes of the arguments (br-run --input=SHAPExf32)",
        )
    a, b, c = op.shapes
    element = c.element_type
    size = element_bytes(element)
    return Problem(
        table,
        size,
        target.lanes(size),
        target,
        is_load_time(op.b),
        tuple(a.get_shape()),
        tuple(b.get_shape()),
        tuple(c.get_shape()),
        element_bytes(a.element_type),
        op.accumulator == f32 and a.element_type in (f32, bf16, f16),
    )


def gpu_schedule(p: Problem) -> Schedule:
    """The default schedule of a contraction on a GPU (gpu/default_tile.py)."""
    steps = tuple(
        strides_of(forms, row_major(shape)).step
        for forms, shape in ((p.table.a, p.shape_a), (p.table.c, p.shape_c))
    )
    return default_schedule(
        p.table, (steps[0], steps[1]), p.input_bytes, p.tensor_cores, p.target
    )


def check_pinned(op: ContractOp, schedule: Schedule, target: Target) -> None:
    """Refuses a schedule that was written by hand and does not fit."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or any(e < 0 for e in table.extents):
        return
    if target.is_gpu:
        check_tile(op, table, schedule, target)
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
            problem = problem_of(contract, target)
            default = gpu_schedule if target.is_gpu else analytic_schedule
            schedule = tuned_schedule(contract, tuned) or default(problem)
            contract.schedule = ScheduleAttr(schedule)
