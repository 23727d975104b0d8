"""What br-bench times in other libraries is the work that this compiler does."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from frontends.resnet50 import ResNet50
from runtime.cli.bench.gradients import (
    by_both,
    by_data,
    by_parameters,
    by_weights,
)
from runtime.cli.bench.own import call_of
from runtime.cli.bench.peers.table import PEERS, function_of, is_installed
from runtime.cli.bench.training import TrainingStep
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    RecurrentStack,
    WholeResNet50,
    Workload,
)

LAYERS = [
    Convolution("plain", 2, 8, 9, 11, 16, 3, 3, 1, 1, 1, 1),
    Convolution("strided", 1, 3, 14, 14, 8, 7, 7, 2, 2, 3, 3),
    Convolution("dilated", 1, 8, 9, 9, 8, 3, 3, dh=2, dw=2),
    Convolution("grouped", 1, 8, 9, 9, 8, 3, 3, g=2),
    FullyConnected(5, 24, 16),
]

WORKLOADS: list[Workload] = [
    *LAYERS,
    Gemm(7, 24, 9),
    DepthwiseBlock(1, 16, 24, 9, 2),
    WholeResNet50(ResNet50(1, size=32, blocks=(1, 1), width=8, classes=10)),
    *(by(layer) for by in (by_data, by_weights, by_both) for layer in LAYERS),
    by_parameters(Mlp(5, 24, 3)),
    TrainingStep(Mlp(5, 24, 3)),
    *(
        TrainingStep(RecurrentStack(Recurrent(cell, 3, 17, 17, 4), 2))
        for cell in ("lstm", "gru")
    ),
    TrainingStep(
        WholeResNet50(ResNet50(2, size=32, blocks=(2, 1), width=8, classes=10))
    ),
]


@pytest.fixture(autouse=True)
def gradients_come_back() -> Iterator[None]:
    """The peer turns PyTorch's gradients off: it has a process of its own, but here."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_grad_enabled(True)


@pytest.mark.compare
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_a_peer_does_the_same_work(peer: str, workload: Workload):
    if not is_installed(peer):
        pytest.skip(f"{peer} is not installed")
    inputs = workload.inputs()
    own = call_of(workload, 1, inputs)
    own()
    try:
        prepared = function_of(peer)(workload, inputs, 1)
    except NotImplementedError as e:
        pytest.skip(str(e))
    prepared.run()
    for got, want in zip(prepared.outputs(), own.output().values(), strict=True):
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
