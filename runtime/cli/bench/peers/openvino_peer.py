"""OpenVINO's CPU plugin, tuned for latency, in full f32 precision."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from brdialect.arrays import Array
from runtime.cli.bench.onnx_file import OnnxFile, joined
from runtime.cli.bench.peers.onnx_graph import build
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import Workload


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """An inference request with its inputs set."""
    openvino: Any = import_module("openvino")
    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        # the process is pinned already, to processors that this option does not know
        "ENABLE_CPU_PINNING": False,
    }
    if isinstance(workload, OnnxFile):
        model = core.read_model(workload.path)
        model.reshape({name: list(x.shape) for name, x in inputs.items()})
    else:
        model = core.read_model(build(workload, inputs), b"")
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    for name in (n for n in inputs if n not in workload.weights):
        request.set_tensor(name, openvino.Tensor(inputs[name]))

    def outputs() -> list[Array]:
        results = [np.array(t.data) for t in request.output_tensors]
        if isinstance(workload, OnnxFile):
            return [joined(results)]
        return [results[0].reshape(*workload.results.values())]

    return Prepared(request.infer, outputs)
