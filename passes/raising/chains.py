"""Cells that hand their states on, as sequences.

A *chain* is one direction of a recurrent layer. Of the two products of an LSTM's gates,
the one whose data are the state of the step before is h's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Operation, SSAValue

from brdialect.destination_op import shaped
from passes.raising.cells import Cell, Kind, Side, cells_in, place
from passes.raising.elements import Elements, Point
from passes.raising.indices import Index, variable
from passes.shared.linalg_match import is_all_parallel


@dataclass(frozen=True)
class Target:
    """A tensor that the chain computes: `value[index]` is h or, with `is_memory`, the
    last c at (n, k); h after step `step`, which may be the loop's counter."""

    value: SSAValue
    index: tuple[Index, ...]
    step: Index
    is_memory: bool = False


@dataclass(frozen=True)
class Chain:
    """One direction. `inputs` are the x of each step over (n, r), or in a loop the one
    of all steps, which varies with `counter` as well."""

    kind: Kind
    steps: int
    sequences: int
    hidden: int
    inputs: Sequence[Point]
    counter: Index
    x: Side
    h: Side
    biases: tuple[tuple[Point, ...], ...]
    h0: Point
    c0: Point | None
    targets: Sequence[Target]
    singles: Sequence[Chain] = ()
    """The same steps one by one."""


def state_before(cell: Cell, side: int, elements: Elements) -> Point:
    """The data of a product as an element over (n, k), as states are."""
    data = cell.sides[side].data
    by = {v: variable("k", v.extent) for v in data.variables if v.name == "r"}
    return elements.resolved(data.replaced(by))


def h_sides(cell: Cell, elements: Elements) -> list[int]:
    """Which of a cell's two products may be that of h."""
    sides = [i for i, s in enumerate(cell.sides) if s.extent == cell.hidden]
    if cell.kind.memory or cell.previous is None:
        return sides
    # the state before is named by the pattern: a GRU, where h's product is the second
    state = elements.key(state_before(cell, 1, elements))
    known = state == elements.key(cell.previous)
    return [1] if 1 in sides and known else []


@dataclass
class _Links:
    """Which cell follows which, and which side of each is h's."""

    following: dict[int, Cell]
    h_side: dict[int, int]
    followers: set[int]


def _linked(cells: Sequence[Cell], elements: Elements) -> _Links:
    """Keys are the cells' identities."""
    links = _Links({}, {}, set())
    by_state = {cell.state: cell for cell in cells}
    for cell in cells:
        for side in h_sides(cell, elements):
            before = by_state.get(elements.key(state_before(cell, side, elements)))
            if before is None or id(before) in links.following:
                continue
            there = _continued(before, cell, side, elements)
            if there is None or links.h_side.get(id(before), there) != there:
                continue
            links.following[id(before)] = cell
            links.followers.add(id(cell))
            links.h_side |= {id(before): there, id(cell): side}
            break
    return links


def _continued(before: Cell, cell: Cell, side: int, elements: Elements) -> int | None:
    """The side of `before` that is h's, if `cell` does the same with its states."""
    if before.kind is not cell.kind or _terms(before) != _terms(cell):
        return None
    if cell.kind.memory:
        assert cell.previous is not None
        if elements.key(cell.previous) != before.memory:
            return None
    want = cell.sides[side].weights, cell.sides[1 - side].weights
    for other in h_sides(before, elements):
        if (before.sides[other].weights, before.sides[1 - other].weights) == want:
            return other
    return None


def _terms(cell: Cell) -> list[set[Point]]:
    """The biases of each gate, in any order."""
    return [set(gate) for gate in zip(*cell.biases, strict=True)]


def _single_side(cell: Cell, states: set[Point], elements: Elements) -> int | None:
    """The side to take for h in a step by itself: zeros, else what no cell computes."""
    sides = h_sides(cell, elements)

    def unlikely(side: int) -> tuple[bool, bool]:
        state = state_before(cell, side, elements)
        return elements.number(state) != 0, elements.key(state) in states

    return min(sides, key=unlikely, default=None)


