"""Compiled recurrent layers against their reference in float64, on sizes that divide no
block."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from recurrent import Array, Layer, layers

from brdialect.reference import run
from brdialect.source import parse_module
from runtime.compiler import Compiled, compile

TOLERANCE = {"f32": 2e-6, "f64": 1e-14}
"""Times the largest number of a result."""


def check(layer: Layer, compiled: Compiled, arguments: Sequence[Array]) -> None:
    """A call of the code against the reference."""
    returned = compiled(*arguments)
    got = returned if isinstance(returned, tuple) else (returned,)
    want = run(parse_module(layer.program()), "main", layer.arguments())
    for name, g, w in zip(layer.results, got, want, strict=True):
        assert g.shape == tuple(layer.shape(name))
        atol = TOLERANCE[layer.element] * max(1.0, np.abs(w).max(initial=0))
        np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=name)


def is_worth_half_a_second(layer: Layer) -> bool:
    """Which layers to compile: what is alone here stands with all the others too."""
    if "activations" in layer.options:
        return layer.kind == "rnn"
    alone = [*layer.has, *layer.options] if not layer.cell else []
    return len(alone) != 1 or alone[0] in ("bias", "recurrent_bias", "peepholes")


CASES = [
    (replace(layer, element=("f32", "f64")[i % 2]), 1 + i // 2 % 2)
    for i, layer in enumerate(filter(is_worth_half_a_second, layers()))
]
"""Each in the one element type or the other, on one thread or on two."""


@pytest.mark.parametrize(("layer", "threads"), CASES, ids=str)
def test_every_option(layer: Layer, threads: int):
    compiled = compile(layer.program(), threads=threads)
    check(layer, compiled, layer.arguments())


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("lstm", (37, 70, 9, 70)),
        ("gru", (37, 70, 9, 70)),
        ("lstm", (3, 201, 5, 150)),
        ("gru", (5, 66, 7, 50)),
    ],
)
def test_several_blocks(kind: str, sizes: tuple[int, int, int, int]):
    """Several chunks of steps, tasks of rows, panels of units, and blocks of depth; at
    last two groups that go through time by themselves."""
    layer = Layer(kind, *sizes, has=("initial", "lengths"))
    check(layer, compile(layer.program(), threads=2), layer.arguments())
