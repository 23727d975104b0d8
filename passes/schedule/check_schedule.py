"""Whether a schedule fits its contraction; if not, an error that names the cure and the
nearest schedule that fits.

Nothing here changes the program. choose-schedule asks of every schedule that it did not
make itself, convert-linalg-to-br before it makes loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Blocked, Contraction, Form, Linear, Role
from brdialect.schedule import LETTERS, Loop, Schedule
from passes.schedule.nearest_schedule import (
    covered,
    describe,
    has_panels_of_b,
    nearest_schedule,
    skip_faults,
)


def check_schedule(op: ContractOp, table: Contraction, s: Schedule) -> None:
    """Refuses a schedule that does not fit its op: why, and what would fit."""
    if fault := fault_of(table, s):
        near = nearest_schedule(table, s)
        unsupported(op, f'{fault}; the nearest schedule that fits is "{near}"')


def fault_of(table: Contraction, s: Schedule) -> str | None:
    """What is wrong with the schedule, None if it fits."""
    count = len(table.extents)
    named = {loop.iterator for loop in s.loops} | {*s.inner}
    named |= set() if s.skip is None else {s.skip}
    if extra := sorted(i for i in named if i >= count):
        return f"expected a schedule over {count} iterators, got '{LETTERS[extra[0]]}'"
    return next(_faults(table, s), None)


def _faults(table: Contraction, s: Schedule) -> Iterator[str]:
    yield from _call_faults(table, s)
    for i in range(len(table.extents)):
        yield from _loop_faults(table, s, i)
    shared = shared_sum(table, s)
    for loop in s.loops:
        if loop.parallel and table.role(loop.iterator) is Role.K:
            yield from _shared_faults(table, loop, shared)
    yield from _panel_faults(table, s, "a", table.a, s.m, s.pack_a)
    yield from _panel_faults(table, s, "b", table.b, s.n, s.pack_b)
    if s.skip is not None:
        yield from skip_faults(table, s, s.skip)
    if s.prefetch_b and not has_panels_of_b(table, s):
        yield "expected pack=b beside prefetch=b: what comes next lies in panels"


def shared_sum(table: Contraction, s: Schedule) -> Loop | None:
    """The outermost loop, if threads share a sum in it: each part of the sum goes into
    a copy of C of its own (share_sums.py)."""
    first = s.loops[0] if s.loops else None
    if first is None or not first.parallel:
        return None
    return first if table.role(first.iterator) is Role.K else None


def _shared_faults(
    table: Contraction, loop: Loop, shared: Loop | None
) -> Iterator[str]:
    """A sum is shared in equal parts, outside of all other loops."""
    sum_ = describe(table, loop.iterator)
    if loop is not shared:
        yield f"expected a parallel loop over the sum {sum_} to be the outermost one"
    elif table.extents[loop.iterator] % loop.step:
        yield (
            f"expected the step of a parallel loop over the sum {sum_} to divide it, "
            f"got {loop.step}"
        )
    elif not any(
        isinstance(f, Linear) and f.plain == loop.iterator for f in (*table.a, *table.b)
    ):
        yield f"expected the shared sum {sum_} to be a dimension of an operand"


def _call_faults(table: Contraction, s: Schedule) -> Iterator[str]:
    """The iterators of the call have the roles that they are named for, each once."""
    for what, i, role in (
        ("m", s.m, Role.M),
        ("n", s.n, table.column_role),
        ("k", s.k, Role.K),
        *(("batch", i, Role.K) for i in s.batch),
    ):
        if i is not None and table.role(i) is not role:
            candidates = [LETTERS[x] for x in table.having(role)]
            yield (
                f"expected an iterator of role {role.value} for {what}=, got "
                f"{describe(table, i)}; out of {candidates}"
            )
    if len(set(s.inner)) != len(s.inner):
        yield f"expected each iterator once in the call, got '{s}'"


def _loop_faults(table: Contraction, s: Schedule, i: int) -> Iterator[str]:
    """The loops over one iterator divide each other and leave nothing out."""
    if any(x % y or x == y for x, y in pairwise(s.steps(i))):
        yield f"expected each step of {describe(table, i)} to divide the one outside"
    if i not in s.inner and covered(table, s, i) != 1:
        yield (
            f"expected {describe(table, i)} to be in the call (m=, n=, k=, batch=) or "
            f"in a loop of step 1; add the loop '{LETTERS[i]}'"
        )


def _panel_faults(
    table: Contraction,
    s: Schedule,
    name: str,
    forms: Sequence[Form],
    iterator: int | None,
    size: int | None,
) -> Iterator[str]:
    """An operand can go into panels, and a call stays inside one panel."""
    panels = {f.iterator: f.block for f in forms if isinstance(f, Blocked)}
    if size is not None and iterator not in panels:
        cure = f"leave pack={name}{size} out"
        if iterator is None:
            yield f"expected {'mn'[name == 'b']}= beside pack={name}{size}; {cure}"
        elif panels:
            yield f"expected {name} not to be packed along another dimension; {cure}"
        elif not any(isinstance(f, Linear) and f.plain == iterator for f in forms):
            yield (
                f"expected '{LETTERS[iterator]}' to be a dimension of {name} by "
                f"itself for pack={name}{size}; {cure}"
            )
        else:
            panels[iterator] = size
    for j, block in panels.items():
        part = covered(table, s, j)
        if j != iterator or part > block or block % part:
            yield (
                f"expected the calls over '{LETTERS[j]}' to lie in panels of "
                f"{block}, got {part} at a time; loop '{LETTERS[j]}{block}'"
            )
