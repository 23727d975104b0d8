"""ONNX Runtime on its default execution provider, memory bound ahead."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from brdialect.arrays import Array
from runtime.cli.bench.onnx_file import OnnxFile, joined
from runtime.cli.bench.peers.onnx_graph import build
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import Workload


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """A session with all graph optimisations, which are the default."""
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    file = isinstance(workload, OnnxFile)
    model = workload.path if file else build(workload, inputs)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {i.name: inputs[i.name] for i in session.get_inputs()}
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
    # some models leave it to a run which sizes their results have
    places = [ort.OrtValue.ortvalue_from_numpy(r) for r in session.run(None, feed)]
    for result, place in zip(session.get_outputs(), places, strict=True):
        binding.bind_ortvalue_output(result.name, place)

    def outputs() -> list[Array]:
        results = [place.numpy() for place in places]
        if isinstance(workload, OnnxFile):
            return [joined(results)]
        return [results[0].reshape(*workload.results.values())]

    return Prepared(lambda: session.run_with_iobinding(binding), outputs)
