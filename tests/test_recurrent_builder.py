"""Stacks of recurrent layers from PyTorch's weights; tests/compare holds them against
PyTorch itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX, f32

from brdialect.errors import BrError
from brdialect.reference import run
from brdialect.source import parse_module
from frontends.recurrent_builder import Weights, gru, layers_of, lstm, rnn
from frontends.tensor_builder import TensorBuilder
from runtime.compiler import compile

Array = np.ndarray[Any, np.dtype[Any]]
RANDOM = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


def state(
    gates: int, layers: int, hidden: int = 3, inputs: int = 2
) -> dict[str, Array]:
    """Of layers with two directions."""
    found: dict[str, Array] = {}
    for n in range(layers):
        for end in (f"_l{n}", f"_l{n}_reverse"):
            c = 2 * hidden if n else inputs
            found["weight_ih" + end] = numbers(gates * hidden, c)
            found["weight_hh" + end] = numbers(gates * hidden, hidden)
            found["bias_ih" + end] = numbers(gates * hidden)
            found["bias_hh" + end] = numbers(gates * hidden)
    return found


def test_two_layers_of_two_directions():
    b = TensorBuilder("main", [((DYNAMIC_INDEX, 4, 2), f32)])
    y, states = lstm(b, b.args[0], layers_of(state(4, 2)))
    text = str(b.finish(y, *(s for layer in states for s in layer)))
    x = numbers(5, 4, 2)
    want = run(parse_module(text), "main", [x])
    assert [w.shape for w in want] == [(5, 4, 6), *[(2, 4, 3)] * 4]
    for g, w in zip(compile(text)(x), want, strict=True):
        np.testing.assert_allclose(g, w, atol=1e-6)


def test_a_step_by_its_equation():
    weights = Weights(numbers(3, 2), numbers(3, 3), numbers(3), numbers(3))
    b = TensorBuilder("main", [((4, 1, 2), f32)])
    y, _ = rnn(b, b.args[0], [[weights]], nonlinearity="relu", batch_first=True)
    x = numbers(4, 1, 2)
    want = x @ weights.weight_ih.T + weights.bias_ih + weights.bias_hh
    (got,) = run(b.finish(y), "main", [x])
    np.testing.assert_allclose(got, np.maximum(want, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_ih_l0": numbers(6, 2)}, "weight_ih of 3 gates of 3 units, [9, 2]"),
        ({"bias_hh_l0_reverse": numbers(8)}, "bias_hh of 3 gates of 3 units, [9], got"),
        ({"weight_hr_l0": numbers(3, 3)}, "without projections, got weight_hr_l0"),
        ({"bias_ih_l0": None}, "expected a bias of both directions, or of none"),
    ],
)
def test_weights_that_do_not_fit(change: Mapping[str, Array | None], message: str):
    changed = {**state(3, 1), **change}
    given = {name: array for name, array in changed.items() if array is not None}
    b = TensorBuilder("main", [((5, 4, 2), f32)])
    with pytest.raises(BrError) as error:
        gru(b, b.args[0], layers_of(given))
    assert message in str(error.value)


def test_weights_of_another_type():
    given = {name: array.astype(np.float16) for name, array in state(3, 1).items()}
    b = TensorBuilder("main", [((5, 4, 2), f32)])
    with pytest.raises(BrError, match="of float32 or float64, got float16"):
        gru(b, b.args[0], layers_of(given))
