"""Races between calls whose times are known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, repeat

from runtime.tuner.race import ROUNDS, Runner, Track


class Clockwork(Runner):
    """A runner whose calls take these times, one after another."""

    def __init__(self, times: Iterator[float]):
        super().__init__(lambda times: None)
        self._times = times
        self.runs = 0

    def run(self, times: int) -> float:
        taken = next(self._times)
        self.best = min(self.best, taken)
        self.runs += 1
        return taken


class Rates:
    """A machine that reaches these rates, one after another."""

    def __init__(self, rates: Iterator[float]):
        self._rates = rates

    def sample(self) -> float:
        return next(self._rates)


def track(rates: Iterator[float] | None = None) -> Track:
    return Track(Rates(repeat(100.0) if rates is None else rates))


def champion(times: Iterator[float] | None = None) -> Clockwork:
    runner = Clockwork(repeat(0.010) if times is None else times)
    runner.best = 0.010
    return runner


def test_the_faster_one_wins():
    outcome = track().race(champion(), Clockwork(repeat(0.009)))
    assert abs(outcome.ratio - 0.9) < 1e-9
    assert outcome.champion == 0.010 and outcome.challenger == 0.009


def test_a_hopeless_one_is_stopped_after_its_first_calls():
    first, second = champion(), Clockwork(repeat(0.020))
    assert track().race(first, second).ratio == 2.0
    assert first.runs == 0 and second.runs == 3


def test_one_that_is_behind_is_stopped_early():
    first, second = champion(), Clockwork(repeat(0.011))
    assert track().race(first, second).ratio > 1.05
    assert second.runs < ROUNDS


def test_a_slow_first_call_does_not_count():
    cold = Clockwork(chain([0.5, 0.014], repeat(0.009)))
    assert track().race(champion(), cold).ratio < 0.95


def test_luck_in_a_few_rounds_is_no_victory():
    """Half the rounds better, half worse: neither is the faster."""
    outcome = track().race(champion(), Clockwork(cycle([0.0095, 0.0104])), 20)
    assert outcome.ratio > 0.98


def test_rounds_beside_a_slow_machine_do_not_count():
    """While others take its time, the challenger looks good."""
    rates = chain(repeat(100.0, 3), repeat(50.0))
    assert track(rates).race(champion(), Clockwork(repeat(0.005))).ratio == float("inf")


def test_rounds_in_which_the_champion_varies_do_not_count():
    uneven = champion(cycle([0.010, 0.016]))
    assert track().race(uneven, Clockwork(repeat(0.009))).ratio == float("inf")
