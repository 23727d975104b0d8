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


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("lstm", {}), ("gru", {}), ("gru", {"linear_before_reset": True})],
)
def test_from_no_state(kind: str, options: dict[str, bool], steps: int):
    """The first step has no product with R, whose place is 0 where it stands apart."""
    layer = Layer(kind, steps, 41, 11, 70, options=options)
    check(layer, compile(layer.program(), threads=2), layer.arguments())


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("op", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    ("offsets", "steps", "more"),
    [
        ((0, 0, 2), (1, 1, 1), (0, 0, 3)),
        ((0, 0, 0), (1, 1, 2), (0, 0, 6)),
        ((0, 0, 0), (1, 2, 1), (0, 3, 0)),
        ((1, 0, 0), (2, 1, 1), (6, 0, 0)),
    ],
    ids=["columns", "every second column", "every second row", "every second step"],
)
def test_input_is_a_slice(
    op: str,
    batch_first: bool,
    offsets: Sequence[int],
    steps: Sequence[int],
    more: Sequence[int],
) -> None:
    """x, 5x3x6, lies in a larger tensor, which is not copied."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[op]
    shape = [5 + more[0], 3 + more[1], 6 + more[2]]
    states = ", %c" if op == "lstm" else ""
    mark = "{batch_first}" if batch_first else ""
    types = ["tensor<5x3x7xf32>", f"tensor<1x{5 if batch_first else 3}x7xf32>"]
    types += types[1:] if op == "lstm" else []
    text = f"""
    func.func @main(%x: tensor<{"x".join(map(str, shape))}xf32>,
                    %w: tensor<1x{gates * 7}x6xf32>, %r: tensor<1x{gates * 7}x7xf32>)
        -> tensor<5x3x7xf32> {{
      %s = tensor.extract_slice %x{list(offsets)} [5, 3, 6] {list(steps)}
        : tensor<{"x".join(map(str, shape))}xf32> to tensor<5x3x6xf32>
      %y, %h{states} = br.{op}
        ins(%s, %w, %r : tensor<5x3x6xf32>, tensor<1x{gates * 7}x6xf32>,
                         tensor<1x{gates * 7}x7xf32>)
        {mark} -> ({", ".join(types)})
      func.return %y : tensor<5x3x7xf32>
    }}"""
    random = np.random.default_rng()
    shapes = shape, (1, gates * 7, 6), (1, gates * 7, 7)
    x, w, r = (random.standard_normal(s).astype(np.float32) for s in shapes)
    (want,) = run(parse_module(text), "main", [x, w, r])
    got = compile(text, threads=1)(x, w, r)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("steps", ["5", "?"])
@pytest.mark.parametrize("op", ["lstm", "gru", "rnn"])
def test_one_sequence_whose_batch_comes_first(op: str, steps: str) -> None:
    """Its steps lie a row apart, however many there are."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[op]
    states = ", %c" if op == "lstm" else ""
    x_type, y_type = f"tensor<1x{steps}x6xf32>", f"tensor<1x{steps}x7xf32>"
    types = [y_type, *["tensor<1x1x7xf32>"] * (1 + (op == "lstm"))]
    w_type, r_type = (f"tensor<1x{gates * 7}x{n}xf32>" for n in (6, 7))
    text = f"""
    func.func @main(%x: {x_type}, %w: {w_type}, %r: {r_type}) -> {y_type} {{
      %y, %h{states} = br.{op} ins(%x, %w, %r : {x_type}, {w_type}, {r_type})
        {{batch_first}} -> ({", ".join(types)})
      func.return %y : {y_type}
    }}"""
    random = np.random.default_rng()
    shapes = (1, 5, 6), (1, gates * 7, 6), (1, gates * 7, 7)
    arrays = [random.standard_normal(s).astype(np.float32) for s in shapes]
    (want,) = run(parse_module(text.replace("?", "5")), "main", arrays)
    got = compile(text, threads=1)(*arrays)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, want, atol=1e-5)
