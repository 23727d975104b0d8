"""Times of one call: the summary that --benchmark prints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_SECONDS = 2.0
_CALLS = (10, 10_000)  # at least and at most


@dataclass(frozen=True)
class Timing:
    """Seconds per call, and what they mean in operations per second."""

    calls: int
    min: float
    median: float
    p90: float
    p99: float
    flops: int
    peak: float | None
    """Operations per second that this machine reaches on the same threads, where that
    has been measured."""

    @property
    def gflops(self) -> float:
        """GFLOP/s of the median call."""
        return self.flops / self.median / 1e9

    @property
    def percent_of_peak(self) -> float | None:
        """The median call's share of the peak."""
        return None if self.peak is None else self.gflops * 1e11 / self.peak

    def __str__(self) -> str:
        times = ", ".join(
            f"{name} {getattr(self, name) * 1e3:.4g} ms"
            for name in ("min", "median", "p90", "p99")
        )
        lines = [f"{self.calls} calls: {times}"]
        if self.flops:
            line = (
                f"{self.flops / 1e9:.4g} GFLOP in products: {self.gflops:.1f} GFLOP/s"
            )
            if self.peak is not None:
                line += (
                    f", {self.percent_of_peak:.1f} % of this machine's measured "
                    f"peak of {self.peak / 1e9:.1f}"
                )
            lines.append(line)
        return "\n".join(lines)


def time_calls(call: Callable[[], None], flops: int, peak: float | None) -> Timing:
    """Times `call` for about two seconds, after one call that warms up."""
    call()
    seconds: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(seconds) < _CALLS[1] and (
        len(seconds) < _CALLS[0] or time.perf_counter() < end
    ):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    median, p90, p99 = (float(x) for x in np.percentile(seconds, (50, 90, 99)))
    return Timing(len(seconds), min(seconds), median, p90, p99, flops, peak)
