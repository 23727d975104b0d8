"""Times of one call: the summary that --benchmark prints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FULL_RATE = 0.95
"""The share of the best peak of a run at which the machine counts as undisturbed."""

_SECONDS = 2.0
_EVERY = 0.1  # seconds between two looks at the machine
_LOOKS = 10  # ahead of all calls
_QUIET = 0.9  # of the looks at full rate, or a person is told
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

    looks: int = 0
    """How often that was measured in between the calls,"""

    slow: int = 0
    """and how often another program, or the clock, kept the machine from it."""

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
        if self.slow > (1 - _QUIET) * self.looks:
            lines.append(
                f"the machine was disturbed: below {100 * FULL_RATE:.0f} % of its peak "
                f"at {self.slow} of {self.looks} looks; the least time says most"
            )
        return "\n".join(lines)


def time_calls(
    call: Callable[[], None], flops: int, rate: Callable[[], float] | None
) -> Timing:
    """Times `call` for about two seconds, after one call that warms up. `rate` measures
    what the machine reaches just now, in operations per second."""
    best = max(rate() for _ in range(_LOOKS)) if rate else None
    rates: list[float] = []
    call()
    seconds: list[float] = []
    looked = time.perf_counter()
    end = looked + _SECONDS
    while len(seconds) < _CALLS[1] and (
        len(seconds) < _CALLS[0] or time.perf_counter() < end
    ):
        start = time.perf_counter()
        if rate and start > looked + _EVERY:
            rates.append(rate())
            call()  # what the look has thrown out of the caches is there again
            looked = start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    median, p90, p99 = (float(x) for x in np.percentile(seconds, (50, 90, 99)))
    peak = max([best, *rates]) if best is not None else None
    slow = sum(now < FULL_RATE * peak for now in rates) if peak is not None else 0
    return Timing(
        len(seconds), min(seconds), median, p90, p99, flops, peak, len(rates), slow
    )
