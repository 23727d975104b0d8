"""The schedules that are worth a try for a contraction: what br-tune searches.

A point of the space is one choice on each of these axes, the analytic default's first
and then by how likely they are to be good:

| axis | choices |
|---|---|
| order | where the loop over columns stands among those over rows, where the sum |
| tile | register blocks that fit the target's registers |
| columns | columns of one call: a few vectors up to all of them |
| rows | rows of one call: few up to all of them |
| sums | the whole sum in one call, or k in blocks; which reductions are its batch |
| strip | an outermost loop over wide strips of columns, or none |
| team | which loops run in parallel |
| packs | B, A, both or neither in panels |
| prefetch | whether the next panel of B is fetched while one is used |
| skip | whether calls leave out taps that meet the zeros around A |

`ScheduleSpace` iterates over different schedules, likely ones first; all are legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from brdialect.roles import Linear, Role
from brdialect.schedule import Loop, Schedule
from passes.schedule.check_schedule import fault_of
from passes.schedule.choose_schedule import analytic_schedule
from passes.schedule.register_block import Panels, block_cycles, even_parts, legal_tiles
from passes.schedule.schedule_problem import Problem, block_evenly, can_pack
from passes.schedule.search_space import Point, Space, first_of

ACCUMULATORS = 8
"""Fewer leave the FMA units waiting for each other."""

TEAMS: Sequence[frozenset[Role]] = (
    frozenset((Role.M, Role.N, Role.OUTER)),
    frozenset((Role.M, Role.OUTER)),
    frozenset((Role.N, Role.OUTER)),
)
"""The roles of the loops that run in parallel."""


@dataclass(frozen=True)
class Sums:
    """How the reductions run: k of a call in blocks (0: whole), the batch, and those
    that are loops of one step."""

    k: int | None
    block: int
    batch: tuple[int, ...]
    loops: tuple[int, ...]


def ladder(low: int, high: int) -> list[int]:
    """low, 2 low, 4 low ... below high."""
    steps = range(max(1, -(-high // max(1, low))).bit_length())
    return [low << i for i in steps if low << i < high]


@dataclass(frozen=True)
class ScheduleSpace(Space):
    """The space of one contraction on a CPU."""

    AXES = (
        "order",
        "tile",
        "columns",
        "rows",
        "sums",
        "strip",
        "team",
        "packs",
        "prefetch",
        "skip",
    )

    problem: Problem

    @cached_property
    def default(self) -> Schedule:
        """What choose-schedule takes by itself."""
        return analytic_schedule(self.problem)

    def fault(self, schedule: Schedule) -> str | None:
        """What is wrong with a schedule, None if it fits."""
        return fault_of(self.problem.table, schedule)

    def make(self, point: Point) -> Schedule:
        """The schedule of a point."""
        p, m, n = self.problem, self.m, self.problem.n
        at = dict(zip(self.AXES, point, strict=True))
        tile, sums = self.tile[at["tile"]], self.sums[at["sums"]]
        vector = tile[1] * p.lanes
        steps = dict.fromkeys([*self.outer, *sums.loops], 1)
        columns = min(p.extent(n), _rounded(self.columns[at["columns"]], vector))
        steps[n] = columns
        if m is not None:
            rows = self.rows[at["rows"]]
            whole = p.extent(m) % rows == 0
            steps[m] = rows if whole else _rounded(rows, tile[0])
        if sums.k is not None:
            steps[sums.k] = sums.block or p.extent(sums.k)
        team = self.team[at["team"]]
        order = [*self.order[at["order"]]]
        # reductions that are loops stand where the loop over k would
        place = next(i for i, x in enumerate(order) if x is None)
        order[place : place + 1] = [*sums.loops, sums.k]
        loops = [(i, steps[i]) for i in order if i is not None]
        if strip := self.strip[at["strip"]]:
            loops.insert(0, (n, strip * columns))
        loops = [(i, step) for i, step in loops if step < p.extent(i)]
        pack_a, pack_b = self.packs[at["packs"]]
        rows = min(p.extent(m), steps[m]) if m is not None else 1
        return Schedule(
            self._in_parallel(loops, team),
            m,
            n,
            sums.k,
            sums.batch,
            tile,
            rows if pack_a else None,
            columns if pack_b else None,
            pack_b and self.prefetch[at["prefetch"]],
            self.skip[at["skip"]],
        )

    def _in_parallel(
        self, loops: Sequence[tuple[int, int]], team: frozenset[Role]
    ) -> tuple[Loop, ...]:
        """The loops of the team's roles run in parallel, down to the first sequential
        one inside of them: a team is woken once, unless a sum is outside of it."""
        made: list[Loop] = []
        inside = False
        for i, step in loops:
            parallel = self.problem.table.role(i) in team
            if made and made[-1].parallel and not parallel:
                inside = True
            made.append(Loop(i, step, parallel and not inside))
        return tuple(made)

    @property
    def m(self) -> int | None:
        """The rows of the micro-kernel."""
        return self.default.m

    def default_step(self, iterator: int | None) -> int:
        """The default's innermost step over an iterator, 0 where it has no loop."""
        steps = () if iterator is None else self.default.steps(iterator)
        return steps[-1] if steps else 0

    @cached_property
    def outer(self) -> list[int]:
        """The iterators that are loops around every call."""
        roles = (Role.M, Role.N, Role.OUTER)
        table = self.problem.table
        return [
            i
            for i in range(len(table.extents))
            if i not in (self.m, self.problem.n) and table.role(i) in roles
        ]

    @cached_property
    def order(self) -> list[tuple[int | None, ...]]:
        """Iterators from the outside in; None stands for the sums."""
        n, sums = self.problem.n, set(self.problem.table.having(Role.K))
        named = dict.fromkeys(
            None if loop.iterator in sums else loop.iterator
            for loop in self.default.loops
        )
        rows = [*self.outer, *([] if self.m is None else [self.m])]
        usual = dict.fromkeys([*named, *rows, n, None])
        base = [i for i in usual if i is not None and i != n]
        orders: list[tuple[int | None, ...]] = []
        for place in range(len(base) + 1):
            loops = [*base[:place], n, *base[place:]]
            for depth in range(len(loops), -1, -1):
                orders.append((*loops[:depth], None, *loops[depth:]))
        # columns outside of all or inside of all are the likely ones
        orders.sort(key=lambda o: min(o.index(n), len(o) - 1 - o.index(n)))
        return first_of(tuple(usual), orders)

    @cached_property
    def tile(self) -> list[tuple[int, int]]:
        """Register blocks with as many accumulators as fit, or a few less, in the order
        of what the model of register_block.py says of them."""
        p = self.problem
        rows, vectors = p.extent(self.m), -(-p.extent(p.n) // p.lanes)
        most: dict[int, int] = {}
        for r, v in legal_tiles(p.target):
            if r <= rows and v <= vectors:
                most[v] = max(r, most.get(v, 0))
        found = {
            (size, v)
            for v, r in most.items()
            for size in (r, r - 1, r - 2, even_parts(rows, r)[0][0])
            if size >= 1 and size * v >= min(ACCUMULATORS, r * v)
        }
        panels = Panels(prod(map(p.extent, p.table.having(Role.K))))

        def cycles(tile: tuple[int, int]) -> tuple[float, int]:
            return block_cycles(tile, rows, vectors, p.target, panels), tile[0]

        ordered = sorted(found, key=cycles)
        return first_of(self.default.tile or ordered[0], ordered)

    @cached_property
    def columns(self) -> list[int]:
        """Columns of a call, before they are rounded up to whole register blocks."""
        p = self.problem
        usual = self.default_step(p.n) or p.extent(p.n)
        return first_of(usual, [*ladder(p.lanes, p.extent(p.n)), p.extent(p.n)])

    @cached_property
    def rows(self) -> list[int]:
        """Rows of a call, before they are rounded up to whole register blocks."""
        extent = self.problem.extent(self.m)
        usual = self.default_step(self.m) or extent
        some = [
            choice
            for size in ladder(12, extent)
            for choice in (block_evenly(extent, size), size)
        ]
        return first_of(usual, [*some, extent])

    @cached_property
    def sums(self) -> list[Sums]:
        """The whole sum in a call; k in blocks; taps as loops; another k."""
        p, d = self.problem, self.default
        its = p.table.having(Role.K)
        rest = tuple(i for i in its if i != d.k and i not in d.batch)
        usual = Sums(d.k, self.default_step(d.k), d.batch, rest)
        blocks = [block_evenly(p.extent(d.k), size) for size in (512, 256, 128, 64)]
        taps = tuple(i for i in its if i != d.k)
        found = [Sums(d.k, b, taps, ()) for b in (0, *blocks) if b < p.extent(d.k)]
        if taps:
            found.append(Sums(d.k, 0, (), taps))
        for k in (i for i in taps if p.extent(i) > 1):
            found.append(Sums(k, 0, tuple(i for i in its if i != k), ()))
        return first_of(usual, found)

    @cached_property
    def strip(self) -> list[int]:
        """Calls in one strip of columns; 0 is no loop over strips."""
        return [0, 4, 16] if self.problem.extent(self.problem.n) > 256 else [0]

    @cached_property
    def team(self) -> list[frozenset[Role]]:
        """Roles of parallel loops; on one thread it makes no difference."""
        default = frozenset(
            role
            for loop in self.default.loops
            if loop.parallel and (role := self.problem.table.role(loop.iterator))
        )
        usual = next((t for t in TEAMS if default <= t), TEAMS[0])
        return first_of(usual, TEAMS if self.problem.target.threads > 1 else ())

    @cached_property
    def packs(self) -> list[tuple[bool, bool]]:
        """Whether A and B go into panels."""
        d, table = self.default, self.problem.table
        both = can_pack(table)
        rows = self.m is not None and any(
            isinstance(f, Linear) and f.plain == self.m for f in table.a
        )
        choices = [(False, both), (False, False), (rows, both), (rows, False)]
        return first_of((d.pack_a is not None, d.pack_b is not None), choices)

    @cached_property
    def prefetch(self) -> list[bool]:
        """Whether the next panel of B is fetched while one is used."""
        return first_of(self.default.prefetch_b, (False, True))

    @cached_property
    def skip(self) -> list[int | None]:
        """Taps that a call may leave out."""
        return first_of(self.default.skip, (self.problem.taps_to_skip(), None))


def _rounded(size: int, unit: int) -> int:
    return -(-size // unit) * unit
