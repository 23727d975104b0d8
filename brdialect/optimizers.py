"""Optimisers by PyTorch's formulas: their settings, and the numbers of each step.

What they compute is in passes/training/updates.py; this file needs no xDSL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

from brdialect.mistake import BrError


def _check(name: str, value: float, expected: str, fits: bool) -> None:
    if not (math.isfinite(value) and fits):
        raise BrError(f"{name}: expected {expected}, got {value}")


def _check_numbers(settings: SGD | Adam) -> None:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not isinstance(value, int | float):
            raise BrError(f"{field.name}: expected a number, got {value!r}")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, as torch.optim.SGD without dampening.

    g = gradient + weight_decay * p
    m = momentum * m + g
    p = p - rate * (g + momentum * m if nesterov else m)
    """

    rate: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    name: ClassVar[str] = "sgd"
    number_names: ClassVar[tuple[str, ...]] = ("rate",)

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check("rate", self.rate, "a rate above 0", self.rate > 0)
        within = 0 <= self.momentum < 1
        _check("momentum", self.momentum, "a number from 0 to below 1", within)
        decay = self.weight_decay
        _check("weight_decay", decay, "a number of at least 0", decay >= 0)
        if self.nesterov and not self.momentum:
            raise BrError("nesterov: expected a momentum above 0 with it, got 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """What is kept of each parameter from step to step, zero at first."""
        return ("momentum",) if self.momentum else ()

    def numbers(self, step: int) -> tuple[float, ...]:
        """What is computed in float64 for a step, counted from 1: the rate."""
        return (self.rate,)


@dataclass(frozen=True)
class Adam:
    """As torch.optim.Adam; t is the step, counted from 1.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    p = p - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    name: ClassVar[str] = "adam"
    number_names: ClassVar[tuple[str, ...]] = ("rate", "root")

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check("rate", self.rate, "a rate above 0", self.rate > 0)
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            _check(name, beta, "a number from 0 to below 1", 0 <= beta < 1)
        _check("epsilon", self.epsilon, "a number above 0", self.epsilon > 0)
        decay = self.weight_decay
        _check("weight_decay", decay, "a number of at least 0", decay >= 0)

    @property
    def moments(self) -> tuple[str, ...]:
        """What is kept of each parameter from step to step, zero at first."""
        return ("first", "second")

    def numbers(self, step: int) -> tuple[float, ...]:
        """What is computed in float64 for a step, counted from 1: rate / (1 - beta1^t)
        and sqrt(1 - beta2^t)."""
        return (
            self.rate / (1 - self.beta1**step),
            math.sqrt(1 - self.beta2**step),
        )


Optimizer = SGD | Adam

OPTIMIZERS: dict[str, type[Optimizer]] = {cls.name: cls for cls in (SGD, Adam)}


def optimizer_named(name: str, **settings: float) -> Optimizer:
    """The optimiser of that name; settings that are left out have their defaults."""
    if name not in OPTIMIZERS:
        raise BrError(
            f"expected an optimizer out of {', '.join(OPTIMIZERS)}, got '{name}'"
        )
    cls = OPTIMIZERS[name]
    known = [f.name for f in fields(cls)]
    for setting in settings:
        if setting not in known:
            raise BrError(
                f"expected settings of {name} out of {', '.join(known)}, got "
                f"'{setting}'"
            )
    return cls(**settings)  # pyright: ignore[reportArgumentType]
