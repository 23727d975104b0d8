"""Which of two calls is the faster, on a machine that others may use as well."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from runtime.peak import PeakMeter

HOPELESS = 1.3
"""A challenger that takes so much longer in its first calls is not raced."""

BEHIND = 1.05
"""One that is so much behind after a few rounds is out."""

STEADY = 0.93
"""A round counts if the machine reached this part of its best beside it."""

ROUNDS = 7
"""That count, in a whole race."""

TRIALS = 20
"""Rounds at most, steady or not."""

ROUND_SECONDS = 2e-3
"""Of each of the two calls, repeated as often as that takes."""


def seconds(call: Callable[[], None], times: int = 1) -> float:
    """Seconds of one call, the mean of `times` in a row."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


@dataclass
class Runner:
    """A call and the least time that it has taken."""

    call: Callable[[], None]
    best: float = float("inf")

    def run(self, times: int) -> float:
        """Seconds of one call now."""
        taken = seconds(self.call, times)
        self.best = min(self.best, taken)
        return taken


class Track:
    """Races calls, each round beside a measurement of the machine's peak rate: what
    happens while others take the machine's time is no result."""

    def __init__(self, meter: PeakMeter):
        self._meter = meter
        self._top = max(meter.sample() for _ in range(3))
        self._latest = self._top

    def warm_up(self, runner: Runner) -> None:
        """Calls it until the least time is known roughly."""
        runner.run(1)
        for _ in range(2):
            runner.run(self._times(runner))

    def race(self, champion: Runner, challenger: Runner, rounds: int = ROUNDS) -> float:
        """The challenger's time as a multiple of the champion's, the median of steady
        rounds; infinite where none was steady. Hopeless ones are stopped early."""
        challenger.run(1)  # cold
        for _ in range(2):
            if challenger.run(1) < HOPELESS * champion.best:
                break
        else:
            return challenger.best / champion.best
        times = self._times(champion)
        ratios: list[float] = []
        for trial in range(TRIALS):
            ratio = self._round(champion, challenger, times, trial % 2 == 0)
            if ratio is not None:
                ratios.append(ratio)
            if len(ratios) >= rounds:
                break
            if len(ratios) >= 3 and median(ratios) > BEHIND:
                break
        return median(ratios) if len(ratios) >= 3 else float("inf")

    def _round(
        self, champion: Runner, challenger: Runner, times: int, first: bool
    ) -> float | None:
        """One comparison; None if the machine was not steady."""
        before = self._latest
        order = (champion, challenger) if first else (challenger, champion)
        taken = {id(runner): runner.run(times) for runner in order}
        self._latest = self._meter.sample()
        self._top = max(self._top, self._latest)
        if min(before, self._latest) < STEADY * self._top:
            return None
        return taken[id(challenger)] / taken[id(champion)]

    def _times(self, runner: Runner) -> int:
        return max(1, min(1000, round(ROUND_SECONDS / runner.best)))
