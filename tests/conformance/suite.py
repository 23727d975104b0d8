"""The node cases of the ONNX standard's own suite, and what becomes of each here.

A case is one model, often of one node, with inputs and the right outputs. Its outcome
is empty where all outputs are right by the suite's own tolerance, else what went wrong.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner
from onnx.numpy_helper import to_array
from xdsl.dialects.builtin import ModuleOp

import brdialect
from frontends.from_onnx import from_model
from frontends.onnx_ops.registry import UnknownValueError

Arrays = Sequence[Any]

CORE = frozenset(
    " ".join(
        (
            "Conv ConvTranspose Gemm MatMul LSTM GRU RNN Relu LeakyRelu PRelu Elu",
            "Sigmoid HardSigmoid HardSwish Tanh Softplus Gelu Erf Exp Log Sqrt Neg Abs",
            "Reciprocal Clip Add Sub Mul Div Pow Max Min Sum Mean BatchNormalization",
            "InstanceNormalization LayerNormalization LRN MaxPool AveragePool",
            "GlobalAveragePool GlobalMaxPool Softmax LogSoftmax Flatten Reshape",
            "Transpose Concat Squeeze Unsqueeze Slice Split Pad Identity Expand",
            "Constant ConstantOfShape Dropout ReduceMean ReduceSum ReduceMax Where",
            "Shape Gather",
        )
    ).split()
)
"""What networks of convolutions, recurrences and fully connected layers are made of.
Cases all of whose operators are among these are the core."""


@dataclass(frozen=True)
class Case:
    """One case of the suite."""

    name: str
    model: ModelProto
    data: Sequence[tuple[Arrays, Arrays]]
    rtol: float
    atol: float

    @cached_property
    def operators(self) -> frozenset[str]:
        """The operators of the main graph."""
        return frozenset(n.op_type for n in self.model.graph.node)

    @property
    def is_core(self) -> bool:
        """Whether all operators are in the core list."""
        return self.operators <= CORE

    @property
    def base(self) -> str:
        """The name without what says that the operator stands there by its function."""
        return re.sub(r"_expanded.*$", "", self.name)

    def outcome(self) -> str:
        """Compiles the model and runs it; empty, or what went wrong."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._run()
        except AssertionError as e:
            return "wrong: " + " ".join(str(e).split())[:200]
        except brdialect.BrError as e:
            return f"refused: {e}"
        except Exception as e:
            return f"failed: {type(e).__name__}: {e}"
        return ""

    def _module(self) -> ModuleOp:
        """The model, with those inputs as constants on which sizes depend."""
        values: dict[str, Any] = {}
        graph = self.model.graph
        constant = {t.name for t in graph.initializer}
        names = [i.name for i in graph.input if i.name not in constant]
        given = dict(zip(names, self.data[0][0], strict=True)) if self.data else {}
        while True:
            try:
                return from_model(self.model, values=values)
            except UnknownValueError as e:
                name = e.tensor.name
                wanted = (
                    [name] if name in given else [n for n in given if small(given[n])]
                )
                new = {n: given[n] for n in wanted if n not in values}
                if not new:
                    raise
                values |= new

    def _run(self) -> None:
        module = self._module()
        compiled = brdialect.compile(module, cache=False, threads=1)
        for inputs, outputs in self.data:
            got = compiled(*map(bits, inputs))
            results = got if isinstance(got, tuple) else (got,)
            pairs = zip(results, outputs, strict=True)
            with np.errstate(all="ignore"):
                Runner.assert_similar_outputs(
                    outputs,
                    [r.view(o.dtype) if is_bf16(o) else r for r, o in pairs],
                    rtol=self.rtol,
                    atol=self.atol,
                )


def arrays(data: tuple[Arrays, Arrays]) -> tuple[Arrays, Arrays]:
    """Inputs and outputs, some of which the suite keeps as they stand in a file."""

    def array(value: Any) -> Any:
        return to_array(value) if isinstance(value, TensorProto) else value

    inputs, outputs = data
    return [*map(array, inputs)], [*map(array, outputs)]


def is_bf16(array: Any) -> bool:
    """Whether the elements are of the type that numpy lacks."""
    return getattr(array, "dtype", np.dtype(object)).name == "bfloat16"


def bits(array: Any) -> Any:
    """bf16 is given, and taken, as its bits."""
    return array.view(np.uint16) if is_bf16(array) else array


def small(array: Any) -> bool:
    """Whether it may say sizes: one number, or some integers or truth values."""
    is_whole = np.asarray(array).dtype.kind in "iub"
    return np.ndim(array) == 0 or (is_whole and np.ndim(array) == 1)


def node_cases() -> list[Case]:
    """All of them, in the order of their names. Takes some seconds: the suite computes
    its outputs when it is loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_model_tests(kind="node")
    return sorted(
        (
            Case(t.name, t.model, [*map(arrays, t.data_sets)], t.rtol, t.atol)
            for t in loaded
            if t.model is not None and t.data_sets is not None
        ),
        key=lambda case: case.name,
    )


EXPECTED = Path(__file__).parent / "expected_failures.txt"
"""The cases that fail, a line each: the name, a tab, why."""


def expected_failures() -> set[str]:
    """The names of the cases that fail."""
    return {line.split("\t")[0] for line in EXPECTED.read_text().splitlines()}
