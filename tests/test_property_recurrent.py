"""Recurrent layers of any sizes and options, on machines whose small caches make small
layers take the paths of large ones, in memory that is NaN until it is written."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from programs import FENCES, POISON
from recurrent import ACTIVATIONS, ALL_OF, FUNCTIONS, Layer
from recurrent_gradients import (
    backward_program,
    differentiated,
    given_gradients,
    reference_gradients,
)
from test_property import DATA, Draw, examples, machine, poisoned

from brdialect.recurrent import Option
from brdialect.reference import run
from brdialect.source import parse_module
from runtime.compiler import compile

__all__ = ["poisoned"]  # the fixture holds in this file too

SIZES = st.integers(1, 4) | st.integers(1, 40)
BOUNDED = [a for a in ACTIVATIONS if a.startswith(("sig", "tanh", "hard", "softsign"))]
"""Activations under which states do not grow from step to step."""


def layer(draw: Draw) -> Layer:
    """One with any of the clauses and options."""
    kind = draw(st.sampled_from(list(ALL_OF)))
    clauses, others = ALL_OF[kind]
    cell = draw(st.integers(0, 7)) == 0
    options: dict[str, Option] = {
        k: v for k, v in others.items() if draw(st.booleans())
    }
    has = [c for c in clauses if draw(st.booleans()) and not (cell and c == "lengths")]
    count = len(FUNCTIONS[kind])
    if not cell:
        directions = st.sampled_from(["forward", "reverse", "bidirectional"])
        options["direction"] = draw(directions)
        options["batch_first"] = draw(st.booleans())
        count *= 1 + (options["direction"] == "bidirectional")
    if draw(st.booleans()):
        names = st.lists(st.sampled_from(BOUNDED), min_size=count, max_size=count)
        options["activations"] = draw(names)
    return Layer(
        kind,
        draw(st.integers(0, 3) | st.integers(0, 12)),
        draw(SIZES),
        draw(SIZES),
        draw(SIZES),
        tuple(has),
        {k: v for k, v in options.items() if v},
        cell,
        draw(st.sampled_from(["f32", "f64"])),
    )


@examples(20)
@given(DATA)
def test_layers(data: st.DataObject):
    one = layer(data.draw)
    open_sizes = not one.cell and data.draw(st.booleans())
    FENCES.clear()
    code = compile(one.program(open_sizes), target=machine(data.draw))
    for steps in (one.steps, one.steps + 5)[: 1 + open_sizes]:
        at = replace(one, steps=steps)
        arguments = at.arguments()
        returned = code(*arguments)
        got = returned if isinstance(returned, tuple) else (returned,)
        want = run(parse_module(at.program()), "main", arguments)
        atol = 1e-5 if one.element == "f32" else 1e-13
        for name, g, w in zip(one.results, got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=f"{name} {at}")
    for what, low, high in FENCES:
        assert (low == POISON).all() and (high == POISON).all(), f"{what} {one}"


@examples(20)
@given(DATA)
def test_gradients(data: st.DataObject):
    one = layer(data.draw)
    FENCES.clear()
    code = compile(backward_program(one), target=machine(data.draw))
    returned = code(*one.arguments(), *given_gradients(one))
    got = returned if isinstance(returned, tuple) else (returned,)
    operands = [one.operands[i] for i in differentiated(one)]
    relative = 1e-5 if one.element == "f32" else 1e-13
    for name, g, w in zip(operands, got, reference_gradients(one), strict=True):
        atol = relative * max(1.0, np.abs(w).max(initial=0))
        np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=f"{name} {one}")
    for what, low, high in FENCES:
        assert (low == POISON).all() and (high == POISON).all(), f"{what} {one}"
