"""The workloads as ONNX graphs, for the libraries that take those."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from importlib import import_module
from typing import Any

import numpy as np

from brdialect.arrays import Array
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    Forward,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    WholeResNet50,
    Workload,
)

_OPSET, _IR_VERSION = 17, 9
_EPSILON = 1e-5


class Graph:
    """Nodes and initializers; a value is its name."""

    def __init__(self, workload: Workload, inputs: Mapping[str, Array]):
        self._onnx: Any = import_module("onnx")
        self._inputs = inputs
        self._free = [name for name in inputs if name not in workload.weights]
        self._nodes: list[Any] = []
        (self.result,) = workload.results.values()
        """The shape of what the graph computes: the same elements in the same order."""

        self._constants = {n: a for n, a in inputs.items() if n not in self._free}

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The result of a new node."""
        name = f"value{len(self._nodes)}"
        make = self._onnx.helper.make_node
        self._nodes.append(make(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, name: str, array: Array) -> str:
        """A tensor known when the model is loaded."""
        self._constants[name] = array
        return name

    def beside(self, *names: str) -> str:
        """One constant in place of those of these names: beside each other."""
        arrays = [self._constants.pop(name) for name in names]
        return self.constant("_".join(names), np.concatenate(arrays, axis=-1))

    def model(self, result: str) -> bytes:
        """The serialised model whose output is `result`."""
        helper, to_tensor = self._onnx.helper, self._onnx.numpy_helper.from_array
        f32 = self._onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "workload",
            [
                helper.make_tensor_value_info(n, f32, self._inputs[n].shape)
                for n in self._free
            ],
            [helper.make_tensor_value_info(result, f32, self.result)],
            [to_tensor(array, name) for name, array in self._constants.items()],
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset])
        model.ir_version = _IR_VERSION
        return model.SerializeToString()


def build(workload: Workload, inputs: Mapping[str, Array]) -> bytes:
    """A model whose inputs are those that change from call to call."""
    if not isinstance(workload, Forward):
        raise NotImplementedError("an ONNX model has no gradients")
    graph = Graph(workload, inputs)
    return graph.model(add(workload, graph))


@singledispatch
def add(workload: Workload, graph: Graph) -> str:
    """Adds the workload's nodes; returns the result."""
    raise NotImplementedError(type(workload).__name__)


@add.register
def _(workload: Convolution, graph: Graph) -> str:
    return graph.node(
        "Conv",
        "x",
        "w",
        strides=[workload.sh, workload.sw],
        pads=[workload.ph, workload.pw] * 2,
        dilations=[workload.dh, workload.dw],
        group=workload.g,
    )


@add.register
def _(workload: FullyConnected, graph: Graph) -> str:
    return graph.node("Gemm", "x", "w", transB=1)


@add.register
def _(workload: Gemm, graph: Graph) -> str:
    return graph.node("MatMul", "a", "b")


@add.register
def _(workload: Mlp, graph: Graph) -> str:
    x = "x"
    for i in range(workload.layers):
        x = graph.node("Relu", graph.node("Gemm", x, f"w{i}", f"b{i}", transB=1))
    return x


@add.register
def _(workload: Recurrent, graph: Graph) -> str:
    graph.result = (workload.t, 1, workload.n, workload.k)
    options = {"linear_before_reset": 1} if workload.cell == "gru" else {}
    bias = graph.beside("b", "rb")
    return graph.node(
        workload.cell.upper(), "x", "w", "r", bias, hidden_size=workload.k, **options
    )


@add.register
def _(workload: DepthwiseBlock, graph: Graph) -> str:
    low = graph.constant("low", np.array(0.0, np.float32))
    high = graph.constant("high", np.array(6.0, np.float32))
    stride = [workload.stride] * 2
    y = graph.node(
        "Conv", "x", "w0", "b0", strides=stride, pads=[1] * 4, group=workload.c
    )
    y = graph.node("Conv", graph.node("Clip", y, low, high), "w1", "b1")
    return graph.node("Clip", y, low, high)


@add.register
def _(workload: WholeResNet50, graph: Graph) -> str:
    network = workload.network

    def unit(x: str, unit: Any) -> str:
        pad = unit.weight[2] // 2
        y = graph.node(
            "Conv",
            x,
            f"{unit.convolution}.weight",
            strides=[unit.stride] * 2,
            pads=[pad] * 4,
        )
        names = ("weight", "bias", "running_mean", "running_var")
        statistics = (f"{unit.norm}.{name}" for name in names)
        return graph.node("BatchNormalization", y, *statistics, epsilon=_EPSILON)

    x = graph.node("Relu", unit("x", network.stem))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for block in network.bottlenecks():
        first, second, third = block.path
        y = graph.node("Relu", unit(x, first))
        y = unit(graph.node("Relu", unit(y, second)), third)
        x = unit(x, block.shortcut) if block.shortcut is not None else x
        x = graph.node("Relu", graph.node("Add", y, x))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    return graph.node("Gemm", x, "fc.weight", "fc.bias", transB=1)
