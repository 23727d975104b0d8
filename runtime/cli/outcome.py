"""What br-run tells: for people, or as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.targets import Target
from runtime.arguments import describe
from runtime.cli.benchmark import Timing
from runtime.cli.compare import Comparison
from runtime.cli.profile import Profile


@dataclass(frozen=True)
class Outcome:
    """All that one run of br-run found out."""

    entry: str
    target: Target
    compile_seconds: float
    results: Sequence[Array]
    checks: Mapping[str, Sequence[Comparison]]
    timing: Timing | None
    profile: Profile | None = None

    @property
    def ok(self) -> bool:
        """Whether every check is within tolerance."""
        return all(c.ok for some in self.checks.values() for c in some)

    def as_text(self, show_results: bool) -> str:
        """A few lines: checks and times, or else the results themselves."""
        lines: list[str] = []
        if show_results:
            for i, array in enumerate(self.results):
                lines += [f"result {i}: {describe(array)}", short(array)]
        for name, comparisons in self.checks.items():
            for i, comparison in enumerate(comparisons):
                verdict = "ok" if comparison.ok else "WRONG"
                lines.append(f"result {i} against {name}: {verdict}: {comparison}")
        if self.timing is not None or self.profile is not None:
            target = self.target
            lines.append(
                f"@{self.entry} for {target.name}, {target.threads} threads, "
                f"compiled in {self.compile_seconds:.2f} s"
            )
        if self.timing is not None:
            lines.append(str(self.timing))
        if self.profile is not None:
            lines.append(self.profile.as_text())
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The same as plain data. Infinite errors are null: JSON has no infinity."""
        target = self.target
        found: dict[str, Any] = {
            "entry": self.entry,
            "target": target.name,
            "threads": target.threads,
            "compile_seconds": self.compile_seconds,
            "ok": self.ok,
            "results": [
                {"shape": list(array.shape), "dtype": str(array.dtype)}
                for array in self.results
            ],
        }
        for name, comparisons in self.checks.items():
            found[name.replace(" ", "_")] = [_finite(asdict(c)) for c in comparisons]
        if self.timing is not None:
            found["benchmark"] = asdict(self.timing) | {
                "gflops": self.timing.gflops,
                "percent_of_peak": self.timing.percent_of_peak,
            }
        if self.profile is not None:
            found["profile"] = self.profile.as_json()
        return found


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if v == float("inf") else v for k, v in values.items()}


def short(array: Array) -> str:
    """A result as numpy prints it, the middle of large ones left out."""
    return np.array2string(array, threshold=64, edgeitems=3, max_line_width=88)
