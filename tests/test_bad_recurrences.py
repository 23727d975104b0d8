"""Recurrent layers whose parts do not agree: one message that names the op and both
numbers; sequences without steps, and none at all, are no mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recurrent import Layer
from test_bad_input import OUTPUTS, refused, succeeded

from brdialect.mistake import BrError
from runtime.compiler import compile

GRU = Layer("gru", 5, has=("lengths",))
TWO = Layer("lstm", options={"direction": "bidirectional"})

MISTAKES = {
    "inputs": (
        GRU.program().replace("5x3x5xf32", "5x3x4xf32"),
        "w as [D, 3*K, C] = [1, 21, 4], got [1, 21, 5]",
    ),
    "hidden": (
        GRU.program().replace("21x7xf32", "21x8xf32"),
        "w as [D, 3*K, C] = [1, 24, 5], got [1, 21, 5]",
    ),
    "gates": (
        GRU.program().replace("1x21x", "1x28x"),
        "w as [D, 3*K, C] = [1, 21, 5], got [1, 28, 5]",
    ),
    "directions": (
        TWO.program().replace("<2x28x", "<1x28x"),
        "w as [D, 4*K, C] = [2, 28, 5], got [1, 28, 5]",
    ),
    "sequences": (
        GRU.program().replace("3xi32", "4xi32"),
        "lengths as [N] = [3], got [4]",
    ),
    "activations": (
        Layer("rnn", options={"activations": ["tanh", "relu"]}).program(),
        "f of each direction as activations, 1, got 2",
    ),
    "activation": (
        Layer("rnn", options={"activations": ["gelu"]}).program(),
        "expected an activation, one of sigmoid, tanh, relu, affine,",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("tool", ["br-opt", "br-run"])
def test_parts_that_do_not_agree(tmp_path: Path, tool: str, name: str):
    text, message = MISTAKES[name]
    (tmp_path / "bad.mlir").write_text(text)
    told = refused(tmp_path, tool, "bad.mlir", *OUTPUTS[tool])
    assert "bad.mlir:3:3: 'br." in told and message in told


@pytest.mark.parametrize("length", [-1, 6])
def test_lengths_out_of_range(tmp_path: Path, length: int):
    within = f"lengths for br.gru within 0..5, got {length} for sequence 1"
    inputs = ["--input=5x3x5xf32", "--input=1x21x5xf32", "--input=1x21x7xf32"]
    inputs.append(f"--input=3xi32=0,{length},5")
    for open_sizes in (False, True):
        (tmp_path / "bad.mlir").write_text(GRU.program(open_sizes))
        told = refused(tmp_path, "br-run", "bad.mlir", *inputs, "--output=made.npz")
        assert f"bad.mlir: argument 3: expected {within}" in told


def test_constant_lengths_out_of_range(tmp_path: Path):
    text = GRU.program().replace(", %lengths: tensor<3xi32>", "")
    (tmp_path / "bad.mlir").write_text(
        text.replace(
            "%y, %h =",
            "%lengths = arith.constant dense<[0, 6, 5]> : tensor<3xi32>\n  %y, %h =",
        )
    )
    for tool, outputs in OUTPUTS.items():
        told = refused(tmp_path, tool, "bad.mlir", *outputs)
        assert "bad.mlir:4:3: 'br.gru'" in told
        assert "lengths within 0..5, got 6 for sequence 1" in told


def test_lengths_given_ahead():
    *_, lengths = GRU.arguments()
    with pytest.raises(BrError, match=r"constant 3: expected lengths .* 0\.\.5, got 6"):
        compile(GRU.program(), constants={3: lengths + 1})


def test_random_lengths_are_within_range(tmp_path: Path):
    layer = Layer("gru", 2, 40, has=("lengths",))
    (tmp_path / "layer.mlir").write_text(layer.program())
    done = succeeded(tmp_path, "br-run", "layer.mlir", "--verify")
    assert done.output.count(": ok: ") == 2


@pytest.mark.parametrize(("steps", "batch"), [(0, 3), (5, 0)])
def test_empty_sequences(tmp_path: Path, steps: int, batch: int):
    """No steps: the states stay what they were; no sequences: there is nothing."""
    layer = Layer("lstm", steps, batch, has=("initial",))
    for open_sizes in (False, True):
        (tmp_path / "layer.mlir").write_text(layer.program(open_sizes))
        inputs = [f"--input={layer.type_of(n)[7:-1]}" for n in layer.operands]
        made = f"--output=made{int(open_sizes)}.npz"
        succeeded(tmp_path, "br-run", "layer.mlir", *inputs, "--verify", made)
        results = np.load(tmp_path / made.removeprefix("--output="))
        shapes = [tuple(layer.shape(name)) for name in layer.results]
        assert [results[f"result{i}"].shape for i in range(3)] == shapes
        assert all(np.abs(results[f"result{i}"]).all() for i in (1, 2))
