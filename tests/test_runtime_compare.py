"""The comparison behind --verify and --expected-output, and the benchmark's summary."""

from __future__ import annotations

import math
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from brdialect.errors import BrError
from runtime.cli.benchmark import Timing, time_calls
from runtime.cli.compare import compare
from runtime.cli.files import written_whole

NAN, INF = math.nan, math.inf


def close(got: list[float], want: list[float], rtol: float = 1e-4) -> bool:
    return compare(np.array(got, np.float32), np.array(want), rtol, 0.0).ok


def test_errors_are_relative_to_the_largest_magnitude():
    found = compare(np.array([100.01, 0.01]), np.array([100.0, 0.0]), 1e-3, 0.0)
    assert found.ok
    assert found.absolute == pytest.approx(0.01)
    assert found.relative == pytest.approx(1e-4)
    assert not compare(np.array([100.2, 0]), np.array([100.0, 0]), 1e-3, 0.0).ok


def test_nan_and_infinity_must_stand_in_the_same_places():
    assert close([NAN, INF, -INF, 1], [NAN, INF, -INF, 1])
    assert not close([NAN, 1], [1, NAN])
    assert not close([1, 1], [1, NAN])
    assert not close([1, INF], [1, 1])
    assert not close([1, INF], [1, -INF])
    assert "infinity in only one of the two at [1]" in str(
        compare(np.array([1, INF]), np.array([1.0, 2]), 1, 1)
    )


def test_integers_must_be_equal_and_shapes_too():
    ones = np.ones(3, np.int32)
    assert compare(ones, ones, 0, 0).ok
    assert not compare(ones, ones + 1, 10, 10).ok
    assert not compare(ones, ones[:2], 10, 10).ok


def test_nothing_to_compare_is_right():
    assert compare(np.zeros((0, 3)), np.zeros((0, 3)), 0, 0).ok
    zero = np.zeros(2, np.float32)
    assert compare(zero, zero, 0, 0).relative == 0
    assert compare(zero + 1, zero, 1, 0).relative == math.inf


def test_timing_counts_and_orders():
    timing = time_calls(lambda: None, flops=0, rate=None)
    assert 10 <= timing.calls <= 10_000
    assert timing.min <= timing.median <= timing.p90 <= timing.p99
    assert "GFLOP" not in str(timing)
    half = Timing(10, 1.0, 2.0, 3.0, 4.0, flops=10**9, peak=1e9)
    assert half.percent_of_peak == 50 and half.gflops == 0.5


def test_a_disturbed_machine_is_told():
    def timed(*rates: float) -> Timing:
        again = cycle(rates)
        # of 2 s with a look each 0.1 s
        return time_calls(lambda: time.sleep(0.02), flops=1, rate=lambda: next(again))

    quiet, busy = timed(1e9, 0.96e9), timed(1e9, 0.9e9)
    assert quiet.peak == busy.peak == 1e9
    assert quiet.looks >= 5 and quiet.slow == 0
    assert "disturbed" not in str(quiet)
    assert 0 < busy.slow < busy.looks
    assert "the machine was disturbed: below 95 % of its peak" in str(busy)


def test_a_failed_output_leaves_nothing(tmp_path: Path):
    path = tmp_path / "out.txt"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    with written_whole(path) as temporary:
        temporary.write_text("after")
    assert path.read_text() == "after"
    for bad in (tmp_path, tmp_path / "none" / "out.txt"):
        with pytest.raises(BrError, match=str(bad)), written_whole(bad):
            pass
