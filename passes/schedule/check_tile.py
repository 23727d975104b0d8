"""Whether a schedule fits its contraction on a GPU; if not, an error that says why."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, f32
from xdsl.ir import Attribute

from brdialect.block_tile import BlockTile
from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Blocked, Contraction, Role
from brdialect.schedule import LETTERS, Loop, Schedule
from brdialect.target import Target
from passes.memory.buffers import element_bytes

Elements = tuple[Attribute, Attribute]
"""The type of what is multiplied, and that of the sums."""


def kind_of(element: Attribute, tile: BlockTile) -> str | None:
    """How a block multiplies elements of a type; None: it cannot."""
    if isinstance(element, Float32Type):
        return "exact" if tile.exact else "tf32"
    if isinstance(element, BFloat16Type | Float16Type) and not tile.exact:
        return element.name
    return None


def elements_of(op: ContractOp) -> Elements:
    """Those of a contraction."""
    return op.shapes[0].element_type, op.accumulator


def check_tile(op: ContractOp, table: Contraction, s: Schedule, target: Target) -> None:
    """Refuses a schedule that does not fit its op."""
    if fault := fault_on_gpu(elements_of(op), table, s, target):
        unsupported(op, f'{fault}; the schedule is "{s}"')


def fault_on_gpu(
    elements: Elements, table: Contraction, s: Schedule, target: Target
) -> str | None:
    """What is wrong with the schedule, None if it fits."""
    return next(_faults(elements, table, s, target), None)


def _faults(
    elements: Elements, table: Contraction, s: Schedule, target: Target
) -> Iterator[str]:
    named = [*s.inner, *(loop.iterator for loop in s.loops)]
    count = len(table.extents)
    if extra := [i for i in named if i >= count]:
        yield f"expected a schedule over {count} iterators, got '{LETTERS[extra[0]]}'"
        return
    roles = [("m", s.m, Role.M), ("n", s.n, table.column_role), ("k", s.k, Role.K)]
    roles += [("rows", i, Role.M) for i in s.rows]
    roles += [("batch", i, Role.K) for i in s.batch]
    for what, i, role in roles:
        if i is not None and table.role(i) is not role:
            candidates = [LETTERS[x] for x in table.having(role)]
            yield (
                f"expected an iterator of role {role.value} for {what}=, got "
                f"'{LETTERS[i]}'; out of {candidates}"
            )
    if s.n is None:
        yield "expected n= in a schedule for a GPU"
    for i in range(count):
        if named.count(i) != 1 and (named.count(i) or table.extents[i] > 1):
            yield (
                f"expected '{LETTERS[i]}' once, in m=, n=, k=, rows=, batch= or as a "
                f"loop, got it {named.count(i)} times"
            )
    for loop in s.loops:
        if not loop.parallel or loop.step != 1:
            yield (
                f"expected capitals of step 1 as loops on a GPU, got '{loop}': each "
                "trip is a block of its own"
            )
        elif table.role(loop.iterator) is Role.K:
            yield f"expected no loop over a sum, got '{loop}'; run share-sums first"
    if s.pack_a or s.pack_b or s.prefetch_b or s.tile or s.skip is not None:
        yield "expected no tile=, pack=, prefetch= or skip= on a GPU"
    if s.block is not None:
        yield from _tile_faults(elements, table, s, s.block, target)


def split_loop(table: Contraction, schedule: Schedule) -> Loop | None:
    """The loop over the parts of a sum on a GPU: of the outermost of its iterators that
    can be cut into as many."""
    tile = schedule.block
    its = (*schedule.batch, schedule.k)
    for i in [i for i in its if i is not None]:
        if tile is not None and table.extents[i] % tile.split == 0:
            return Loop(i, table.extents[i] // tile.split, True)
    return None


def _tile_faults(
    elements: Elements,
    table: Contraction,
    s: Schedule,
    tile: BlockTile,
    target: Target,
) -> Iterator[str]:
    """Blocks of this form can compute it, and have room."""
    a, sum_ = elements
    if kind_of(a, tile) is None or sum_ != f32:
        yield f"expected no block= for elements {a} that are added up in {sum_}"
    if table.column_role is Role.OUTER:
        yield "expected no block= where each column has a matrix of its own"
    if any(isinstance(f, Blocked) for f in (*table.a, *table.b, *table.c)):
        yield "expected no block= for operands in panels"
    if tile.wgmma and not target.has_warpgroups:
        yield f"expected no mma=wgmma on {target.name}; nvptx64-sm_90a has it"
    if tile.split > 1 and split_loop(table, s) is None:
        sums = [f"'{LETTERS[i]}' ({table.extents[i]})" for i in table.having(Role.K)]
        yield (
            f"expected split={tile.split} to divide an iterator of the sum, one of "
            f"{', '.join(sums) or 'none'}"
        )
    yield from tile.faults(element_bytes(a), target.shared)
