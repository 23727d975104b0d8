"""How contestants take turns, and what br-bench prints of it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from brdialect.arrays import Array
from runtime.cli.bench.gradients import by_weights
from runtime.cli.bench.outcome import Machine, Outcome, geometric_mean
from runtime.cli.bench.peers.table import OWN
from runtime.cli.bench.pictures import draw
from runtime.cli.bench.race import Peak, Row, race
from runtime.cli.bench.worker import Refusal
from runtime.cli.bench.workloads import Convolution, Gemm, Workload

WORK = Gemm(4, 8, 2)


@dataclass
class Fake:
    """A contestant that takes what it is told."""

    name: str
    seconds: Sequence[float] = (1.0,)
    result: Array = field(default_factory=lambda: np.ones((4, 8), np.float32))
    refusal: Refusal | None = None
    calls: int = 0

    def prepare(self, workload: Workload) -> list[Array] | Refusal:
        return self.refusal or [self.result]

    def sample(self, seconds: float) -> float | Refusal:
        self.calls += 1
        return self.seconds[(self.calls - 1) % len(self.seconds)]


@dataclass
class FakeMeter:
    """A machine whose rate follows a list, and then stays."""

    rates: list[float]

    def sample(self) -> float:
        return self.rates.pop(0) if len(self.rates) > 1 else self.rates[0]


def run_race(*fakes: Fake, meter: FakeMeter | None = None, samples: int = 3) -> Row:
    peak = Peak(meter or FakeMeter([100.0]))
    return race(WORK, fakes, peak, samples, 0.1, lambda what: None)


def test_medians_and_ratios():
    row = run_race(Fake(OWN, [2.0, 1.0, 3.0]), Fake("torch", [4.0, 4.0, 100.0]))
    assert row.measured[OWN].seconds == 2.0 and row.measured[OWN].clean == 3
    assert row.ratio("torch") == 2.0
    assert row.rate(OWN) == WORK.flops / 2.0


def test_disturbed_samples_are_dropped():
    """During the first two the rate halves."""
    meter = FakeMeter([100.0] * 41 + [50.0] * 4 + [100.0, 50.0, 100.0])
    row = run_race(Fake(OWN, [9.0, 9.0, 1.0, 2.0, 3.0]), meter=meter)
    found = row.measured[OWN]
    assert (found.seconds, found.clean, found.samples) == (2.0, 3, 5)
    assert not found.disturbed
    meter = FakeMeter([100.0] * 40 + [50.0])
    found = run_race(Fake(OWN, [9.0, 5.0]), meter=meter).measured[OWN]
    assert found.disturbed and found.seconds == 5.0 and found.clean == 0


def test_a_wrong_result_is_not_timed():
    wrong = Fake("torch", result=np.full((4, 8), 1.01, np.float32))
    row = run_race(Fake(OWN), wrong)
    assert wrong.calls == 0 and "torch" not in row.measured
    assert "its result y differs" in row.refused["torch"].reason
    outcome = Outcome(MACHINE, ["torch"], [row])
    assert outcome.failures == [f"{WORK.name}: torch: {row.refused['torch'].reason}"]


def test_nothing_is_timed_without_a_result_of_our_own():
    other = Fake("torch")
    row = run_race(Fake(OWN, refusal=Refusal("no", unsupported=False)), other)
    assert other.calls == 0 and not row.measured


# What comes out

MACHINE = Machine("a processor", 256, 1, "2026-11-22", "br-bench gemm")


def an_outcome() -> Outcome:
    first = run_race(Fake(OWN, [1.0]), Fake("torch", [2.0]))
    missing = Fake("torch", refusal=Refusal("no such thing", unsupported=True))
    second = run_race(Fake(OWN, [2.0]), missing)
    third = run_race(Fake(OWN, [1.0]), Fake("torch", [8.0]))
    return Outcome(MACHINE, ["torch"], [first, second, third])


def test_the_table():
    text = io.StringIO()
    Console(file=text, width=120).print(an_outcome().as_table())
    lines = text.getvalue().splitlines()
    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in lines
        if "│" in line
    ]
    assert [row[-1] for row in cells] == ["2.00", "-", "8.00", "4.00"]
    assert cells[0][:2] == [WORK.name, "1000.000"]
    assert cells[-1][0] == "geometric mean"


def test_the_legend_says_why_a_peer_is_left_out():
    legend = an_outcome().legend()
    assert legend.count("torch is left out: no such thing") == 1


@pytest.mark.parametrize(("size", "told"), [(3, True), (1, False)])
def test_the_legend_says_which_products_are_counted(size: int, told: bool):
    layer = Convolution("a layer", 1, 8, 6, 6, 8, size, size)
    for work in (layer, by_weights(layer)):
        row = Row(work, 1.0)
        legend = "\n".join(Outcome(MACHINE, [], [row]).legend())
        assert ("16 products for 36" in legend) is told


def test_plain_data():
    data = json.loads(json.dumps(an_outcome().as_json()))
    first, second, _ = data["rows"]
    assert first["flops"] == 2 * 4 * 8 * 2 and first["bytes"] == 4 * (8 + 16 + 32)
    assert first["inputs"] == {"a": [4, 2], "b": [2, 8]}
    assert first["contestants"]["torch"]["ratio"] == 2.0
    assert second["contestants"]["torch"] == {"error": "no such thing"}
    assert data["geometric_mean"]["ratio"]["torch"] == pytest.approx(4.0)
    assert data["peak_gflops"] == pytest.approx(1e-7)


def test_geometric_mean():
    assert geometric_mean([2.0, None, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([None]) is None


@pytest.mark.parametrize("suffix, start", [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_pictures(suffix: str, start: bytes, tmp_path: Path):
    path = tmp_path / f"picture{suffix}"
    draw(an_outcome(), path, bandwidth=10.0)
    assert path.read_bytes().startswith(start)


# Peers
