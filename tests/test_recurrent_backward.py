"""Gradients of recurrent layers: their reference against central differences of the
forward reference, and compiled code against the reference, on sizes that divide no
block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recurrent import BIASES, Layer, layers
from recurrent_gradients import (
    Array,
    backward_program,
    differentiated,
    given_gradients,
    reference_gradients,
    slope_along,
)
from test_recurrent_compile import is_worth_half_a_second
from xdsl.context import Context

from brdialect.errors import UnsupportedError
from brdialect.recurrent_backward_ops import BackwardOp
from brdialect.reference import find_entry, run
from brdialect.source import parse_module
from passes.gradients.differentiate import DifferentiatePass
from runtime.compiler import compile

TOLERANCE = {"f32": 1e-5, "f64": 1e-13}
"""Times the largest number of a result."""


@pytest.mark.parametrize("layer", layers(), ids=str)
def test_reference(layer: Layer):
    layer = replace(layer, element="f64")
    arguments, found = layer.arguments(), reference_gradients(layer)
    random = np.random.default_rng(1)
    operands = differentiated(layer)
    assert [g.shape for g in found] == [arguments[i].shape for i in operands]
    for i, gradient in zip(operands, found, strict=True):
        direction = random.standard_normal(gradient.shape)
        want = slope_along(layer, arguments, i, direction)
        scale = max(1.0, float(np.linalg.norm(gradient)))
        got = float((direction * gradient).sum())
        assert abs(got - want) <= 1e-6 * scale, layer.operands[i]


def compiled_gradients(layer: Layer, threads: int) -> list[Array]:
    compiled = compile(backward_program(layer), threads=threads)
    found = compiled(*layer.arguments(), *given_gradients(layer))
    return list(found) if isinstance(found, tuple) else [found]


def check(layer: Layer, threads: int) -> None:
    got = compiled_gradients(layer, threads)
    want = reference_gradients(layer)
    for i, g, w in zip(differentiated(layer), got, want, strict=True):
        assert g.shape == w.shape
        atol = TOLERANCE[layer.element] * max(1.0, np.abs(w).max(initial=0))
        name = f"gradient of {layer.operands[i]}"
        np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=name)


CASES = [
    (replace(layer, element=("f32", "f64")[i % 2]), 1 + i // 2 % 2)
    for i, layer in enumerate(filter(is_worth_half_a_second, layers()))
]
"""Each in the one element type or the other, on one thread or on two."""


@pytest.mark.parametrize(("layer", "threads"), CASES, ids=str)
def test_every_option(layer: Layer, threads: int):
    check(layer, threads)


LARGE = {
    "panels, depths, a team": Layer("lstm", 5, 37, 9, 150, ("initial", "peepholes")),
    "groups": Layer("lstm", 3, 66, 7, 50, BIASES),
    "a rest of rows": Layer("gru", 3, 201, 5, 70, ("initial", "lengths")),
    "a reset and a team": Layer("gru", 3, 41, 11, 130, ("lengths",)),
    "apart": Layer(
        "gru", 3, 41, 11, 130, BIASES, {"linear_before_reset": True, "gates": "hrz"}
    ),
    "both ways": Layer(
        "gru",
        *(3, 41, 11, 130, ("lengths", "initial")),
        {"direction": "bidirectional", "batch_first": True},
    ),
    "from no state, both ways": Layer(
        "lstm", 4, 41, 11, 70, ("lengths",), {"direction": "bidirectional"}
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_several_blocks(name: str):
    check(replace(LARGE[name], element="f64"), 2)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("lstm", {}), ("gru", {}), ("gru", {"linear_before_reset": True}), ("rnn", {})],
)
def test_one_step_from_no_state(kind: str, options: dict[str, bool], direction: str):
    """R multiplies nothing then: its gradient is 0."""
    given = {**options, "direction": direction}
    layer = Layer(kind, 1, 5, 3, 18, BIASES, given, element="f64")
    check(layer, 1)


@pytest.mark.parametrize("name", ["panels, depths, a team", "groups"])
def test_the_same_bits_in_each_run(name: str):
    """With the same number of threads; another one differs by rounding."""
    layer = LARGE[name]
    first, second = compiled_gradients(layer, 2), compiled_gradients(layer, 2)
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)
    for x, y in zip(first, compiled_gradients(layer, 1), strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_of_operands_that_are_left_out(kind: str):
    """Biases, initial states and peepholes have gradients where they are 0, too."""
    layer = Layer(kind, 3, element="f64")
    module = backward_program(layer)
    function = find_entry(module)
    (op,) = (o for o in module.walk() if isinstance(o, BackwardOp))
    last = function.body.block.last_op
    assert last is not None
    last.operands = list(op.results)
    function.update_function_type()
    arguments = [*layer.arguments(), *given_gradients(layer)]
    want = run(module, None, arguments)
    got = compile(module, threads=1)(*arguments)
    assert all(np.abs(w).max() > 0 for w in want)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)


def test_time_must_be_known():
    """How many steps there are says how much is saved."""
    module = parse_module(Layer("rnn").program(open_sizes=True))
    with pytest.raises(UnsupportedError, match="static sizes to differentiate"):
        DifferentiatePass("main").apply(Context(), module)
