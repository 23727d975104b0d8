"""The schedule nearest to one that does not fit: what fits stays as it is.

    c8 B4 a6 a4 | m=c n=b k=c | pack=b16
    ->
    c8 B4 a6 | m=a n=b k=c | pack=b4        // of (a, b, c): rows, columns, sum

Plain data: it changes no program. check_schedule.py names it in its messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from brdialect.roles import Blocked, Contraction, Form, Linear, Role
from brdialect.schedule import LETTERS, Loop, Schedule


def nearest_schedule(table: Contraction, s: Schedule) -> Schedule:
    """The schedule with the words that do not fit left out or put right."""
    rows = _role(table, s.m, Role.M, table.a, None)
    columns = _role(table, s.n, table.column_role, table.b, table.columns)
    loops = _nested(table, s.loops)
    inner, batch = _sums(table, s, {loop.iterator for loop in loops})
    fitting = replace(s, m=rows, n=columns, k=inner, batch=batch)
    for i, block in ((rows, _panel(table.a)), (columns, _panel(table.b))):
        if i is not None and block is not None:
            loops = _in_panels(table, loops, i, block)
    fitting = replace(fitting, loops=_complete(table, fitting, loops))
    pack_b = _pack(table, fitting, table.b, columns, s.pack_b)
    fitting = replace(fitting, pack_b=pack_b)
    skips = s.skip is not None and not any(skip_faults(table, fitting, s.skip))
    return replace(
        fitting,
        skip=s.skip if skips else None,
        pack_a=_pack(table, fitting, table.a, rows, s.pack_a),
        prefetch_b=s.prefetch_b and has_panels_of_b(table, fitting),
    )


def has_panels_of_b(table: Contraction, s: Schedule) -> bool:
    """Whether what calls read of B lies end to end: in panels, or B is one by itself
    for each value of its outer dimensions."""
    if s.pack_b or any(isinstance(form, Blocked) for form in table.b):
        return True
    last = table.b[-1]
    whole = s.n is not None and not s.steps(s.n)
    return isinstance(last, Linear) and last.plain == s.n and whole


def _role(
    table: Contraction,
    wanted: int | None,
    role: Role,
    forms: Sequence[Form],
    usual: int | None,
) -> int | None:
    """The iterator named for a role, or the best one that has it: the one that the
    operand is packed along, then the usual one, then the longest."""
    packed = [f.iterator for f in forms if isinstance(f, Blocked)]
    if packed:
        return packed[0]
    having = table.having(role)
    if wanted is None or wanted in having:
        return wanted
    if usual is not None:
        return usual
    return max(having, key=lambda i: (table.extents[i], i), default=None)


def _sums(
    table: Contraction, s: Schedule, looped: set[int]
) -> tuple[int | None, tuple[int, ...]]:
    """k and the batch; sums that would be left out become part of the call."""
    sums = table.having(Role.K)
    left_out = [i for i in sums if i not in looped and i not in (s.k, *s.batch)]
    left_out.sort(key=lambda i: (table.extents[i], i))
    inner = _role(table, s.k, Role.K, (), None)
    if inner is None and left_out:
        inner = left_out.pop()
    batch = [i for i in (*s.batch, *left_out) if i in sums and i != inner]
    return inner, tuple(dict.fromkeys(batch))


def skip_faults(table: Contraction, s: Schedule, taps: int) -> Iterator[str]:
    """What is wrong with leaving out taps of a window: a call has all of them in its
    batch and is in one place of the window's dimension, so that it is known which of
    them it needs."""
    if taps not in s.batch or covered(table, s, taps) != table.extents[taps]:
        yield (
            f"expected {describe(table, taps)} in batch= and without a loop for "
            f"skip={LETTERS[taps]}"
        )
    window = table.window(taps)
    if window is None:
        yield (
            f"expected {describe(table, taps)} to be the taps of a window, x + "
            f"{LETTERS[taps]}, for skip={LETTERS[taps]}"
        )
    elif (place := window.place) in s.inner or covered(table, s, place) != 1:
        yield (
            f"expected {describe(table, place)} in a loop of step 1 for "
            f"skip={LETTERS[taps]}"
        )


def covered(table: Contraction, s: Schedule, iterator: int) -> int:
    """How much of an iterator is left to one call."""
    steps = s.steps(iterator)
    return steps[-1] if steps else table.extents[iterator]


def _panel(forms: Sequence[Form]) -> int | None:
    return next((f.block for f in forms if isinstance(f, Blocked)), None)


def _nested(table: Contraction, loops: Sequence[Loop]) -> list[Loop]:
    """Only loops over iterators that there are, whose steps divide each other; sums
    run on one thread."""
    kept: list[Loop] = []
    outside: dict[int, int] = {}
    for loop in loops:
        i, last = loop.iterator, outside.get(loop.iterator)
        if i >= len(table.extents):
            continue
        if last is not None and (last % loop.step or last == loop.step):
            continue
        outside[i] = loop.step
        kept.append(
            replace(loop, parallel=loop.parallel and table.role(i) is not Role.K)
        )
    return kept


def _in_panels(
    table: Contraction, loops: Sequence[Loop], i: int, block: int
) -> list[Loop]:
    """The loops over `i` in whole panels of an operand that is packed already, down to
    one of them, or to a part of one."""
    steps = [loop.step for loop in loops if loop.iterator == i]
    part = steps[-1] if steps else table.extents[i]
    if part <= block and block % part == 0:
        return list(loops)
    kept = [
        loop
        for loop in loops
        if loop.iterator != i or (loop.step > block and loop.step % block == 0)
    ]
    return [*kept, Loop(i, block)]


def _complete(table: Contraction, s: Schedule, loops: list[Loop]) -> tuple[Loop, ...]:
    """With a loop of step 1 over each iterator that would be left out."""
    for i, extent in enumerate(table.extents):
        steps = [loop.step for loop in loops if loop.iterator == i]
        if i not in s.inner and (steps[-1] if steps else extent) != 1:
            loops.append(Loop(i))
    return tuple(loops)


def _pack(
    table: Contraction,
    s: Schedule,
    forms: Sequence[Form],
    iterator: int | None,
    size: int | None,
) -> int | None:
    """The panels asked for, as wide as a call where that does not lie inside; none if
    the operand cannot have them."""
    if size is None or iterator is None:
        return None
    if _panel(forms) is not None:
        return size
    if not any(isinstance(f, Linear) and f.plain == iterator for f in forms):
        return None
    part = covered(table, s, iterator)
    return size if part <= size and size % part == 0 else part


def describe(table: Contraction, iterator: int) -> str:
    """The iterator as a message calls it."""
    return f"'{LETTERS[iterator]}' ({table.extents[iterator]} trips)"
