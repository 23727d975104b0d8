"""What a run of br-bench found: a table for people, plain data for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from runtime.cli.bench.peers.table import OWN
from runtime.cli.bench.race import Row


@dataclass(frozen=True)
class Machine:
    """Where and when."""

    processor: str
    vector_bits: int
    threads: int
    date: str
    command: str

    def __str__(self) -> str:
        plural = "s" * (self.threads > 1)
        return (
            f"{self.processor}, {self.vector_bits}-bit vectors, {self.threads} "
            f"thread{plural}, {self.date}: {self.command}"
        )


@dataclass(frozen=True)
class Outcome:
    """All rows of one run."""

    machine: Machine
    peers: Sequence[str]
    rows: Sequence[Row]

    @property
    def peak(self) -> float:
        """Operations per second, the best of the run."""
        return max((row.peak for row in self.rows), default=0.0)

    def mean_rate(self, name: str) -> float | None:
        """The geometric mean of a contestant's rates."""
        return geometric_mean(row.rate(name) for row in self.rows)

    def mean_ratio(self, name: str) -> float | None:
        """The geometric mean over the rows that both were timed in."""
        return geometric_mean(row.ratio(name) for row in self.rows)

    @property
    def failures(self) -> list[str]:
        """A line for each contestant that failed or computed something else."""
        return [
            f"{row.workload.name}: {name}: {refusal.reason}"
            for row in self.rows
            for name, refusal in row.refused.items()
            if not refusal.unsupported
        ]

    def as_table(self) -> Table:
        """One row a layer, and the geometric mean."""
        table = Table()
        table.add_column("", no_wrap=True)
        for heading in ("ms", "GFLOP/s", "% of peak", *(f"/ {p}" for p in self.peers)):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*self._cells(row))
        rate = self.mean_rate(OWN)
        table.add_section()
        ratios = (_ratio(self.mean_ratio(peer)) for peer in self.peers)
        table.add_row("geometric mean", "", *self._rate(rate, ""), *ratios)
        return table

    def _cells(self, row: Row) -> list[str]:
        own = row.measured.get(OWN)
        mark = "*" if own is not None and own.disturbed else ""
        return [
            row.workload.name,
            "-" if own is None else f"{own.seconds * 1e3:.3f}",
            *self._rate(row.rate(OWN), mark),
            *(_peer_cell(row, peer) for peer in self.peers),
        ]

    def _rate(self, rate: float | None, mark: str) -> list[str]:
        if rate is None:
            return ["-", "-"]
        return [f"{rate / 1e9:.1f}{mark}", f"{100 * rate / self.peak:.1f}"]

    def legend(self) -> list[str]:
        """Where it was measured, and what the columns mean."""
        lines = [
            str(self.machine),
            f"peak: {self.peak / 1e9:.1f} GFLOP/s by fused multiply-adds on registers, "
            "measured in this run",
        ]
        for spared in dict.fromkeys(row.workload.spared for row in self.rows):
            if spared is not None:
                lines.append(f"GFLOP/s: of the sums as they are written; {spared}")
        if self.peers:
            lines.append(
                "/ peer: how many times as fast as the peer; - where it has no such "
                "operation, ! where it failed"
            )
        lines.extend(self._left_out())
        if any(m.disturbed for row in self.rows for m in row.measured.values()):
            lines.append(
                "*: the machine was disturbed; the best sample in place of the median"
            )
        return lines

    def _left_out(self) -> Iterable[str]:
        """Each peer that has no counterpart of a row, with its word for why."""
        return dict.fromkeys(
            f"{name} is left out: {refusal.reason}"
            for row in self.rows
            for name, refusal in row.refused.items()
            if refusal.unsupported
        )

    def as_json(self) -> dict[str, Any]:
        """The same as plain data, rates in GFLOP/s."""
        names = [OWN, *self.peers]
        return {
            **asdict(self.machine),
            "peak_gflops": self.peak / 1e9,
            "peers": list(self.peers),
            "rows": [self._row_json(row) for row in self.rows],
            "geometric_mean": {
                "gflops": {n: _giga(self.mean_rate(n)) for n in names},
                "ratio": {n: self.mean_ratio(n) for n in self.peers},
            },
        }

    def _row_json(self, row: Row) -> dict[str, Any]:
        contestants: dict[str, Any] = {}
        for name, found in row.measured.items():
            rate = row.rate(name)
            assert rate is not None
            contestants[name] = {
                **asdict(found),
                "gflops": rate / 1e9,
                "percent_of_peak": 100 * rate / self.peak,
                "ratio": row.ratio(name),
            }
        for name, refusal in row.refused.items():
            contestants[name] = {"error": refusal.reason}
        work = row.workload
        return {
            "name": work.name,
            "inputs": {n: list(s) for n, s in work.shapes().items()},
            "flops": work.flops,
            "bytes": work.bytes,
            "contestants": contestants,
        }


def _giga(rate: float | None) -> float | None:
    return None if rate is None else rate / 1e9


def _peer_cell(row: Row, peer: str) -> str:
    if (refusal := row.refused.get(peer)) is not None:
        return "-" if refusal.unsupported else "!"
    found = row.measured.get(peer)
    return _ratio(row.ratio(peer), "*" if found is None or found.disturbed else "")


def _ratio(value: float | None, mark: str = "") -> str:
    if value is None:
        return "-"
    colour = "green" if value >= 1 else "red"
    return f"[{colour}]{value:.2f}{mark}[/]"


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """Of the values that are there; None if there are none."""
    logs = [math.log(v) for v in values if v is not None]
    return math.exp(sum(logs) / len(logs)) if logs else None
