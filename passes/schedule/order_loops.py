"""In which order the loops around a call go, where B outgrows the L2.

B comes by once, panel by panel, and all of A for each panel. Where A outgrows the cache
too, something goes around the loop over panels, so that what it leaves of A stays:

* blocks of rows: B comes by again for each of them (1344 x 1024 x 1024: 1.04 times as
  fast);
* parts of the sum: C comes by again for each of them, to be read and written
  (168 x 2048 x 2048: 1.08 times on a core that another program shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from brdialect.roles import Role
from brdialect.schedule import Loop
from passes.schedule.schedule_problem import Problem, block_evenly

A_AGAIN, C_AGAIN = 0.5, 3
"""What it costs that an element comes by again, where one of B costs 1: the processor
asks for the rows of A by itself; C is read and written, and nothing asks for it."""


@dataclass(frozen=True)
class Order:
    """Loops outside of those over panels of B, and inside: over sums and over rows."""

    around: Sequence[Loop]
    sums: Sequence[Loop]
    rows: Sequence[Loop]

    def loops(self, columns: Sequence[Loop]) -> list[Loop]:
        # one team for all of it: rows inside of a sum run on the thread they are on
        alone = not (self.sums and columns)
        rows = [replace(loop, parallel=alone) for loop in self.rows]
        return [*self.around, *columns, *self.sums, *rows]


def order_loops(
    p: Problem,
    rows: Sequence[Loop],
    sums: Sequence[Loop],
    panel: int,
    cache: int,
    splits: bool,
) -> Order:
    """The order in which the least comes by, for a cache of so many elements; the sum
    in parts where `splits`."""
    depth = prod(p.extent(i) for i in p.table.having(Role.K))
    height = prod(p.extent(i) for i in p.table.having(Role.M))
    a, b, c = min(prod(p.shape_a), height * depth), prod(p.shape_b), prod(p.shape_c)
    panels = -(-p.extent(p.n) // panel)
    choices: list[tuple[float, Order]] = [(A_AGAIN * a * panels, Order([], sums, rows))]
    if a <= cache:
        return choices[0][1]
    around, trips = 0, 1
    while trips * cache < a and around < len(rows):
        trips *= -(-p.extent(rows[around].iterator) // rows[around].step)
        around += 1
    if trips * cache >= a:
        choices.append((b * trips, Order(rows[:around], sums, rows[around:])))
    k = p.inner_iterator()
    if splits and k is not None:
        step = sums[0].step if sums else depth
        part = block_evenly(depth, min(step, max(1, depth * cache // a)))
        again = -(-depth // part) - 1
        choices.append((b + C_AGAIN * c * again, Order([Loop(k, part)], [], rows)))
    return min(choices, key=lambda choice: choice[0])[1]
