"""What a user sees of training: a bar while it runs, the loss curve as a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brdialect.mistake import BrError

_SMOOTH = 20
"""Steps over which the second curve averages."""


class Bar:
    """A bar with the number of the step and its loss; nothing where rich is not
    installed or nobody watches."""

    def __init__(self, done: int, steps: int):
        self._bar: Any = None
        if not sys.stderr.isatty():
            return
        try:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )
        except ImportError:
            return
        self._bar = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("", total=steps, completed=done)

    def __enter__(self) -> Bar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, loss: float) -> None:
        """One more step."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=f"loss {loss:.4f}")


def draw_losses(losses: Sequence[float], path: str | Path) -> None:
    """Writes the loss of each step as a picture, as the path's suffix says."""
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise BrError(
            "loss curve: expected matplotlib, which is not installed; "
            "pip install 'brdialect[train]'"
        ) from e
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, linewidth=0.8, alpha=0.5, label="loss of each step")
    if len(losses) > _SMOOTH:
        mean = np.convolve(losses, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
        label = f"mean of {_SMOOTH} steps"
        axes.plot(steps[_SMOOTH - 1 :], mean, linewidth=2, label=label)
    axes.set(xlabel="step", ylabel="loss")
    if min(losses, default=0.0) > 0:
        axes.set_yscale("log")
    axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as e:
        raise BrError(f"{path}: cannot write the loss curve: {e}") from e
