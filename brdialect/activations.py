"""The functions a recurrent cell may use, as its `activations` name them.

    "tanh"    "leaky_relu(0.01)"    "affine(0.2, 0.5)"

Names are ONNX's in snake case; parameters left out have ONNX's defaults.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from brdialect.mistake import BrError

ACTIVATIONS: dict[str, tuple[float, ...]] = {
    "sigmoid": (),  # 1 / (1 + exp(-x))
    "tanh": (),
    "relu": (),  # max(x, 0)
    "affine": (1.0, 0.0),  # alpha * x + beta
    "leaky_relu": (0.01,),  # x if x >= 0 else alpha * x
    "thresholded_relu": (1.0,),  # x if x >= alpha else 0
    "scaled_tanh": (1.0, 1.0),  # alpha * tanh(beta * x)
    "hard_sigmoid": (0.2, 0.5),  # min(max(alpha * x + beta, 0), 1)
    "elu": (1.0,),  # x if x >= 0 else alpha * (exp(x) - 1)
    "softsign": (),  # x / (1 + |x|)
    "softplus": (),  # log(1 + exp(x))
}
"""Name -> the defaults of alpha and beta, as many as it has."""


@dataclass(frozen=True)
class Activation:
    """A function by name with all its parameters."""

    name: str
    parameters: tuple[float, ...]

    @property
    def gives_slope(self) -> bool:
        """Whether its derivative is a product of its result: `y (1 - y)`, `1 - y^2`."""
        return self.name in ("sigmoid", "tanh")

    def __str__(self) -> str:
        if self.parameters == ACTIVATIONS[self.name]:
            return self.name
        return f"{self.name}({', '.join(map(repr, self.parameters))})"


def parse_activation(text: str) -> Activation:
    """`"leaky_relu(0.1)"` -> its name and parameters, the defaults filled in."""
    match = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", text.strip())
    name = text if match is None else match[1]
    if match is None or name not in ACTIVATIONS:
        raise BrError(
            f"expected an activation, one of {', '.join(ACTIVATIONS)}, got '{text}'"
        )
    defaults = ACTIVATIONS[name]
    words = match[2].split(",") if match[2] else []
    if len(words) > len(defaults):
        raise BrError(
            f"expected {name} to have at most {len(defaults)} parameters, "
            f"got {len(words)} in '{text}'"
        )
    try:
        given = tuple(map(float, words))
    except ValueError as e:
        raise BrError(f"expected numbers as parameters, got '{text}'") from e
    if not all(map(math.isfinite, given)):
        raise BrError(f"expected finite parameters, got '{text}'")
    return Activation(name, given + defaults[len(given) :])
