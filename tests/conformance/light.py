"""The suite's nine whole networks, whose weights are one number a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper
from onnx.backend.test.runner import Runner
from suite import Case

FOLDER = Path(onnx.__file__).parent / "backend/test/data/light"


def light_models() -> list[Path]:
    """Their files, in the onnx package."""
    return sorted(FOLDER.glob("*.onnx"))


def light_case(path: Path) -> Case:
    """A network with the input and the output that the suite has for it."""
    model = onnx.load(path)
    given = {t.name for t in model.graph.initializer}
    inputs = [
        Runner.generate_dummy_data(v) for v in model.graph.input if v.name not in given
    ]
    output = onnx.load_tensor(str(path).replace(".onnx", "_output_0.pb"))
    data = [(inputs, [numpy_helper.to_array(output)])]
    return Case(path.stem, model, data, rtol=1e-3, atol=1e-7)


def with_random_weights(model: ModelProto, seed: int = 0) -> ModelProto:
    """The network with weights that tell channels apart, small enough that values stay
    near 1: with one number throughout, code that mixes channels looks right."""
    random = np.random.default_rng(seed)
    made = ModelProto()
    made.CopyFrom(model)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    del made.graph.node[:]
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            shape = [int(n) for n in shapes[node.input[0]]]
            value = numpy_helper.from_array(_weights(shape, random))
            node = helper.make_node("Constant", [], list(node.output), value=value)
        made.graph.node.append(node)
    return made


def _weights(shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
    if len(shape) < 2:  # biases, and the statistics of batch-norms
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    inputs = max(int(np.prod(shape[1:])), 1)
    return (random.standard_normal(shape) / inputs**0.5).astype(np.float32)
