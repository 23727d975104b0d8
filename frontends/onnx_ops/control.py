"""Branches and loops. What is known when the model is compiled decides what is built:
one branch, or the few steps of a loop one after the other. All else is decided when the
program runs (array_control.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import SSAValue

from brdialect.errors import BrError
from frontends.array_builder import Tensor, known
from frontends.array_control import Loop, Rows, Trip, branch, counter, index, row
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import (
    Subgraph,
    UnknownValueError,
    axis_of,
    expect,
    integers,
    operator,
)

FEW = 8
"""Steps of a loop that are written out rather than repeated: each is fused with its
neighbours, and reads what it knows of the step's number."""

MOST_STEPS = 1024
"""Of a loop that is written out because its body has to know the step's number."""

MOST_BODIES = 4096
"""Bodies that are built for the loops of a model: those inside each other multiply."""

Results = list[Tensor]


@operator("If", moves=True)
def if_(
    b: Builder, condition: Tensor, *, then_branch: Subgraph, else_branch: Subgraph
) -> Results:
    """One branch where the condition is known; else both, of which one runs"""
    expect(condition.size == 1, f"expected one truth value, got {condition}")
    if condition.known:
        return then_branch() if condition.array.item() else else_branch()
    try:
        return branch(b, condition, then_branch, else_branch)
    except BrError as e:
        raise UnknownValueError(
            f"{e}; only the branch that runs is built if the condition is given when "
            "the model is compiled",
            condition,
        ) from e


@operator("Loop", moves=True)
def loop(
    b: Builder,
    trips: Tensor | None,
    condition: Tensor | None,
    *state: Tensor,
    body: Subgraph,
    outputs: int,
) -> Results:
    """`body(step, condition, state..) -> condition, state.., rows..` again and again:
    the last state, and the rows of all steps"""
    for x in (trips, condition):
        expect(x is None or x.size == 1, f"expected one number of trips, got {x}")
    count = integers(trips, "M")[0] if trips is not None and trips.known else None
    start = condition if condition is not None else known(np.array(True))
    if start.known and not start.array.item():
        count = 0
    keeps = max(outputs - len(state), 0)
    count = None if count is None else max(count, 0)

    def written() -> Results:
        assert count is not None
        return write_out(b, count, start, state, body, keeps)

    def repeated() -> Results:
        return repeat(b, count, trips, start, state, body, keeps)

    known_count = count is not None and start.known
    try:
        return either(b, count if known_count else None, written, repeated)
    except BrError as e:
        for x, name in ((trips, "M"), (condition, "cond")):
            if x is not None and not x.known:
                raise UnknownValueError(
                    f"{e}; more loops are supported if '{name}' is given when the "
                    "model is compiled",
                    x,
                ) from e
        raise


def either(
    b: Builder,
    count: int | None,
    written: Callable[[], Results],
    repeated: Callable[[], Results],
) -> Results:
    """A loop of a known number of steps, written out or repeated, whichever is
    possible; the first choice depends on the number."""
    if count is None:
        return repeated()
    ways = [repeated, written] if count > FEW or count == 0 else [written, repeated]
    location = b.tensors.location
    try:
        return ways[0]()
    except BrError as first:
        b.tensors.location = location
        if ways[1] is written and count > MOST_STEPS:
            raise
        try:
            return ways[1]()
        except BrError as second:
            raise (first if ways[0] is repeated else second) from first


def count_body(b: Builder) -> None:
    """Loops inside each other that are written out do not end in reasonable time."""
    b.bodies += 1
    expect(
        b.bodies <= MOST_BODIES,
        f"expected loops whose bodies are built at most {MOST_BODIES} times in all; "
        "loops are written out where their bodies have to know the step's number",
    )