def unrolled_chains(block: Block, elements: Elements) -> Iterator[Chain]:
    """The chains among the operations of a block, by their first operation."""
    cells = list(cells_in(block.ops, elements))
    if not cells:
        return
    links = _linked(cells, elements)
    values = computed_values(block.ops, elements)
    states = {cell.state for cell in cells}
    for cell in cells:
        if id(cell) in links.followers:
            continue
        steps = [cell]
        while (after := links.following.get(id(steps[-1]))) is not None:
            steps.append(after)
        side = links.h_side.get(id(cell))
        if side is None:
            side = _single_side(cell, states, elements)
        if side is not None:
            sides = [links.h_side.get(id(s), side) for s in steps]
            yield from _cut(steps, sides, values, elements)


def computed_values(
    ops: Iterable[Operation], elements: Elements
) -> dict[Point, list[tuple[SSAValue, tuple[Index, ...]]]]:
    """The tensors that hold what a key over (n, k) stands for, and where."""
    found: dict[Point, list[tuple[SSAValue, tuple[Index, ...]]]] = {}
    for op in ops:
        if isinstance(op, linalg.GenericOp) and is_all_parallel(op):
            for result in op.res:
                shape = shaped(result).get_shape()
                at = place(shape) if shape else None
                if at is not None:
                    key = elements.key(Point(result, at))
                    found.setdefault(key, []).append((result, at))
    return found


Values = Mapping[Point, Sequence[tuple[SSAValue, tuple[Index, ...]]]]


def _cut(
    cells: Sequence[Cell], sides: Sequence[int], values: Values, elements: Elements
) -> Iterator[Chain]:
    """The chain, in pieces where a c in the middle is used by others."""
    states = {
        value
        for cell in cells
        for key in (cell.state, cell.memory)
        if key is not None
        for value, _ in values.get(key, ())
    }
    start = 0
    for end, cell in enumerate(cells, 1):
        memory = values.get(cell.memory, ()) if cell.memory else ()
        last = end == len(cells)
        if last or any(_escapes(value, states) for value, _ in memory):
            singles = [
                _chain(cells[i : i + 1], sides[i : i + 1], values, elements)
                for i in range(start, end)
            ]
            chain = _chain(cells[start:end], sides[start:end], values, elements)
            if end - start >= cell.kind.shortest:
                yield _with_singles(chain, singles if end - start > 1 else ())
            start = end


def _with_singles(chain: Chain, singles: Sequence[Chain]) -> Chain:
    worth = [s for s in singles if s.steps >= s.kind.shortest]
    return replace(chain, singles=worth)


def _escapes(value: SSAValue, states: set[SSAValue]) -> bool:
    """Whether more than the states depends on the value."""
    pending, seen = [value], {value}
    while pending:
        for use in pending.pop().uses:
            if not use.operation.results:
                return True
            new = {r for r in use.operation.results if r not in states} - seen
            seen |= new
            pending += new
    return False


def _chain(
    cells: Sequence[Cell], sides: Sequence[int], values: Values, elements: Elements
) -> Chain:
    first, last = cells[0], cells[-1]
    targets = [
        Target(value, at, Index(step))
        for step, cell in enumerate(cells)
        for value, at in values[cell.state]
    ]
    if last.memory is not None:
        step = Index(len(cells) - 1)
        targets += [Target(v, at, step, True) for v, at in values.get(last.memory, ())]
    return Chain(
        first.kind,
        len(cells),
        first.sequences,
        first.hidden,
        [c.sides[1 - s].data for c, s in zip(cells, sides, strict=True)],
        variable("t", len(cells)),
        first.sides[1 - sides[0]],
        first.sides[sides[0]],
        first.biases,
        state_before(first, sides[0], elements),
        first.previous if first.kind.memory else None,
        targets,
    )
