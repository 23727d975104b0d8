"""ONNX Runtime on its default execution provider, memory bound ahead."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from brdialect.arrays import Array
from runtime.cli.bench.peers.onnx_graph import build
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import Workload


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """A session with all graph optimisations, which are the default."""
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        build(workload, inputs), options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    for name in (i.name for i in session.get_inputs()):
        value = ort.OrtValue.ortvalue_from_numpy(inputs[name])
        binding.bind_ortvalue_input(name, value)
    (result,) = session.get_outputs()
    place = ort.OrtValue.ortvalue_from_shape_and_type(result.shape, "float32")
    binding.bind_ortvalue_output(result.name, place)
    return Prepared(
        lambda: session.run_with_iobinding(binding),
        lambda: [place.numpy().reshape(*workload.results.values())],
    )
