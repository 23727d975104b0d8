"""The first losses of the networks of examples/train_digits.py, ours and PyTorch's."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brdialect.optimizers import SGD, Optimizer
from runtime.training.loop import Batches
from runtime.training.step import train_step

EXAMPLES = Path(__file__).parent.parent / "examples"

OPTIMIZER = SGD(rate=0.05, momentum=0.9, weight_decay=1e-3)

PYTORCH: dict[str, list[float]] = {
    "mlp": [
        2.32285,
        2.32798,
        2.29859,
        2.28733,
        2.28211,
        2.2687,
        2.22616,
        2.19152,
        2.18141,
        2.16551,
    ],
    "cnn": [
        2.28051,
        2.29795,
        2.30586,
        2.2852,
        2.28194,
        2.2874,
        2.23896,
        2.25867,
        2.26668,
        2.23207,
    ],
    "lstm": [
        2.29392,
        2.29551,
        2.31248,
        2.29207,
        2.30162,
        2.30863,
        2.2971,
        2.2952,
        2.31548,
        2.32065,
    ],
}
"""The losses of PyTorch's first steps with `OPTIMIZER`; tests/compare/
test_training_torch.py computes them anew."""


def initial_weights(network: str) -> dict[int, NDArray[Any]]:
    """Those of the example, from another seed."""
    script = runpy.run_path(str(EXAMPLES / "train_digits.py"))
    return script["initial_weights"](EXAMPLES / f"digits_{network}_train.mlir", seed=1)


def batches(steps: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Images and labels of the first steps."""
    digits = np.load(EXAMPLES / "digits_train.npz")
    chosen = Batches(len(digits["labels"]), 64, seed=0)
    for i in range(steps):
        yield digits["images"][chosen[i]], digits["labels"][chosen[i]]


def losses(network: str, optimizer: Optimizer, steps: int) -> list[float]:
    """Ours."""
    step = train_step(
        EXAMPLES / f"digits_{network}_train.mlir",
        "cross-entropy",
        optimizer,
        initial_weights(network),
        threads=1,
    )
    return [step(*batch) for batch in batches(steps)]
