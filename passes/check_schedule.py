"""Whether a schedule fits its contraction; if not, an error that names the cure.

Nothing here changes the program; convert-linalg-to-br asks before it makes loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Role, Strides
from brdialect.schedule import LETTERS, Schedule


def check_schedule(op: ContractOp, table: Contraction, s: Schedule) -> None:
    """Refuses a schedule that does not fit its op, with the reason and the cure."""
    count = len(table.extents)
    named = {loop.iterator for loop in s.loops} | {*s.inner}
    if extra := [i for i in named if i >= count]:
        unknown = LETTERS[extra[0]]
        unsupported(op, f"expected a schedule over {count} iterators, got '{unknown}'")
    check_call(op, table, s)
    for i in range(count):
        check_loops(op, table, s, i)
    for loop in s.loops:
        if loop.parallel and table.role(loop.iterator) is Role.K:
            sum_ = describe(table, loop.iterator)
            unsupported(op, f"expected no parallel loop over the sum {sum_}")


def check_call(op: ContractOp, table: Contraction, s: Schedule) -> None:
    """The iterators of the call have the roles that they are named for, each once."""
    for what, i, role in (
        ("m", s.m, Role.M),
        ("n", s.n, Role.N),
        ("k", s.k, Role.K),
        *(("batch", i, Role.K) for i in s.batch),
    ):
        if i is not None and table.role(i) is not role:
            candidates = [LETTERS[x] for x in table.having(role)]
            unsupported(
                op,
                f"expected an iterator of role {role.value} for {what}=, got "
                f"{describe(table, i)}; out of {candidates}",
            )
    if len(set(s.inner)) != len(s.inner):
        unsupported(op, f"expected each iterator once in the call, got '{s}'")


def check_loops(op: ContractOp, table: Contraction, s: Schedule, i: int) -> None:
    """The loops over one iterator divide each other and leave nothing out."""
    if any(x % y or x == y for x, y in pairwise(s.steps(i))):
        unsupported(
            op, f"expected each step of {describe(table, i)} to divide the one outside"
        )
    if i not in s.inner and covered(table, s, i) != 1:
        unsupported(
            op,
            f"expected {describe(table, i)} to be in the call (m=, n=, k=, batch=) or "
            f"in a loop of step 1; add the loop '{LETTERS[i]}'",
        )


def check_panels(
    op: ContractOp, table: Contraction, s: Schedule, strides: Sequence[Strides]
) -> None:
    """A call must stay inside one panel of a packed operand."""
    for number, i in ((0, s.m), (1, s.n)):
        for j, block in enumerate(strides[number].block):
            size = covered(table, s, j)
            if block is not None and (j != i or size > block or block % size):
                unsupported(
                    op,
                    f"expected the calls over '{LETTERS[j]}' to lie in panels of "
                    f"{block}, got {size} at a time; loop '{LETTERS[j]}{block}'",
                )


def covered(table: Contraction, s: Schedule, iterator: int) -> int:
    """How much of an iterator is left to one call."""
    steps = s.steps(iterator)
    return steps[-1] if steps else table.extents[iterator]


def describe(table: Contraction, iterator: int) -> str:
    """The iterator as a message calls it."""
    return f"'{LETTERS[iterator]}' ({table.extents[iterator]} trips)"
