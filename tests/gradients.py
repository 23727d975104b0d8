"""Gradients of small programs against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from brdialect.source import parse_module
from passes.gradients.differentiate import BACKWARD, FORWARD, DifferentiatePass
from runtime.compiler import compile

Array = NDArray[Any]


def functions(
    source: str | ModuleOp, wrt: Sequence[int] | None = None, save: bool = True
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The program's only function, and what takes its arguments and the gradients of
    its results to the gradients of the arguments in `wrt`."""
    module = parse_module(source) if isinstance(source, str) else source
    (entry,) = [op.sym_name.data for op in module.ops]  # pyright: ignore
    DifferentiatePass(entry, None if wrt is None else tuple(wrt), save).apply(
        Context(), module
    )
    module.verify()
    names = {op.sym_name.data for op in module.ops}  # pyright: ignore
    texts = str(module)
    f = compile(texts, entry=entry, threads=1)
    backward = compile(texts, entry=entry + BACKWARD, threads=1)
    forward = None
    if entry + FORWARD in names:
        forward = compile(texts, entry=entry + FORWARD, threads=1)

    def gradients(arguments: Sequence[Array], given: Sequence[Array]) -> list[Array]:
        saved: list[Array] = []
        if forward is not None:
            saved = list(forward(*arguments)[len(given) :])
        found = backward(*arguments, *saved, *given)
        return list(found) if isinstance(found, tuple) else [found]

    return f, gradients


def check(
    source: str | ModuleOp,
    arguments: Sequence[Array],
    wrt: Sequence[int] | None = None,
    *,
    save: bool = True,
    tolerance: float = 1e-6,
) -> list[Array]:
    """Compares the gradients along random directions with central differences of the
    compiled function; returns them. The program computes in f64."""
    f, gradients = functions(source, wrt, save)

    def results(values: Sequence[Array]) -> list[Array]:
        found = f(*values)
        return list(found) if isinstance(found, tuple) else [found]

    random = np.random.default_rng(7)
    given = [
        random.standard_normal(y.shape)
        for y in results(arguments)
        if y.dtype == np.float64
    ]
    found = gradients(arguments, given)
    indices = [i for i, x in enumerate(arguments) if x.dtype == np.float64]
    indices = list(indices if wrt is None else wrt)
    assert len(found) == len(indices)
    for i, gradient in zip(indices, found, strict=True):
        x = arguments[i]
        assert gradient.shape == x.shape
        for _ in range(3):
            direction = random.standard_normal(x.shape)
            step = 1e-5
            ends: list[float] = []
            for sign in (1, -1):
                values = list(arguments)
                values[i] = x + sign * step * direction
                ends.append(
                    sum(
                        float(np.sum(y * g))
                        for y, g in zip(
                            (y for y in results(values) if y.dtype == np.float64),
                            given,
                            strict=True,
                        )
                    )
                )
            want = (ends[0] - ends[1]) / (2 * step)
            got = float(np.sum(direction * gradient))
            scale = max(1.0, float(np.linalg.norm(gradient)))
            assert abs(got - want) <= tolerance * scale, (i, got, want)
    return found
