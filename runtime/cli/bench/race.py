"""Samples of several contestants in turns, A B C A B C, on a machine that others may
use as well.

Before and after each sample the peak is sampled: a sample counts as clean if the
machine ran at its full rate at both ends. On a shared machine processors are taken
away for seconds without a word, and then everything looks slow; so a sample waits a
little for the full rate.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from brdialect.arrays import Array
from runtime.cli.bench.peers.table import OWN
from runtime.cli.bench.worker import Refusal
from runtime.cli.bench.workloads import Workload
from runtime.cli.benchmark import FULL_RATE
from runtime.cli.compare import compare

ENOUGH = 2
"""As few clean samples make a median; with fewer the best of all samples counts."""

_WARM = 40  # samples of the peak ahead of all others: about half a second
_PATIENCE = 25  # samples of the peak to wait for the full rate
_ROUNDS = 3  # times the wanted number of samples, where some are disturbed
_NEAR = 0.05  # of the length of all elements together
_RTOL = 1e-3  # of the largest magnitude: sums of thousands of f32, in any order


class Meter(Protocol):
    """Measures the machine's peak."""

    def sample(self) -> float:
        """Operations per second."""
        ...


class Contestant(Protocol):
    """Does workloads, and times itself."""

    @property
    def name(self) -> str:
        """Unique in a race."""
        ...

    def prepare(self, workload: Workload) -> list[Array] | Refusal:
        """Gets ready; the results of one call, or why there are none."""
        ...

    def sample(self, seconds: float) -> float | Refusal:
        """The median seconds of one call, over calls for about `seconds`."""
        ...


@dataclass
class Peak:
    """The best of all samples of the peak is the run's peak."""

    meter: Meter
    best: float = 0.0

    def __post_init__(self) -> None:
        for _ in range(_WARM):
            self.rate()

    def rate(self) -> float:
        """Operations per second just now."""
        now = self.meter.sample()
        self.best = max(self.best, now)
        return now

    def settled(self) -> float:
        """The same, once it is the full rate or patience has run out."""
        for _ in range(_PATIENCE):
            if (now := self.rate()) >= FULL_RATE * self.best:
                return now
        return self.rate()


@dataclass
class Series:
    """Seconds of samples, with the machine's rate beside each."""

    seconds: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])

    def clean(self, peak: float) -> list[float]:
        """The samples taken while nothing disturbed the machine."""
        pairs = zip(self.seconds, self.rates, strict=True)
        return [s for s, rate in pairs if rate >= FULL_RATE * peak]

    def measured(self, peak: float) -> Measured:
        """The median of the clean samples."""
        clean = self.clean(peak)
        if len(clean) >= ENOUGH:
            return Measured(statistics.median(clean), len(clean), len(self.seconds))
        return Measured(min(self.seconds), len(clean), len(self.seconds))


@dataclass(frozen=True)
class Measured:
    """What a series comes to."""

    seconds: float
    clean: int
    samples: int

    @property
    def disturbed(self) -> bool:
        """Whether too few samples were clean for a median."""
        return self.clean < ENOUGH


@dataclass
class Row:
    """One workload: what each contestant measured, or why it did not."""

    workload: Workload
    peak: float = 0.0
    measured: dict[str, Measured] = field(default_factory=dict[str, Measured])
    refused: dict[str, Refusal] = field(default_factory=dict[str, Refusal])

    def rate(self, name: str) -> float | None:
        """Operations per second."""
        found = self.measured.get(name)
        return None if found is None else self.workload.flops / found.seconds

    def ratio(self, name: str) -> float | None:
        """How many times as fast as the peer this compiler is."""
        own, theirs = self.measured.get(OWN), self.measured.get(name)
        return None if own is None or theirs is None else theirs.seconds / own.seconds


def race(
    workload: Workload,
    contestants: Sequence[Contestant],
    peak: Peak,
    samples: int,
    seconds: float,
    tick: Callable[[str], None],
) -> Row:
    """Times one workload. A peer whose result differs from this compiler's is not
    timed: it did other work. `tick` is told what is being done."""
    row = Row(workload)
    ready = _prepare(workload, contestants, row, tick)
    series = {contestant.name: Series() for contestant in ready}
    for _ in range(samples * _ROUNDS):
        todo = [c for c in ready if len(series[c.name].clean(peak.best)) < samples]
        if not todo:
            break
        for contestant in todo:
            tick(f"timing {contestant.name}")
            before = peak.settled()
            taken = contestant.sample(seconds)
            if isinstance(taken, Refusal):
                row.refused[contestant.name] = taken
                ready.remove(contestant)
                continue
            series[contestant.name].seconds.append(taken)
            series[contestant.name].rates.append(min(before, peak.rate()))
    row.peak = peak.best
    row.measured = {c.name: series[c.name].measured(peak.best) for c in ready}
    return row


def _prepare(
    workload: Workload,
    contestants: Sequence[Contestant],
    row: Row,
    tick: Callable[[str], None],
) -> list[Contestant]:
    """Those that compute the workload, and compute it right."""
    results: dict[str, list[Array]] = {}
    for contestant in contestants:
        tick(f"preparing {contestant.name}")
        answer = contestant.prepare(workload)
        if isinstance(answer, Refusal):
            row.refused[contestant.name] = answer
        else:
            results[contestant.name] = answer
    row.refused |= differences(workload, results)
    if OWN in row.refused:
        return []  # there is nothing to compare the others with
    return [c for c in contestants if c.name not in row.refused]


def differences(
    workload: Workload, results: Mapping[str, list[Array]]
) -> dict[str, Refusal]:
    """The peers whose results are not this compiler's."""
    if OWN not in results:
        return {}
    found: dict[str, Refusal] = {}
    for peer, arrays in results.items():
        for name, array, own in zip(
            workload.results, arrays, results[OWN], strict=True
        ):
            comparison = compare(array, own, _RTOL, 0.0)
            if comparison.ok or peer in found:
                continue
            if name in workload.sensitive and is_near(array, own):
                continue
            reason = f"its result {name} differs: {comparison}"
            found[peer] = Refusal(reason, unsupported=False)
    return found


def is_near(array: Array, own: Array) -> bool:
    """Whether they differ by little as a whole."""
    return bool(np.linalg.norm(array - own) <= _NEAR * np.linalg.norm(own))
