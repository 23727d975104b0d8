"""How far a result is from what it should be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from brdialect.arrays import Array
from runtime.arguments import describe


@dataclass(frozen=True)
class Comparison:
    """The largest error of one result, and whether it is within tolerance.

    The relative error is the largest absolute one over the largest finite magnitude of
    the expected result: an element near zero next to large ones is not held to a
    precision that the sums behind it never had.
    """

    absolute: float
    relative: float
    ok: bool
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        return (
            f"largest error {self.absolute:.3g}, relative to the largest magnitude "
            f"{self.relative:.3g}"
        )


def _differs(problem: str) -> Comparison:
    return Comparison(math.inf, math.inf, False, problem)


def compare(got: Array, want: Array, rtol: float, atol: float) -> Comparison:
    """Whether |got - want| <= atol + rtol * max |want| everywhere.

    NaN must stand where NaN is expected, infinities too; integers must be equal.
    """
    if got.shape != want.shape:
        return _differs(f"expected {describe(want)}, got {describe(got)}")
    exact = got.dtype.kind != "f"
    # float128 would do no better: the reference itself computes in float64
    got64, want64 = np.asarray(got, np.float64), np.asarray(want, np.float64)
    for name, test in (("NaN", np.isnan), ("infinity", np.isinf)):
        wrong = test(got64) != test(want64)
        if wrong.any():
            return _differs(f"{name} in only one of the two at {_first(wrong)}")
    finite = np.isfinite(want64)
    wrong = ~finite & ~np.isnan(want64) & (got64 != want64)
    if wrong.any():
        return _differs(f"infinities of different sign at {_first(wrong)}")
    errors = np.abs(got64[finite] - want64[finite])
    absolute = float(errors.max(initial=0.0))
    magnitude = float(np.abs(want64[finite]).max(initial=0.0))
    relative = (
        absolute / magnitude if magnitude else (0.0 if not absolute else math.inf)
    )
    ok = absolute <= (0.0 if exact else atol + rtol * magnitude)
    return Comparison(absolute, relative, ok)


def _first(wrong: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    return str([int(i) for i in np.argwhere(wrong)[0]])
