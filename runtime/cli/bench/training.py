"""A training step as a workload: forward, loss, gradients, SGD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError
from brdialect.optimizers import SGD
from runtime.cli.bench.workloads import (
    Forward,
    Mlp,
    RecurrentStack,
    Shape,
    WholeResNet50,
    Workload,
)

MOMENTUM = "momentum "
"""Before the name of a parameter: the name of its momentum."""

OPTIMIZER = SGD(rate=0.01, momentum=0.9)


Network = Mlp | RecurrentStack | WholeResNet50


@dataclass(frozen=True)
class TrainingStep(Workload):
    """One step of a network from the beginning: the momentum is 0. A call leaves its
    inputs as they are; what it learns is its result."""

    forward: Network

    @property
    def name(self) -> str:
        return self.forward.name

    @property
    def flops(self) -> int:
        """Three times as many as forward: there is a gradient for each operand of a
        product. (That the gradient of the input is left out is not counted.)"""
        return 3 * self.forward.flops

    @property
    def loss(self) -> str:
        """That of hidden states is their distance from what is wanted of them."""
        stack = isinstance(self.forward, RecurrentStack)
        return "mean-squared-error" if stack else "cross-entropy"

    def parameters(self) -> dict[str, Shape]:
        """What is learnt, in order."""
        if isinstance(self.forward, WholeResNet50):
            return self.forward.network.learnt_shapes()
        return {n: s for n, s in self.forward.shapes().items() if n != "x"}

    @property
    def spared(self) -> str | None:
        return self.forward.spared

    def shapes(self) -> dict[str, Shape]:
        parameters = self.parameters()
        dimensions = 1 if self.loss == "cross-entropy" else None
        return {
            "x": self.forward.shapes()["x"],
            **parameters,
            "wanted": self.forward.result[:dimensions],
            **{f"{MOMENTUM}{name}": shape for name, shape in parameters.items()},
            "rate": (),
        }

    @property
    def weights(self) -> list[str]:
        return []

    @property
    def results(self) -> dict[str, Shape]:
        parameters = self.parameters()
        moments = {f"{MOMENTUM}{name}": shape for name, shape in parameters.items()}
        return {"loss": (), **parameters, **moments}

    @property
    def sensitive(self) -> list[str]:
        """The gradients: where one of millions of inputs of ReLU is 0 but for rounding,
        it passes a gradient or does not."""
        return [name for name in self.results if name.startswith(MOMENTUM)]

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        drawn = self.forward.inputs(seed)
        random = np.random.default_rng(seed)
        if self.loss == "cross-entropy":
            rows, classes = self.forward.result
            wanted = random.integers(0, classes, rows)
        else:
            wanted = random.uniform(-1, 1, self.forward.result).astype(np.float32)
        parameters = self.parameters()
        return {
            "x": drawn["x"],
            **{name: drawn[name] for name in parameters},
            "wanted": wanted,
            **{
                f"{MOMENTUM}{name}": np.zeros(shape, np.float32)
                for name, shape in parameters.items()
            },
            "rate": np.array(OPTIMIZER.rate, np.float32),
        }


def training(forward: Forward) -> TrainingStep:
    """A step of a network."""
    if not isinstance(forward, Network):
        raise BrError(
            f"{forward.name}: expected a network for --pass=train; suites of those are "
            "model, mlp, lstm and gru"
        )
    return TrainingStep(forward)
