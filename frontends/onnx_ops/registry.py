"""The table of ONNX operators: one small function for each.

    @operator("LeakyRelu")
    def leaky_relu(b: Builder, x: Tensor, *, alpha: float) -> Tensor:
        return b.map(lambda x: (x >= 0).choose(x, x * alpha), x)

* Positional parameters are the operator's inputs, None where one is left out; keyword
  parameters its attributes, by their names in the standard (`min_` is `min`), with the
  standard's defaults. An attribute that a function does not name is not supported.
* What was an attribute in one opset and is an input in another is a parameter: the
  attribute comes as a known tensor.
* `version` is the opset in which the operator's definition last changed, `outputs` how
  many results the node names.
* A subgraph comes as a function of tensors.
* f16 and bf16 come as f32, and results go back; where `moves=True`, which is for
  operators that only move elements, they come as they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from brdialect.errors import BrError
from frontends.array_builder import Tensor

LARGEST = 1 << 40
"""Elements: no array of more is made, whatever a model says."""

Subgraph = Callable[..., list[Tensor]]
Result = Tensor | tuple[Tensor, ...] | list[Tensor]
Function = TypeVar("Function", bound=Callable[..., Result])


@dataclass(frozen=True)
class Operator:
    """How one operator is made."""

    function: Callable[..., Result]
    since: int
    moves: bool

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        return [*inspect.signature(self.function).parameters.values()][1:]

    @cached_property
    def inputs(self) -> list[str]:
        """The names of its positional parameters."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [p.name.rstrip("_") for p in self._parameters if p.kind is kind]

    @cached_property
    def variadic(self) -> bool:
        """Whether it takes any number of inputs."""
        kind = inspect.Parameter.VAR_POSITIONAL
        return any(p.kind is kind for p in self._parameters)

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The attributes that it knows, and what the function calls them."""
        kind = inspect.Parameter.KEYWORD_ONLY
        names = [p.name for p in self._parameters if p.kind is kind]
        return {name.rstrip("_"): name for name in names}


TABLE: dict[tuple[str, str], Operator] = {}
"""(domain, name) -> the operator; the standard's domain is ""."""


def operator(
    *names: str, since: int = 1, domain: str = "", moves: bool = False
) -> Callable[[Function], Function]:
    """Registers a function for an operator, as its definition is since some opset."""

    def register(function: Function) -> Function:
        for name in names:
            TABLE[domain, name] = Operator(function, since, moves)
        return function

    return register


class UnknownValueError(BrError):
    """An operator needs the elements of a tensor that is computed."""

    def __init__(self, message: str, tensor: Tensor):
        super().__init__(message)
        self.tensor = tensor


def numbers(x: Tensor, what: str) -> np.ndarray[Any, np.dtype[Any]]:
    """The array of an input that has to be known at compile time."""
    if not x.known:
        raise UnknownValueError(
            f"expected '{what}' to be known when the model is compiled, got a computed "
            "value; make it a constant, or export the model with fixed sizes",
            x,
        )
    return x.array


def integers(x: Tensor, what: str) -> list[int]:
    """Those of an input that has to be known at compile time."""
    return [int(n) for n in numbers(x, what).ravel()]


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise BrError(f"expected an axis of {rank} dimensions, got {axis}")
    return axis % rank


def axes_of(axes: list[int], rank: int) -> list[int]:
    """Several axes counted from the front, each once."""
    found = sorted(axis_of(axis, rank) for axis in axes)
    if len({*found}) != len(found):
        raise BrError(f"expected different axes, got {axes}")
    return found


def expect(holds: bool, message: str) -> None:
    """Refuses a node with a message where something does not hold."""
    if not holds:
        raise BrError(message)
