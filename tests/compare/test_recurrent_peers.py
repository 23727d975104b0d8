"""Recurrent layers mean what PyTorch's modules and ONNX's operators mean."""

# torch and onnx come without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recurrent import Layer
from xdsl.dialects.builtin import f64, i32

from brdialect.reference import run
from brdialect.source import parse_module
from frontends.recurrent_builder import gru, layers_of, lstm, rnn
from frontends.tensor_builder import TensorBuilder
from runtime.compiler import compile

pytestmark = pytest.mark.compare

BUILDERS = {"LSTM": lstm, "GRU": gru, "RNN": rnn}


def close(got: Any, want: Any) -> None:
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("steps", "lengths", "options"),
    [
        (1, None, {}),
        (37, None, {"num_layers": 2, "bias": False}),
        (5, None, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
        (5, [5, 3, 1], {"num_layers": 2, "bidirectional": True}),
    ],
)
def test_torch(name: str, steps: int, lengths: list[int] | None, options: dict):
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.manual_seed(0)
    model = getattr(torch.nn, name)(5, 7, **options).double()
    batch_first = options.get("batch_first", False)
    shape = (3, steps, 5) if batch_first else (steps, 3, 5)
    x = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        if lengths is None:
            y, last = model(x)
        else:
            packed, last = model(pack_padded_sequence(x, torch.tensor(lengths)))
            y, _ = pad_packed_sequence(packed)
    b = TensorBuilder("main", [(x.shape, f64), ((3,), i32)])
    got, states = BUILDERS[name](
        b,
        b.args[0],
        layers_of(model.state_dict()),
        batch_first=batch_first,
        lengths=None if lengths is None else b.args[1],
    )
    text = str(b.finish(got, *(state for layer in states for state in layer)))
    # one [layers * D, N, K] of each state -> [D, N, K] of each layer
    last = last if isinstance(last, tuple) else (last,)
    each = [np.split(np.asarray(s), len(states)) for s in last]
    want = [np.asarray(y), *(s for layer in zip(*each, strict=True) for s in layer)]
    inputs = [np.asarray(x), np.array(lengths or [steps] * 3, np.int32)]
    close(run(parse_module(text), "main", inputs), want)
    close(compile(text, threads=2)(*inputs), want)


def onnx_results(layer: Layer, arguments: list[np.ndarray]) -> list[np.ndarray]:
    """What onnx's reference evaluator makes of the operator that the layer is."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    given = dict(zip(layer.operands, arguments, strict=True))
    batch_first = "batch_first" in layer.options
    none = np.zeros(layer.shape("bias"))
    biases = [given.get("bias", none), given.get("recurrent_bias", none)]
    inputs = {"X": given["x"], "W": given["w"], "R": given["r"]}
    inputs["B"] = np.concatenate(biases, axis=1)
    for name, ours in (("initial_h", "h0"), ("initial_c", "c0"), ("P", "peepholes")):
        if ours in given:
            state = given[ours]
            swapped = batch_first and ours != "peepholes"
            inputs[name] = state.swapaxes(0, 1) if swapped else state
    names = ["X", "W", "R", "B", "", "initial_h", "initial_c", "P"]
    outputs = ["Y", "Y_h", "Y_c"][: len(layer.results)]
    attributes = {
        "hidden_size": layer.hidden,
        "direction": layer.options.get("direction", "forward"),
        "layout": int(batch_first),
    }
    if layer.options.get("linear_before_reset"):
        attributes["linear_before_reset"] = 1
    used = [name if name in inputs else "" for name in names]
    while not used[-1]:
        used.pop()
    node = helper.make_node(layer.kind.upper(), used, outputs, **attributes)
    double = TensorProto.DOUBLE
    graph = helper.make_graph(
        [node],
        layer.kind,
        [helper.make_tensor_value_info(n, double, a.shape) for n, a in inputs.items()],
        [helper.make_tensor_value_info(n, double, None) for n in outputs],
    )
    results: Any = ReferenceEvaluator(helper.make_model(graph)).run(None, inputs)
    y, *states = results
    if batch_first:  # [N, T, D, K] and [N, D, K]
        y = y.reshape(*y.shape[:2], -1)
        return [y, *(state.swapaxes(0, 1) for state in states)]
    # [T, D, N, K] -> [T, N, D*K]
    y = y.swapaxes(1, 2)
    return [y.reshape(*y.shape[:2], -1), *states]


BOTH = ("bias", "recurrent_bias", "initial")
LAYERS = [
    Layer(kind, 5, has=has, options={**options, **direction}, element="f64")
    for kind, has, options in (
        ("lstm", (), {}),
        ("lstm", (*BOTH, "peepholes"), {}),
        ("gru", BOTH, {}),
        ("gru", BOTH, {"linear_before_reset": True}),
        ("rnn", BOTH, {}),
    )
    for direction in (
        {},
        {"direction": "reverse"},
        {"direction": "bidirectional"},
        {"direction": "bidirectional", "batch_first": True},
    )
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_onnx(layer: Layer):
    arguments = layer.arguments()
    want = onnx_results(layer, arguments)
    close(run(parse_module(layer.program()), "main", arguments), want)
