"""Branches and loops, as far as they are known when the model is compiled: loops are
written out step by step, and of two branches both run."""

from __future__ import annotations

import numpy as np

from frontends.array_builder import Tensor, known
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import (
    Subgraph,
    axis_of,
    expect,
    integers,
    operator,
)

MOST_STEPS = 1024
"""Of a loop that is written out."""


@operator("If", moves=True)
def if_(
    b: Builder, condition: Tensor, *, then_branch: Subgraph, else_branch: Subgraph
) -> list[Tensor]:
    """One branch where the condition is known; else both, and a choice of results"""
    expect(condition.size == 1, f"expected one truth value, got {condition}")
    if condition.known:
        return then_branch() if condition.array.item() else else_branch()
    choice = b.reshape(condition, ())
    results: list[Tensor] = []
    for yes, no in zip(then_branch(), else_branch(), strict=True):
        expect(
            yes.shape == no.shape and yes.dtype == no.dtype,
            "expected branches with results of one shape and type, because the "
            f"condition is computed, got {yes} and {no}",
        )
        results.append(b.map(lambda c, yes, no: c.choose(yes, no), choice, yes, no))
    return results


@operator("Loop", moves=True)
def loop(
    b: Builder,
    trips: Tensor | None,
    condition: Tensor | None,
    *state: Tensor,
    body: Subgraph,
) -> list[Tensor]:
    """`body(step, condition, state..) -> condition, state.., rows..` again and again:
    the last state, and the rows of all steps"""
    expect(
        trips is not None,
        "expected a number of trips, got a loop that only its condition ends",
    )
    assert trips is not None
    (count,) = integers(trips, "M")
    going = condition if condition is not None else known(np.array(True))
    values = list(state)
    rows: list[list[Tensor]] = []
    for step in range(count):
        expect(
            going.known,
            "expected a loop whose condition is known, got a computed one",
        )
        if not going.array.item():
            break
        expect(step < MOST_STEPS, f"expected at most {MOST_STEPS} trips, got {count}")
        going, *results = body(known(np.int64(step)), going, *values)
        values, row = results[: len(state)], results[len(state) :]
        rows.append(row)
    expect(
        bool(rows) or count == 0 or not going.array.item(),
        "expected a loop of at least one trip",
    )
    stacked = [b.stack(list(parts), 0) for parts in zip(*rows, strict=True)]
    return [*values, *stacked]


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
) -> list[Tensor]:
    """`body(state.., rows..) -> state.., rows..` for each row of the last inputs"""
    split = len(inputs) - num_scan_inputs
    values, sequences = list(inputs[:split]), inputs[split:]
    expect(bool(sequences), "expected at least one input to scan")
    axes = scan_input_axes or [0] * num_scan_inputs
    axes = [axis_of(a, x.rank) for a, x in zip(axes, sequences, strict=True)]
    backwards = scan_input_directions or [0] * num_scan_inputs
    count = sequences[0].shape[axes[0]]
    expect(
        count <= MOST_STEPS,
        f"expected at most {MOST_STEPS} steps, got {count}",
    )
    rows: list[list[Tensor]] = []
    for step in range(count):
        at = [count - 1 - step if turned else step for turned in backwards]
        now = [
            b.without(b.part(x, axis, i, 1), [axis])
            for x, axis, i in zip(sequences, axes, at, strict=True)
        ]
        results = body(*values, *now)
        values, row = results[:split], results[split:]
        rows.append(row)
    outputs = [list(parts) for parts in zip(*rows, strict=True)]
    turned = scan_output_directions or [0] * len(outputs)
    out_axes = scan_output_axes or [0] * len(outputs)
    for i, parts in enumerate(outputs):
        if turned[i]:
            parts.reverse()
        axis = axis_of(out_axes[i], parts[0].rank + 1)
        values.append(b.stack(parts, axis))
    return values
