"""`brdialect.fit`: training steps over shuffled batches, with checkpoints.

Which examples a batch has follows from the seed and the number of the step alone, so
that a run that goes on from a checkpoint is, bit by bit, the run that was never stopped
(with the same number of threads).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.training.checkpoint import load, save
from runtime.training.picture import Bar, draw_losses
from runtime.training.step import TrainStep

_LOSSES = "losses"
"""The name of the losses so far in a checkpoint."""


@lru_cache(maxsize=1)
def shuffled(examples: int, seed: int, epoch: int) -> Array:
    """The order of the examples in an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(examples)


@dataclass(frozen=True)
class Batches:
    """Batches of equal size; each epoch shuffles anew and leaves out what is left over
    at its end."""

    examples: int
    size: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.examples:
            raise BrError(
                f"expected batches of 1 to {self.examples} examples, got {self.size}"
            )
        if self.seed < 0:
            raise BrError(f"expected a seed of at least 0, got {self.seed}")

    def __getitem__(self, step: int) -> Array:
        """The numbers of the examples of a step, counted from 0."""
        epoch, place = divmod(step, self.examples // self.size)
        order = shuffled(self.examples, self.seed, epoch)
        return order[place * self.size : (place + 1) * self.size]

    def state(self) -> dict[str, Array]:
        """What a checkpoint says of them."""
        return {
            "batches.examples": np.array(self.examples),
            "batches.size": np.array(self.size),
            "batches.seed": np.array(self.seed),
        }


def resume(
    step: TrainStep, batches: Batches, state: dict[str, Array], path: Path
) -> list[float]:
    """Puts the step where the checkpoint was written; the losses until then."""
    for name, value in batches.state().items():
        found = state.pop(name, None)
        if found is None or found != value:
            raise BrError(
                f"{path}: expected a checkpoint with {name} {value}, got "
                f"{'none' if found is None else found}; give another file to begin anew"
            )
    losses = state.pop(_LOSSES, np.zeros(0))
    step.restore(state)
    return [float(loss) for loss in losses]


def checked_state(step: TrainStep, path: Path) -> Mapping[str, Array]:
    """The state of the step, if it is worth keeping: its loss was finite, but the
    gradient need not have been."""
    state = step.state()
    for name, array in state.items():
        if not np.isfinite(array).all():
            raise BrError(
                f"step {step.steps}: expected finite numbers in {name}, got others; "
                f"{path} is kept as it was; try a smaller rate"
            )
    return state


def fit(
    step: TrainStep,
    data: Sequence[Array],
    batch: int,
    steps: int,
    *,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    every: int = 100,
    picture: str | Path | None = None,
) -> list[float]:
    """Runs training steps until `steps` are done; returns the loss of each.

    * `data`: what the step takes, for all examples: arrays whose first dimension counts
      them.
    * `batch`: examples in a batch.
    * `seed`: of the order of the examples.
    * `checkpoint`: a file that is written every `every` steps and at the end. If it is
      there, training goes on from it.
    * `picture`: a file for the loss curve, written before the first step, too, so that
      one that cannot be is told of in time.

    A loss that is not finite stops with an error that names the step; the checkpoint
    stays as it was.
    """
    if isinstance(data, np.ndarray):
        raise BrError("data: expected a tuple of arrays, got one array")
    if steps < 0:
        raise BrError(f"expected 0 or more steps, got {steps}")
    data = [np.asarray(array) for array in data]
    if len({len(array) for array in data}) != 1:
        raise BrError(
            "expected arrays of equally many examples, got "
            f"{', '.join(str(len(array)) for array in data) or 'no array'}"
        )
    if every < 1:
        raise BrError(f"expected a checkpoint every 1 or more steps, got {every}")
    batches = Batches(len(data[0]), batch, seed)
    path = None if checkpoint is None else Path(checkpoint)
    losses: list[float] = []
    if path is not None and path.exists():
        losses = resume(step, batches, load(path), path)
    if picture is not None:
        draw_losses(losses, picture)
    with Bar(step.steps, steps) as bar:
        while step.steps < steps:
            chosen = batches[step.steps]
            losses.append(step(*(array[chosen] for array in data)))
            bar.advance(losses[-1])
            if path is not None and (step.steps % every == 0 or step.steps == steps):
                known = {_LOSSES: np.array(losses), **batches.state()}
                save(path, {**checked_state(step, path), **known})
    if picture is not None:
        draw_losses(losses, picture)
    return losses
