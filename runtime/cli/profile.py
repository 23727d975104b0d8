"""Where the time of a call goes: what --profile measures, and its table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Nest
from runtime.executable import Executable

_SECONDS = 2.0
_CALLS = (10, 10_000)  # at least and at most

REST = "(between the nodes)"
UNKNOWN = "(not known)"


@dataclass
class Row:
    """One node of a model, or one line of a file, and the others that ride with it."""

    name: str
    operators: list[str]
    """Its own first."""

    others: list[str]
    """The names of those that ride with it."""

    seconds: float
    """Of one call."""

    flops: int
    """Of its products in one call."""

    @property
    def gflops(self) -> float | None:
        """GFLOP/s, where it has products."""
        return self.flops / self.seconds / 1e9 if self.flops and self.seconds else None


@dataclass(frozen=True)
class Profile:
    """The mean of the faster half of some calls."""

    calls: int
    seconds: float
    """Of one call."""

    rows: Sequence[Row]
    """In the order in which they run."""

    @property
    def rest(self) -> float:
        """The seconds that belong to no node: the call itself, and what no location is
        known of."""
        return max(self.seconds - sum(row.seconds for row in self.rows), 0.0)

    def share(self, seconds: float) -> float:
        """Percent of a call."""
        return 100 * seconds / self.seconds

    def by_operator(self) -> Mapping[str, float]:
        """The seconds of all nodes of an operator, with what rides with them; the
        largest first."""
        sums: dict[str, float] = {}
        for row in self.rows:
            sums[row.operators[0]] = sums.get(row.operators[0], 0.0) + row.seconds
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def as_text(self) -> str:
        """A table, the slowest node first, and one of the operators."""
        rows = sorted(self.rows, key=lambda row: -row.seconds)
        nodes = [
            (*self._times(row.seconds), _rate(row), row.name, " + ".join(row.operators))
            for row in rows
        ]
        rest = (*self._times(self.rest), "", REST, "")
        operators = [
            (*self._times(seconds), name)
            for name, seconds in self.by_operator().items()
        ]
        return "\n".join(
            [
                f"{self.seconds * 1e3:.4g} ms a call, the mean of the faster half of "
                f"{self.calls} calls",
                *_table(
                    ("share", "us", "GFLOP/s", "node", "operators"), [*nodes, rest]
                ),
                "",
                *_table(("share", "us", "operator"), operators),
            ]
        )

    def _times(self, seconds: float) -> tuple[str, str]:
        return f"{self.share(seconds):.1f} %", f"{seconds * 1e6:.1f}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain data, in the order in which the nodes run."""
        return {
            "calls": self.calls,
            "seconds": self.seconds,
            "seconds_between_nodes": self.rest,
            "nodes": [
                {
                    "name": row.name,
                    "operators": row.operators,
                    "others": row.others,
                    "seconds": row.seconds,
                    "percent": self.share(row.seconds),
                    "flops": row.flops,
                    "gflops": row.gflops,
                }
                for row in self.rows
            ],
        }


def _rate(row: Row) -> str:
    return "" if row.gflops is None else f"{row.gflops:.1f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns are aligned: numbers to the right, words to the left."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    words = [head in ("node", "operator", "operators") for head in heads]
    return [
        "  ".join(
            cell.ljust(width) if word else cell.rjust(width)
            for cell, width, word in zip(row, widths, words, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]


def profile(executable: Executable, inputs: Sequence[Array]) -> Profile:
    """Calls the code for about two seconds, on memory that is there before."""
    results, workspace = executable.results(inputs), executable.workspace(inputs)
    (clock,) = clocks = executable.clock()
    call = executable.bind(inputs, results, workspace, clocks)
    walls, readings = sampled(call, clock)
    nests = np.diff(readings, axis=1) * tick_seconds(walls, readings)
    seconds = walls[:, 1] - walls[:, 0]
    fast = np.argsort(seconds)[: max(len(seconds) // 2, 1)]
    means = nests[fast].mean(axis=0)
    return Profile(
        len(seconds), float(seconds[fast].mean()), rows_of(executable.nests, means)
    )


def sampled(call: Callable[[], None], clock: Array) -> tuple[Array, Array]:
    """For each call its seconds before and after [calls, 2], and what it has read off
    the clock [calls, nests + 1]."""
    call()
    walls: list[tuple[float, float]] = []
    readings: list[Array] = []
    end = time.perf_counter() + _SECONDS
    while len(walls) < _CALLS[1] and (
        len(walls) < _CALLS[0] or time.perf_counter() < end
    ):
        start = time.perf_counter()
        call()
        walls.append((start, time.perf_counter()))
        readings.append(clock.copy())
    return np.array(walls), np.array(readings)


def tick_seconds(walls: Array, readings: Array) -> float:
    """The seconds of a tick, from the first call's end to the last one's."""
    ticks = readings[-1, -1] - readings[0, -1]
    return float((walls[-1, 1] - walls[0, 1]) / ticks) if ticks else 0.0


def rows_of(nests: Sequence[Nest], seconds: Array) -> list[Row]:
    """A row for each node; what several nests do for one node is added up. Nests of
    which nothing is known have no row."""
    rows: dict[tuple[str, str], Row] = {}
    for nest, taken in zip(nests, seconds.tolist(), strict=True):
        if not nest.nodes:
            continue
        row = rows.setdefault(nest.nodes[0], Row(nest.nodes[0][0], [], [], 0.0, 0))
        row.seconds += taken
        row.flops += nest.flops
        for name, operator in nest.nodes:
            if name != row.name and name in row.others:
                continue
            if name != row.name:
                row.others.append(name)
            elif row.operators:
                continue
            row.operators.append(operator or UNKNOWN)
    return list(rows.values())
