"""What a library hands over to be timed."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from dataclasses import dataclass

from brdialect.arrays import Array


@dataclass(frozen=True)
class Prepared:
    """`run` does the work once; `outputs` are the plain-layout results of the latest,
    in the order of `Workload.results`."""

    run: Callable[[], object]
    outputs: Callable[[], list[Array]]


def best_seconds(run: Callable[[], object]) -> float:
    """Of a few calls, after one that warms up."""
    return min(timeit.repeat(run, number=1, repeat=6)[1:])
