"""Gradients as workloads: of a layer by its input, by its weights, by both, or of all
that is learnt in a network.

Sizes, names and plain layouts are those of the forward workload. `dy` is the gradient
of its result; `dx`, `dw` .. are the gradients of its inputs `x`, `w` .. .
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.cli.bench.training import training
from runtime.cli.bench.workloads import (
    Convolution,
    Forward,
    FullyConnected,
    Mlp,
    Recurrent,
    Shape,
    Workload,
)

Differentiable = Convolution | FullyConnected | Mlp


@dataclass(frozen=True)
class Gradients(Workload):
    """What `dy` and the inputs of `forward` give for the inputs `wrt`. A layer's
    gradient by one input does not read that input; those of several layers compute
    their forward pass, too."""

    forward: Differentiable
    wrt: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.forward.name

    @property
    def flops(self) -> int:
        """Of a layer as many for each gradient as forward; of layers one after another
        three times as many, less the gradient of their input."""
        if not isinstance(self.forward, Mlp):
            return self.forward.flops * len(self.wrt)
        first = self.forward.flops // self.forward.layers
        return 3 * self.forward.flops - first

    @property
    def spared(self) -> str | None:
        return self.forward.spared

    def shapes(self) -> dict[str, Shape]:
        inputs = self.forward.shapes()
        if not isinstance(self.forward, Mlp) and len(self.wrt) == 1:
            del inputs[self.wrt[0]]
        return {**inputs, "dy": self.forward.result}

    @property
    def weights(self) -> list[str]:
        """Those of a single layer. In a network that learns they change."""
        if isinstance(self.forward, Mlp):
            return []
        return [name for name in self.forward.weights if name in self.shapes()]

    @property
    def results(self) -> dict[str, Shape]:
        inputs = self.forward.shapes()
        return {f"d{name}": inputs[name] for name in self.wrt}


@dataclass(frozen=True)
class RecurrentGradients(Workload):
    """What `dy` and what the forward pass has saved give for the input and all that is
    learnt in a recurrent layer. The forward pass runs before the timed call."""

    forward: Recurrent

    @property
    def name(self) -> str:
        return self.forward.name

    @property
    def flops(self) -> int:
        """Each product of the forward pass has two gradients."""
        return 2 * self.forward.flops

    @property
    def spared(self) -> str | None:
        return self.forward.spared

    def shapes(self) -> dict[str, Shape]:
        return {**self.forward.shapes(), "dy": self.forward.result}

    @property
    def weights(self) -> list[str]:
        return self.forward.weights

    @property
    def results(self) -> dict[str, Shape]:
        return {f"d{name}": s for name, s in self.forward.shapes().items()}

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        random = np.random.default_rng(seed + 1)
        dy = random.standard_normal(self.forward.result, dtype=np.float32)
        return {**self.forward.inputs(seed), "dy": dy}


def by_data(forward: Forward) -> Workload:
    """The gradient of the input; of a recurrent layer all gradients."""
    return _by(forward, "x")


def by_weights(forward: Forward) -> Workload:
    """The gradient of the weights; of a recurrent layer all gradients."""
    return _by(forward, "w")


def by_both(forward: Forward) -> Workload:
    """The gradients of input and weights; of a recurrent layer all gradients."""
    return _by(forward, "x", "w")


def _by(forward: Forward, *wrt: str) -> Workload:
    """The gradients of a layer. One walk back in time gives all of those of a recurrent
    layer, and no library offers a part of them."""
    if isinstance(forward, Recurrent):
        return RecurrentGradients(forward)
    if not isinstance(forward, Convolution | FullyConnected):
        raise BrError(
            f"{forward.name}: expected a convolution, a fully connected or a recurrent "
            "layer for the gradients of a layer; suites of those are resnet50, fc, "
            "lstm and gru"
        )
    return Gradients(forward, wrt)


def by_parameters(forward: Forward) -> Gradients:
    """The gradients of all that is learnt."""
    assert isinstance(forward, Mlp)
    return Gradients(forward, tuple(forward.weights))


PASSES: Mapping[str, tuple[str, Callable[[Forward], Workload]]] = {
    "fwd": ("forward", lambda forward: forward),
    "bwd-data": ("the gradient of a layer by its input", by_data),
    "bwd-weights": ("the gradient of a layer by its weights", by_weights),
    "bwd": ("all gradients of a layer", by_both),
    "train": ("forward, gradients and an update of what is learnt", training),
}
"""What each pass is, and the workload that it makes of a forward one."""


def in_pass(name: str, rows: Sequence[Forward]) -> list[Workload]:
    """The workloads that a pass makes of forward ones."""
    if name not in PASSES:
        raise BrError(f"--pass: expected one of {', '.join(PASSES)}, got '{name}'")
    return [PASSES[name][1](row) for row in rows]
