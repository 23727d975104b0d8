"""Mutants of models that are imported are compiled as well, or refused in one sentence:
no traceback, no crash, no more memory than a few gigabytes, in reasonable time.

`BR_MUTANTS=500 pytest tests/test_onnx_mutants.py` tries more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from command_lines import call
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx_control import COUNTED, NESTED, SCAN, Case

from brdialect.errors import BrError
from frontends.from_onnx import import_model
from frontends.onnx_model import parse_model

MUTANTS = int(os.environ.get("BR_MUTANTS", 8))
"""Of each model, which are imported."""

MEMORY = 4 << 30
"""Bytes of address space of a compile, the libraries' own among them."""

KINDS = (
    *("Add", "Mul", "MatMul", "Gemm", "Conv", "ConvTranspose", "MaxPool", "Pow", "Mod"),
    *("AveragePool", "Softmax", "Transpose", "Concat", "Flatten", "ReduceSum", "Where"),
    *("Relu", "Exp", "Cast", "Shape", "Expand", "Tile", "Gather", "LayerNormalization"),
    *("Neg", "CumSum", "ArgMax", "Not", "Div", "LpPool", "Identity", "LSTM", "GRU"),
)


def convolutions() -> ModelProto:
    """Of the operators of a small network."""
    weights = {
        "w": np.ones((4, 4, 3, 3), np.float32),
        "b": np.ones(4, np.float32),
        "m": np.ones((4, 6), np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Add", ["r", "x"], ["t"]),
        node("AveragePool", ["t"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["p"], ["q"], perm=[0, 2, 3, 1]),
        node("MatMul", ["q", "m"], ["v"]),
        node("Softmax", ["v"], ["y"], axis=-1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 5, 5))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    given = [numpy_helper.from_array(a, n) for n, a in weights.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def recurrent() -> ModelProto:
    """An LSTM and what reads it."""
    shapes = {"w": (1, 12, 5), "r": (1, 12, 3), "b": (1, 24)}
    weights = [
        numpy_helper.from_array(np.full(s, 0.1, np.float32), n)
        for n, s in shapes.items()
    ]
    node = helper.make_node
    nodes = [
        node("LSTM", ["x", "w", "r", "b"], ["h"], hidden_size=3, direction="forward"),
        node("Squeeze", ["h"], ["s"]),
        node("Tanh", ["s"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (7, 2, 5))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


MODELS = {
    "xor": onnx.load(Path(__file__).parent.parent / "examples/xor.onnx"),
    "convolutions": convolutions(),
    "recurrent": recurrent(),
    "counted": Case("", COUNTED, {}, "").model,
    "nested": Case("", NESTED, {}, "").model,
    "scan": Case("", SCAN, {}, "").model,
}


def nodes_in(graph: onnx.GraphProto) -> Iterator[NodeProto]:
    """Those of subgraphs, too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_in(attribute.g)


def mutate(bad: ModelProto, random: np.random.Generator) -> None:
    """Another operator, input, attribute, number or size somewhere."""
    nodes = list(nodes_in(bad.graph))
    victim, other = (nodes[i] for i in random.integers(len(nodes), size=2))
    attributes = [a for a in victim.attribute if not a.HasField("g")]
    match int(random.integers(8)):
        case 0 | 1:
            victim.op_type = str(random.choice(KINDS))
        case 2 if victim.input:
            del victim.input[-1]
        case 3 if victim.input and other.input:
            victim.input[0] = other.input[-1]
        case 4 if attributes:
            chosen = attributes[random.integers(len(attributes))]
            chosen.i = number(random)
            for i in range(len(chosen.ints)):
                chosen.ints[i] = number(random)
        case 5:
            tensors = [a.t for a in attributes if a.HasField("t")]
            known = [*bad.graph.initializer, *tensors]
            for proto in known:
                values = numpy_helper.to_array(proto).copy()
                if values.size and values.dtype.kind in "if" and random.integers(2):
                    values.flat[random.integers(values.size)] = number(random)
                    proto.CopyFrom(numpy_helper.from_array(values, proto.name))
        case 6:
            given = bad.graph.input[random.integers(len(bad.graph.input))]
            dims = given.type.tensor_type.shape.dim
            if dims:
                dims[random.integers(len(dims))].dim_value = abs(number(random))
        case _:
            given = bad.graph.input[random.integers(len(bad.graph.input))]
            given.type.tensor_type.elem_type = int(random.integers(1, 17))


def number(random: np.random.Generator) -> int:
    """One that may be too large, too small, or fit."""
    large = [1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 31)]
    return int(random.choice([-1, 0, 1, 2, 3, 4, 5, 7, 64, 1000, *large]))


def imported(data: bytes) -> bool:
    """Whether it is a model without open sizes that is imported."""
    with suppress(BrError):
        model = parse_model(data, None, "m.onnx")
        if all(None not in given.shape for given in model.inputs):
            import_model(model)
            return True
    return False


def mutants(model: ModelProto, count: int) -> Iterator[bytes]:
    """Those that are imported."""
    random = np.random.default_rng(3)
    seen = {model.SerializeToString(deterministic=True)}
    for _ in range(40 * count):
        bad = ModelProto()
        bad.CopyFrom(model)
        for _ in range(random.integers(1, 3)):
            mutate(bad, random)
        data = bad.SerializeToString(deterministic=True)
        if data not in seen and imported(data):
            seen.add(data)
            yield data
            if len(seen) > count:
                return


@pytest.mark.parametrize("name", MODELS)
def test_mutants_are_compiled_or_refused(name: str, tmp_path: Path):
    (tmp_path / "mutant.onnx").write_bytes(MODELS[name].SerializeToString())
    tried = 0
    for data in mutants(MODELS[name], MUTANTS):
        tried += 1
        (tmp_path / "mutant.onnx").write_bytes(data)
        done = call(
            "br-compile",
            "mutant.onnx",
            *("-o", "mutant.o", "--threads=1"),
            folder=tmp_path,
            memory=MEMORY,
        )
        told = f"{onnx.printer.to_text(onnx.load_from_string(data))}\n{done}"
        assert done.code in (0, 1), told
        for word in ("Traceback", "internal fault", "SIG", "MemoryError"):
            assert word not in done.errors, told
        assert done.code == 0 or "mutant.onnx" in done.errors, told
    assert tried >= MUTANTS // 2
