"""What other implementations of ONNX make of a model: `br-run --verify=`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError

Feed = Mapping[str, Array]


def check_can_run(name: str, file: Path) -> None:
    """Raises where the implementation is not installed, or reads no such file."""
    if file.suffix != ".onnx":
        raise BrError(
            f"--verify={name}: expected an .onnx model, got {file}; --verify compares "
            "any program with the numpy reference"
        )
    if find_spec(name) is None:
        raise BrError(
            f"--verify={name}: expected the package {name}, got none; pip install "
            f"{name}"
        )


def run_model(name: str, file: Path, inputs: Sequence[Array]) -> list[Array]:
    """All results of the implementation called `name`, for inputs in their order."""
    from frontends.onnx_model import read_model

    given = read_model(file).inputs
    # numpy has no bf16: such arrays are passed as their bits
    feed = {i.name: x.view(i.dtype) for i, x in zip(given, inputs, strict=True)}
    try:
        found = [np.asarray(result) for result in _RUN[name](file, feed)]
    except Exception as e:  # each has kinds of its own
        reason = " ".join(str(e).split())[:300]
        raise BrError(f"{file}: {name} does not run it: {reason}") from e
    if any(result.dtype.name == "bfloat16" for result in found):
        raise BrError(
            f"--verify={name}: expected results of types that numpy has, got bf16"
        )
    return found


def _onnxruntime(file: Path, feed: Feed) -> Sequence[Any]:
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def _onnx(file: Path, feed: Feed) -> Sequence[Any]:
    evaluator: Any = import_module("onnx.reference").ReferenceEvaluator(str(file))
    return evaluator.run(None, feed)


_RUN: dict[str, Callable[[Path, Feed], Sequence[Any]]] = {
    "onnxruntime": _onnxruntime,
    "onnx": _onnx,
}
