"""Which of two calls is the faster, on a machine that others may use as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

HOPELESS = 1.3
"""A challenger that takes so much longer in its first calls is not raced."""

BEHIND = 1.05
"""One that is so much behind after a few rounds is out."""

STEADY = 0.93
"""A round counts if the machine reached this part of its best rate beside it, and the
champion ran so evenly."""

ROUNDS = 7
"""That count, in a whole race."""

LEAST = 3
"""Steady rounds without which there is no result."""

UNSTEADY = 12
"""Rounds at most beside those that count."""

ROUND_SECONDS = 2e-3
"""Of one call in a round, repeated as often as that takes."""


class Meter(Protocol):
    """What knows how fast the machine is just now."""

    def sample(self) -> float:
        """A rate; the best one is the machine's own."""
        ...


class Unwatched:
    """A machine that nobody else is on, such as a GPU: rounds in which the champion
    runs evenly count."""

    def sample(self) -> float:
        """Always the same."""
        return 1.0


def seconds(call: Callable[[int], None], times: int = 1) -> float:
    """Seconds of one call, the mean of `times` in a row."""
    start = time.perf_counter()
    call(times)
    return (time.perf_counter() - start) / times


@dataclass
class Runner:
    """What makes a number of calls, and the least time that one has taken."""

    call: Callable[[int], None]
    best: float = float("inf")

    def run(self, times: int) -> float:
        """Seconds of one call now."""
        taken = seconds(self.call, times)
        self.best = min(self.best, taken)
        return taken


@dataclass(frozen=True)
class Outcome:
    """Of a race: the median seconds of its steady rounds; infinite after too few."""

    champion: float = float("inf")
    challenger: float = float("inf")
    ratio: float = float("inf")
    """The challenger's time as a multiple of the champion's: the median of rounds, or
    that of the best rounds, whichever is worse. Others on the machine only ever take
    time away, so a winner wins by both."""


class Track:
    """Races calls, each round beside a measurement of the machine's peak rate: what
    happens while others take the machine's time is no result."""

    def __init__(self, meter: Meter):
        self._meter = meter
        self._top = max(meter.sample() for _ in range(3))
        self._latest = self._top

    def warm_up(self, runner: Runner) -> None:
        """Calls it until the least time is known roughly."""
        runner.run(1)
        for _ in range(2):
            runner.run(self._times(runner))

    def race(
        self, champion: Runner, challenger: Runner, rounds: int = ROUNDS
    ) -> Outcome:
        """Both in turns, until so many rounds were steady. Hopeless challengers are
        stopped early."""
        challenger.run(1)  # cold
        for _ in range(2):
            if challenger.run(1) < HOPELESS * champion.best:
                break
        else:
            return Outcome(ratio=challenger.best / champion.best)
        times = self._times(champion)
        steady: list[tuple[float, float]] = []
        for _ in range(rounds + UNSTEADY):
            taken = self._round(champion, challenger, times)
            if taken is not None:
                steady.append(taken)
            if len(steady) >= rounds:
                break
            if len(steady) >= LEAST and outcome_of(steady).ratio > BEHIND:
                break
        return outcome_of(steady)

    def _round(
        self, champion: Runner, challenger: Runner, times: int
    ) -> tuple[float, float] | None:
        """Seconds of both, the champion's before and after the challenger's; None if
        the machine was not steady."""
        before = self._latest
        first = champion.run(times)
        taken = challenger.run(times)
        second = champion.run(times)
        self._latest = self._meter.sample()
        self._top = max(self._top, self._latest)
        if min(before, self._latest) < STEADY * self._top:
            return None
        if min(first, second) < STEADY * max(first, second):
            return None
        return (first + second) / 2, taken

    def _times(self, runner: Runner) -> int:
        return max(1, min(1000, round(ROUND_SECONDS / runner.best)))


def outcome_of(rounds: Sequence[tuple[float, float]]) -> Outcome:
    """The outcome of steady rounds: (champion, challenger) each."""
    if len(rounds) < LEAST:
        return Outcome()
    champion, challenger = zip(*rounds, strict=True)
    typical = median(y / x for x, y in rounds)
    best = min(challenger) / min(champion)
    return Outcome(median(champion), median(challenger), max(typical, best))
