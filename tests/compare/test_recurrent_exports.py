"""Recurrences that exporters write step by step, or as loops, are recognised, and
compute what PyTorch and ONNX compute."""

# torch, torch-mlir and onnx come without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import brdialect

pytestmark = pytest.mark.compare

T, N, C, K = 4, 3, 5, 7

SEQUENCE = (T, N, C)
STATE = (1, N, K)


def of_module(make: Callable[[Any], Any]) -> Callable[[], Any]:
    """A model that calls a module of torch.nn; further inputs are its states."""

    def model() -> Any:
        import torch

        class Call(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = make(torch.nn)

            def forward(self, x: Any, *states: Any):
                match states:
                    case ():
                        return self.layer(x)
                    case (state,):
                        return self.layer(x, state)
                    case _:
                        return self.layer(x, states)

        return Call()

    return model


def steps(forward: Callable[..., Any], **parts: Callable[[Any], Any]):
    """A model of some modules and a forward function that calls them step by step."""

    def model() -> Any:
        import torch

        class Steps(torch.nn.Module):
            def __init__(self):
                super().__init__()
                for name, make in parts.items():
                    setattr(self, name, make(torch.nn))

            def forward(self, x):
                return forward(self, torch, x)

        return Steps()

    return model


def lstm_cells(self, torch, x):
    h, c = torch.zeros(N, K), torch.ones(N, K)
    ys = []
    for t in range(T):
        h, c = self.cell(x[t], (h, c))
        ys.append(h)
    return torch.stack(ys), c


def gru_cells(self, torch, x):
    h = torch.zeros(N, K)
    ys = []
    for t in reversed(range(T)):
        h = self.cell(x[:, t], h)
        ys.insert(0, h)
    return torch.stack(ys, 1)


def gates_by_name(self, torch, x):
    """A cell as tutorials write it."""
    h = c = torch.zeros(N, K)
    for t in range(T):
        both = torch.cat([x[t], h], 1)
        c = torch.sigmoid(self.f(both)) * c + torch.sigmoid(self.i(both)) * torch.tanh(
            self.g(both)
        )
        h = torch.tanh(c) * torch.sigmoid(self.o(both))
    return h


def two_cells_a_step(self, torch, x):
    """The state c of the first starts as a tanh, like a candidate."""
    h = torch.tanh(self.start(x[0]))
    c, g = torch.tanh(self.start(x[1])), torch.zeros(N, K)
    ys = []
    for t in range(T):
        h, c = self.first(torch.relu(x[t]), (h, c))
        g = self.second(h, g)
        ys.append(g)
    return torch.stack(ys), c


def fed_back(self, torch, x):
    """The input of a step depends on the step before."""
    h = c = torch.zeros(N, K)
    x = x[0]
    for _ in range(T):
        h, c = self.cell(x, (h, c))
        x = torch.relu(self.back(h))
    return x


def every_c(self, torch, x):
    h = c = torch.zeros(N, K)
    cs = []
    for t in range(T):
        h, c = self.cell(x[t], (h, c))
        cs.append(c)
    return torch.stack(cs), h


def linear(nn):
    return nn.Linear(C + K, K)


@dataclass(frozen=True)
class Case:
    """A model, the shapes of its inputs, and the ops expected, each with the number of
    steps that it stands for."""

    model: Callable[[], Any]
    ops: dict[str, int]
    shapes: tuple[tuple[int, ...], ...] = (SEQUENCE,)


CASES: dict[str, Case] = {
    "lstm": Case(of_module(lambda nn: nn.LSTM(C, K)), {"lstm": 1}),
    "lstm_one_step": Case(
        of_module(lambda nn: nn.LSTM(C, K)), {"lstm": 1}, ((1, N, C),)
    ),
    "lstm_states": Case(
        of_module(lambda nn: nn.LSTM(C, K)), {"lstm": 1}, (SEQUENCE, STATE, STATE)
    ),
    "lstm_without_bias": Case(
        of_module(lambda nn: nn.LSTM(C, K, bias=False)), {"lstm": 1}
    ),
    "lstm_one_sequence": Case(
        of_module(lambda nn: nn.LSTM(C, K)), {"lstm": 1}, ((T, 1, C),)
    ),
    "lstm_no_batch": Case(of_module(lambda nn: nn.LSTM(C, K)), {"lstm": 1}, ((T, C),)),
    "lstm_as_wide_as_its_input": Case(
        of_module(lambda nn: nn.LSTM(C, C, 2)), {"lstm": 2}
    ),
    "lstm_layers": Case(of_module(lambda nn: nn.LSTM(C, K, 2)), {"lstm": 2}),
    "lstm_both_ways": Case(
        of_module(lambda nn: nn.LSTM(C, K, bidirectional=True)), {"lstm": 1}
    ),
    "lstm_layers_both_ways": Case(
        of_module(lambda nn: nn.LSTM(C, K, 2, bidirectional=True, batch_first=True)),
        {"lstm": 2},
        ((N, T, C), (4, N, K), (4, N, K)),
    ),
    "gru": Case(of_module(lambda nn: nn.GRU(C, K)), {"gru": 1}),
    "gru_one_step": Case(of_module(lambda nn: nn.GRU(C, K)), {"gru": 1}, ((1, N, C),)),
    "gru_states": Case(
        of_module(lambda nn: nn.GRU(C, K)), {"gru": 1}, (SEQUENCE, STATE)
    ),
    "gru_without_bias": Case(
        of_module(lambda nn: nn.GRU(C, K, bias=False)), {"gru": 1}
    ),
    "gru_layers_both_ways": Case(
        of_module(lambda nn: nn.GRU(C, K, 2, bidirectional=True, batch_first=True)),
        {"gru": 2},
        ((N, T, C),),
    ),
    "rnn": Case(of_module(lambda nn: nn.RNN(C, K)), {"rnn": 1}),
    "rnn_relu": Case(
        of_module(lambda nn: nn.RNN(C, K, 2, nonlinearity="relu")), {"rnn": 2}
    ),
    "lstm_cells": Case(
        steps(lstm_cells, cell=lambda nn: nn.LSTMCell(C, K)), {"lstm": 1}
    ),
    "gru_cells": Case(
        steps(gru_cells, cell=lambda nn: nn.GRUCell(C, K)), {"gru": 1}, ((N, T, C),)
    ),
    "gates_by_name": Case(
        steps(gates_by_name, i=linear, f=linear, g=linear, o=linear), {"lstm": 1}
    ),
    "two_cells_a_step": Case(
        steps(
            two_cells_a_step,
            start=lambda nn: nn.Linear(C, K),
            first=lambda nn: nn.LSTMCell(C, K),
            second=lambda nn: nn.GRUCell(K, K),
        ),
        {"lstm": 1, "gru": 1},
    ),
    "fed_back": Case(
        steps(
            fed_back,
            cell=lambda nn: nn.LSTMCell(C, K),
            back=lambda nn: nn.Linear(K, C),
        ),
        {"lstm": T},
    ),
    "every_c": Case(steps(every_c, cell=lambda nn: nn.LSTMCell(C, K)), {"lstm": T}),
    # not recognised: h is projected before it is handed on
    "lstm_projected": Case(of_module(lambda nn: nn.LSTM(C, K, proj_size=2)), {}),
}


def ops_in(text: str) -> dict[str, int]:
    """How often each recurrent op stands in a program."""
    found = re.findall(r"br\.(lstm|gru|rnn) ", text)
    return {name: found.count(name) for name in sorted(set(found))}


def flat(results: Any) -> list[np.ndarray]:
    """Nested tuples of tensors as a list of arrays."""
    if isinstance(results, tuple):
        return [array for part in results for array in flat(part)]
    return [results.numpy()]


@pytest.mark.parametrize("name", CASES)
def test_torch(name: str):
    import torch
    import torch_models as models

    case = CASES[name]
    torch.manual_seed(0)
    model = case.model().eval()
    inputs = [torch.randn(shape) for shape in case.shapes]
    compiled = brdialect.compile(models.exported(model, inputs), threads=2)
    text = compiled.ir("raise-recurrences")
    assert ops_in(text) == dict(sorted(case.ops.items()))
    if case.ops:  # no step is left as it was
        gates = 4 * K if "lstm" in case.ops else 3 * K
        assert f"{N}x{gates}xf32" not in text.replace(f"{T * N}x", "")
    with torch.no_grad():
        want = flat(model(*inputs))
    got = compiled(*(x.numpy() for x in inputs))
    got = got if isinstance(got, tuple) else (got,)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-5)


