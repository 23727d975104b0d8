"""The gradients of recurrent layers to test: their program, and central differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recurrent import Layer
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from brdialect.reference import find_entry, run
from brdialect.source import parse_module
from passes.gradients.differentiate import BACKWARD, DifferentiatePass

Array = NDArray[Any]


def backward_program(layer: Layer) -> ModuleOp:
    """A module whose only function takes a layer's operands, then the gradients of its
    results, and gives the gradients of all operands of floats. It computes the layer
    again, so it shows what is saved, too."""
    module = parse_module(layer.program())
    DifferentiatePass("main", save=False).apply(Context(), module)
    module.verify()
    find_entry(module, "main").detach()
    return module


def differentiated(layer: Layer) -> list[int]:
    """The numbers of the operands that have gradients."""
    return [i for i, name in enumerate(layer.operands) if name != "lengths"]


def given_gradients(layer: Layer) -> list[Array]:
    """Random gradients of a layer's results."""
    random = np.random.default_rng(5)
    dtype = np.float32 if layer.element == "f32" else np.float64
    shapes = [layer.shape(name) for name in layer.results]
    return [random.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


def reference_gradients(layer: Layer) -> list[Array]:
    """By the reference, in float64."""
    arguments = [*layer.arguments(), *given_gradients(layer)]
    return list(run(backward_program(layer), "main" + BACKWARD, arguments))


def slope_along(
    layer: Layer, arguments: Sequence[Array], operand: int, direction: Array
) -> float:
    """The derivative of `sum of results * their gradients` as one operand moves: a
    central difference of the forward reference, in float64."""
    module, given = parse_module(layer.program()), given_gradients(layer)
    step = 1e-6
    ends: list[float] = []
    for sign in (1, -1):
        moved = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arguments]
        moved[operand] = moved[operand] + sign * step * direction
        results = run(module, "main", moved)
        ends.append(
            sum(float((y * g).sum()) for y, g in zip(results, given, strict=True))
        )
    return (ends[0] - ends[1]) / (2 * step)
