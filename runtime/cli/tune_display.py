"""What br-tune shows: a bar with the best so far while it runs, a table at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from runtime.tuner.contractions import Work
from runtime.tuner.search import Result


def progress_bar() -> Any:
    """A bar over the seconds of the budget; None where rich is not installed or nobody
    watches."""
    if not sys.stderr.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,  # no thread of its own beside what is timed
    )


class Display:
    """Shows how a session goes: a bar on a terminal, else a line for each winner."""

    def __init__(self, works: Sequence[Work], budget: float):
        self._numbers = {work.key: i for i, work in enumerate(works, start=1)}
        self._budget = budget
        self._bar = progress_bar()
        self._start = time.monotonic()
        self._task: Any = None

    def __enter__(self) -> Display:
        count = len(self._numbers)
        plural = "s" if count > 1 else ""
        title = f"tuning {count} contraction{plural} for {self._budget:g} s"
        if self._bar is None:
            print(title, file=sys.stderr, flush=True)
        else:
            self._bar.start()
            self._task = self._bar.add_task(title, total=self._budget)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def observe(self, result: Result, changed: bool) -> None:
        """Told by the session after each candidate."""
        text = f"{self._numbers[result.work.key]}/{len(self._numbers)} {short(result)}"
        if self._bar is not None:
            done = min(self._budget, time.monotonic() - self._start)
            self._bar.update(self._task, description=text, completed=done, refresh=True)
        elif changed:
            print(f"{text}  {result.schedule}", file=sys.stderr, flush=True)


def gflops(result: Result) -> float:
    """GFLOP/s of the best schedule."""
    return result.work.flops / result.seconds / 1e9 if result.seconds else 0.0


def short(result: Result) -> str:
    """The state of one search, for the bar."""
    return (
        f"best {result.seconds * 1e3:.3f} ms, {gflops(result):.1f} GFLOP/s, "
        f"{result.gain:.2f} x the default; {result.tried} tried"
    )


def table(results: Sequence[Result]) -> str:
    """Times and gain of each contraction, then what it is and its schedule."""
    lines = ["default ms    best ms   gain  GFLOP/s  tried  contraction, schedule"]
    for r in results:
        lines.append(
            f"{r.default_seconds * 1e3:10.4g} {r.seconds * 1e3:10.4g} "
            f"{r.gain:5.2f}x {gflops(r):8.1f} {r.tried:6d}  {r.work.key}"
        )
        if r.work.count > 1:
            lines[-1] += f" ({r.work.count} times)"
        word = " (the default)" if r.is_default else ""
        lines.append(f"{'':46s}{r.schedule}{word}")
        lines += [f"{'':46s}wrong result, please report: {s}" for s in r.wrong]
    return "\n".join(lines)