def test_code_does_not_grow_with_the_number_of_steps():
    import torch
    import torch_models as models

    def code(steps: int) -> int:
        torch.manual_seed(0)
        model = CASES["lstm"].model().eval()
        x = torch.randn(steps, N, C)
        return len(brdialect.compile(models.exported(model, [x])).llvm_ir())

    # 8 steps have too few rows for the blocks of W x that longer sequences share
    assert code(72) < 1.1 * code(24)


# ONNX's operators, which torch-mlir exports as loops


def onnx_model(operator: str, **attributes: Any) -> Any:
    """One recurrent operator with constant weights."""
    from onnx import TensorProto, helper, numpy_helper

    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[operator]
    rng = np.random.default_rng(0)
    shapes = {"w": (1, gates * K, C), "r": (1, gates * K, K), "b": (1, 2 * gates * K)}
    weights = [
        numpy_helper.from_array(rng.uniform(-0.5, 0.5, s).astype(np.float32), n)
        for n, s in shapes.items()
    ]
    results = ["y", "h", "c"][: 3 if operator == "LSTM" else 2]
    node = helper.make_node(
        operator, ["x", *shapes], results, hidden_size=K, **attributes
    )

    def value(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    outputs = [value("y", [T, 1, N, K]), *(value(s, [1, N, K]) for s in results[1:])]
    graph = helper.make_graph([node], "main", [value("x", [T, N, C])], outputs, weights)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def onnx_exported(model: Any) -> str:
    """torch-mlir's linalg on tensors, as text."""
    from torch_mlir import ir, passmanager
    from torch_mlir.dialects import torch as torch_dialect
    from torch_mlir.extras import onnx_importer

    context = ir.Context()
    torch_dialect.register_dialect(context)
    info = onnx_importer.ModelInfo(model)
    module = info.create_module(context=context).operation
    onnx_importer.NodeImporter.define_function(info.main_graph, module).import_all()
    passes = (
        "func.func(convert-torch-onnx-to-torch),torch-lower-to-backend-contract,"
        "func.func(cse,canonicalize),torch-backend-to-linalg-on-tensors-backend-pipeline"
    )
    passmanager.PassManager.parse(f"builtin.module({passes})", context).run(module)
    return str(module)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("LSTM", {}),
        ("GRU", {"linear_before_reset": 1}),
        ("RNN", {}),
    ],
)
def test_onnx_loop(operator: str, attributes: dict[str, Any]):
    from onnx.reference import ReferenceEvaluator

    model = onnx_model(operator, **attributes)
    compiled = brdialect.compile(onnx_exported(model), threads=2)
    assert ops_in(compiled.ir("raise-recurrences")) == {operator.lower(): 1}
    x = np.random.default_rng(1).standard_normal((T, N, C)).astype(np.float32)
    want: Any = ReferenceEvaluator(model).run(None, {"x": x})
    for g, w in zip(compiled(x), want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-5)
