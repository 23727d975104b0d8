"""A bar chart and a roofline of what br-bench measured, in one picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import wrap
from time import perf_counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runtime.cli.bench.outcome import Outcome
from runtime.cli.bench.peers.table import OWN

_BANDWIDTH_ELEMENTS = 4 << 20  # of each array, a thread: 16 MiB, more than its caches
_BANDWIDTH_TRIALS = 8
_BAR = 0.8  # the share of its place that a group of bars takes


def memory_bandwidth(threads: int) -> float:
    """Bytes per second of c = a + b over arrays that outgrow the caches, best trial.

    Three arrays of traffic are counted, though c may be read before it is written.
    """
    sets = [
        [np.ones(_BANDWIDTH_ELEMENTS, np.float32) for _ in "abc"]
        for _ in range(threads)
    ]

    def add(arrays: list[np.ndarray]) -> None:
        a, b, c = arrays
        np.add(a, b, out=c)

    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_BANDWIDTH_TRIALS):
            start = perf_counter()
            list(pool.map(add, sets))
            best = min(best, perf_counter() - start)
    return 3 * 4 * _BANDWIDTH_ELEMENTS * threads / best


def draw(outcome: Outcome, path: Path, bandwidth: float) -> None:
    """Writes the picture as the path's suffix says (.png, .svg)."""
    width = max(8.0, 0.5 * len(outcome.rows) * (1 + 0.3 * len(outcome.peers)))
    figure = Figure(figsize=(width, 10), layout="constrained")
    above, below = figure.subplots(2, 1)
    title = wrap(str(outcome.machine), int(14 * width))
    figure.suptitle("\n".join(title), fontsize=8)
    _bars(outcome, above)
    _roofline(outcome, below, bandwidth)
    figure.savefig(path, dpi=150)


def _bars(outcome: Outcome, axes: Axes) -> None:
    names = [OWN, *outcome.peers]
    places = np.arange(len(outcome.rows))
    each = _BAR / len(names)
    for i, name in enumerate(names):
        rates = [(row.rate(name) or 0.0) / 1e9 for row in outcome.rows]
        axes.bar(places + (i - (len(names) - 1) / 2) * each, rates, each, label=name)
    axes.axhline(outcome.peak / 1e9, color="black", linewidth=0.8, label="peak")
    labels = [row.workload.name for row in outcome.rows]
    axes.set_xticks(places, labels, rotation=60, ha="right", fontsize=7)
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize=8, ncols=len(names) + 1)


def _roofline(outcome: Outcome, axes: Axes, bandwidth: float) -> None:
    peak = outcome.peak
    for name in (OWN, *outcome.peers):
        points = [
            (row.workload.flops / row.workload.bytes, rate / 1e9)
            for row in outcome.rows
            if (rate := row.rate(name)) is not None
        ]
        marker = "o" if name == OWN else "x"
        x, y = ([p[i] for p in points] for i in (0, 1))
        axes.plot(x, y, marker, markersize=5, label=name)
    works = [row.workload.flops / row.workload.bytes for row in outcome.rows]
    ridge = peak / bandwidth
    ends = np.array([min([*works, ridge]) / 2, ridge, max([*works, ridge]) * 2])
    roof = np.minimum(peak, ends * bandwidth) / 1e9
    label = f"{peak / 1e9:.0f} GFLOP/s, {bandwidth / 1e9:.0f} GB/s"
    axes.plot(ends, roof, "-", color="black", linewidth=0.8, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations for each byte of inputs and result")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize=8)
