"""Branches and loops. What is known when the model is compiled decides what is built:
one branch, or the few steps of a loop one after the other. All else is decided when the
program runs (array_control.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    check_truth(condition)
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
    if trips is not None:
        whole = trips.size == 1 and trips.dtype.kind in "iu"
        expect(whole, f"expected one number of trips, got {trips}")
    if condition is not None:
        check_truth(condition)
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


def check_truth(x: Tensor) -> None:
    """Of a condition."""
    one = x.size == 1 and x.dtype == np.bool_
    expect(one, f"expected one truth value, got {x}")


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
        check_truth(going)
        values, kept = split(results, len(state), keeps)
        rows.append(kept)
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
        check_truth(going)
        new, rows = split(results, len(state), keeps)
        on = going.known and bool(going.array.item())
        return Trip(None if on else going, new, rows)

    rows = [Rows()] * keeps
    made = Loop(b, bound, None if start.known else start, rows).of(state, step)
    return [*made[0], *made[1]]


@operator("Scan", moves=True)
def scan(
    b: Builder,
    *inputs: Tensor | None,
    body: Subgraph,
    num_scan_inputs: int,
    directions: list[int] | None,
    scan_input_axes: list[int] | None,
    scan_input_directions: list[int] | None,
    scan_output_axes: list[int] | None,
    scan_output_directions: list[int] | None,
    outputs: int,
    version: int,
) -> Results:
    """`body(state.., rows..) -> state.., rows..` for each row of the last inputs"""
    given = [x for x in inputs if x is not None]
    count = len(given) - num_scan_inputs
    expect(count >= 0 < num_scan_inputs, "expected at least one input to scan")
    if version < 9:
        expect(inputs[0] is None, "expected no lengths of sequences, got some")
        return scan_batch(b, given, count, body, directions, outputs - count)
    axes = scan_input_axes or [0] * num_scan_inputs
    turned = scan_input_directions or [0] * num_scan_inputs
    keeps = max(outputs - count, 0)
    rows = zip(
        (scan_output_axes or [0] * keeps)[:keeps],
        (scan_output_directions or [0] * keeps)[:keeps],
        strict=True,
    )
    read = [
        Read(x, axis_of(axis, x.rank), bool(t))
        for x, axis, t in zip(given[count:], axes, turned, strict=True)
    ]
    return scanned(
        b, given[:count], read, body, [Rows(axis, bool(t)) for axis, t in rows]
    )


@dataclass(frozen=True)
class Read:
    """How a scan walks over a sequence."""

    x: Tensor
    axis: int
    backwards: bool

    def at(self, b: Builder, step: int | SSAValue) -> Tensor:
        """The row that a step reads."""
        if isinstance(step, SSAValue):
            return row(b, self.x, self.axis, step, self.backwards)
        start = self.x.shape[self.axis] - 1 - step if self.backwards else step
        return b.without(b.part(self.x, self.axis, start, 1), [self.axis])


def scan_batch(
    b: Builder,
    inputs: Sequence[Tensor],
    count: int,
    body: Subgraph,
    directions: list[int] | None,
    keeps: int,
) -> Results:
    """As opset 8 has it: all inputs and results are batches of such."""
    turned = directions or [0] * (len(inputs) - count)
    sizes = {x.shape[0] for x in inputs if x.rank}
    expect(len(sizes) == 1, f"expected one size of batch, got {sorted(sizes)}")
    found: list[Results] = []
    for i in range(*sizes):
        one = [b.without(b.part(x, 0, i, 1), [0]) for x in inputs]
        read = zip(one[count:], turned, strict=True)
        parts = [Read(x, axis_of(0, x.rank), bool(t)) for x, t in read]
        found.append(scanned(b, one[:count], parts, body, [Rows()] * max(keeps, 0)))
    return [b.stack(list(parts), 0) for parts in zip(*found, strict=True)]


def scanned(
    b: Builder,
    state: Sequence[Tensor],
    read: Sequence[Read],
    body: Subgraph,
    rows: Sequence[Rows],
) -> Results:
    """One scan of sequences of one length."""
    counts = {r.x.shape[r.axis] for r in read}
    expect(len(counts) == 1, f"expected one length of sequences, got {sorted(counts)}")
    (count,) = counts

    def step(at: int | SSAValue, values: Sequence[Tensor]) -> Trip:
        count_body(b)
        results = body(*values, *(r.at(b, at) for r in read))
        new, kept = split(results, len(state), len(rows))
        return Trip(None, new, kept)

    def written() -> Results:
        values, kept = list(state), list[Sequence[Tensor]]()
        for at in range(count):
            trip = step(at, values)
            values = list(trip.state)
            kept.append(trip.rows)
        expect(bool(kept) or not rows, "expected sequences of at least one row")
        for parts, how in zip(zip(*kept, strict=True), rows, strict=True):
            parts = parts[::-1] if how.backwards else parts
            values.append(b.stack(parts, how.of(parts[0]).axis))
        return values

    def repeated() -> Results:
        made = Loop(b, count, None, rows).of(state, step)
        return [*made[0], *made[1]]

    return either(b, count, written, repeated)


def split(results: Results, states: int, keeps: int) -> tuple[Results, Results]:
    """What a body returns: the next state, and the rows that are kept."""
    expect(
        len(results) >= states + keeps,
        f"expected a body of {states + keeps} results, got {len(results)}",
    )
    return results[:states], results[states : states + keeps]
