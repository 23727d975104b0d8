"""What benchmarks/gpu.py has from its measuring processes, and how it shows it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from statistics import geometric_mean
from typing import Any

from gpu_lines import Line

PATIENCE = 120.0
"""Seconds of silence after which a measuring process is taken for dead: PyTorch's
start, and its choice among cuDNN's algorithms, take some."""

Row = dict[str, Any]
"""Seconds of a call, `untuned`, `tuned` and of `PyTorch`; or why it `failed`."""


def results(
    command: Callable[[Sequence[int]], Sequence[str]],
    numbers: Sequence[int],
    patience: float = PATIENCE,
) -> Iterator[tuple[int, Row]]:
    """What `command(numbers)` says of each line. Where it ends or is silent, another
    one goes on behind the line that it was at."""
    left = list(numbers)
    while left:
        with subprocess.Popen(command(left), stdout=subprocess.PIPE, text=True) as it:
            said: Queue[str | None] = Queue()
            threading.Thread(target=_read, args=(it.stdout, said), daemon=True).start()
            why, early = "the measuring process ended", dict[int, Row]()
            while left:
                try:
                    text = said.get(timeout=patience)
                except Empty:
                    why = f"no answer in {patience:g} s"
                    text = None
                if text is None:
                    break
                row = json.loads(text) if text.startswith("{") else {}
                if row.pop("line", None) != left[0] or not row:
                    continue
                if row.pop("early", None):
                    early[left[0]] = row
                else:
                    yield left.pop(0), row
            it.kill()
        if left:
            number = left.pop(0)
            known = early.get(number)
            yield number, {**known, "tuning failed": why} if known else {"failed": why}


def _read(stream: Any, said: Queue[str | None]) -> None:
    for text in stream:
        said.put(text)
    said.put(None)


def table(found: Sequence[tuple[Line, Row]]) -> str:
    """A line for each, TFLOP/s and parts of PyTorch's rate, then the means."""
    text = [f"{'TFLOP/s:':46} untuned  tuned PyTorch  ratios         error"]
    ratios: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for line, row in found:
        name = f"{line.group:15} {line.name:25} {line.kind}"
        if "failed" in row:
            text.append(f"{name} FAILED {str(row['failed'])[:100]}")
            continue
        seconds = [row["untuned"], row.get("tuned", row["untuned"]), row["PyTorch"]]
        rates = [row["flops"] / s / 1e12 for s in seconds]
        ratio = (rates[0] / rates[2], rates[1] / rates[2])
        ratios.setdefault((line.group, line.kind), []).append(ratio)
        text.append(
            f"{name} {rates[0]:7.1f} {rates[1]:7.1f} {rates[2]:7.1f}  "
            f"{ratio[0]:.2f} {ratio[1]:.2f}  {row['error']:.1e}"
            + "  WRONG CANDIDATES" * ("wrong" in row)
            + "  tuning failed" * ("tuning failed" in row)
        )
    for (group, kind), pairs in ratios.items():
        untuned, tuned = (geometric_mean(x) for x in zip(*pairs, strict=True))
        text.append(
            f"{group:15} {kind}: {untuned:.2f} of PyTorch untuned, {tuned:.2f} tuned, "
            f"geometric means of {len(pairs)}"
        )
    return "\n".join(text)


def interleaved(numbers: Sequence[int]) -> list[int]:
    """Every fourth line, then the ones between: whatever ends a run early, there is
    something of each group."""
    return [n for first in range(4) for n in numbers[first::4]]
