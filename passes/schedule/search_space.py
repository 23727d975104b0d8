"""What br-tune searches: points on axes, each of which is a schedule or none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import ClassVar, TypeVar

from brdialect.schedule import Schedule
from passes.schedule.schedule_problem import Problem

T = TypeVar("T")
Point = tuple[int, ...]
"""The number of the choice on each axis, in the order of the space's axes."""


def first_of(first: T, others: Sequence[T]) -> list[T]:
    """Each choice once, `first` before the others."""
    return list(dict.fromkeys((first, *others)))


class Space(ABC):
    """A space of schedules for one contraction. Each axis is an attribute, a list of
    choices: the default's first, then by how likely they are to be good."""

    AXES: ClassVar[Sequence[str]]
    problem: Problem

    @cached_property
    @abstractmethod
    def default(self) -> Schedule:
        """What choose-schedule takes by itself."""

    @abstractmethod
    def fault(self, schedule: Schedule) -> str | None:
        """What is wrong with a schedule, None if it fits."""

    @abstractmethod
    def make(self, point: Point) -> Schedule:
        """The schedule of a point, which need not fit."""

    @cached_property
    def sizes(self) -> Point:
        """How many choices there are on each axis."""
        return tuple(len(getattr(self, axis)) for axis in self.AXES)

    @property
    def start(self) -> Point:
        """The point of the default, as far as the axes can say it."""
        return (0,) * len(self.AXES)

    def __iter__(self) -> Iterator[Schedule]:
        """Different schedules, the default first, then the nearer to it the earlier;
        all are legal."""
        seen = {self.default}
        yield self.default
        for point in self.points():
            schedule = self.make(point)
            if schedule not in seen:
                seen.add(schedule)
                if self.fault(schedule) is None:
                    yield schedule

    def points(self) -> Iterator[Point]:
        """All points by the sum of their numbers."""
        for total in range(sum(self.sizes) - len(self.sizes) + 1):
            yield from _points(self.sizes, total)

    def schedule(self, point: Point) -> Schedule | None:
        """The schedule of a point; None where its choices exclude each other."""
        made = self.make(point)
        return made if self.fault(made) is None else None


def _points(sizes: Sequence[int], total: int) -> Iterator[Point]:
    """All points of which the numbers add up to `total`."""
    if not sizes:
        if total == 0:
            yield ()
        return
    head, *rest = sizes
    for first in range(min(head - 1, total), -1, -1):
        for others in _points(rest, total - first):
            yield (first, *others)