def write_out(
    b: Builder,
    count: int,
    going: Tensor,
    state: Sequence[Tensor],
    body: Subgraph,
    keeps: int,
) -> Results:
    """The steps one after the other. Shapes may change from one to the next."""
    values = list(state)
    rows: list[list[Tensor]] = []
    for step in range(count):
        expect(
            going.known,
            "expected a loop whose condition is known, got a computed one",
        )
        if not going.array.item():
            break
        count_body(b)
        going, *results = body(known(np.int64(step)), going, *values)
        values, row = results[: len(state)], results[len(state) :]
        rows.append(row[:keeps])
    expect(bool(rows) or not keeps, "expected a loop of at least one trip, got none")
    stacked = [b.stack(list(parts), 0) for parts in zip(*rows, strict=True)]
    return [*values, *stacked]


def repeat(
    b: Builder,
    count: int | None,
    trips: Tensor | None,
    start: Tensor,
    state: Sequence[Tensor],
    body: Subgraph,
    keeps: int,
) -> Results:
    """The loop as one."""
    bound = count if trips is None or trips.known or count == 0 else index(b, trips)

    def step(at: SSAValue, values: Sequence[Tensor]) -> Trip:
        count_body(b)
        # a body that runs was told to
        going, *results = body(counter(b, at), known(np.array(True)), *values)
        new, rows = results[: len(state)], results[len(state) :]
        on = going.known and bool(going.array.item())
        return Trip(None if on else going, new, rows[:keeps])

    rows = [Rows()] * keeps
    made = Loop(b, bound, None if start.known else start, rows).of(state, step)
    return [*made[0], *made[1]]


@operator("Scan", since=9, moves=True)
def scan(
    b: Builder,
    *inputs: Tensor,
    body: Subgraph,
    num_scan_inputs: int,
    scan_input_axes: list[int] | None,
    scan_input_directions: list[int] | None,
    scan_output_axes: list[int] | None,
    scan_output_directions: list[int] | None,
    outputs: int,
) -> Results:
    """`body(state.., rows..) -> state.., rows..` for each row of the last inputs"""
    split = len(inputs) - num_scan_inputs
    state, sequences = inputs[:split], inputs[split:]
    expect(bool(sequences) and split >= 0, "expected at least one input to scan")
    axes = scan_input_axes or [0] * num_scan_inputs
    axes = [axis_of(a, x.rank) for a, x in zip(axes, sequences, strict=True)]
    backwards = scan_input_directions or [0] * num_scan_inputs
    counts = {x.shape[axis] for x, axis in zip(sequences, axes, strict=True)}
    expect(
        len(counts) == 1,
        f"expected sequences of one length, got {sorted(counts)}",
    )
    (count,) = counts
    keeps = outputs - split
    turned = scan_output_directions or [0] * keeps
    into = scan_output_axes or [0] * keeps

    def step(at: int | SSAValue, values: Sequence[Tensor]) -> Trip:
        count_body(b)
        parts = zip(sequences, axes, backwards, strict=True)
        results = body(
            *values, *(at_step(b, x, axis, at, bool(t)) for x, axis, t in parts)
        )
        return Trip(None, results[:split], results[split:])

    def written() -> Results:
        values, rows = list(state), list[Sequence[Tensor]]()
        for at in range(count):
            trip = step(at, values)
            values = list(trip.state)
            rows.append(trip.rows)
        for parts, axis, turn in zip(
            zip(*rows, strict=True), into, turned, strict=False
        ):
            rank = parts[0].rank + 1
            values.append(b.stack(parts[::-1] if turn else parts, axis_of(axis, rank)))
        return values

    def repeated() -> Results:
        rows = [Rows(axis, bool(t)) for axis, t in zip(into, turned, strict=True)]
        made = Loop(b, count, None, rows).of(state, step)
        return [*made[0], *made[1]]

    return either(b, count, written, repeated)


def at_step(
    b: Builder, x: Tensor, axis: int, at: int | SSAValue, backwards: bool
) -> Tensor:
    """The row of a sequence that a step reads."""
    if isinstance(at, SSAValue):
        return row(b, x, axis, at, backwards)
    start = x.shape[axis] - 1 - at if backwards else at
    return b.without(b.part(x, axis, start, 1), [axis])
