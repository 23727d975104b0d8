"""The search for the best schedule of one contraction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from brdialect.errors import BrError
from brdialect.schedule import Schedule, parse_schedule
from brdialect.target import Target
from passes.schedule.schedule_space import ScheduleSpace
from passes.schedule.search_space import Point
from passes.schedule.tile_space import TileSpace
from runtime.tuner.candidate import Workbench
from runtime.tuner.contractions import Work
from runtime.tuner.race import ROUNDS, Runner, Track

GAIN = 0.99
"""A winner takes at most this part of the time; closer ones are noise."""


@dataclass
class Result:
    """What has been found for one contraction so far."""

    work: Work
    default: Schedule
    schedule: Schedule
    default_seconds: float = 0.0
    seconds: float = 0.0
    tried: int = 0
    wrong: list[Schedule] = field(default_factory=list[Schedule])
    """Schedules with a wrong result: faults of the compiler."""

    @property
    def is_default(self) -> bool:
        """Whether nothing better has been found."""
        return self.schedule == self.default

    @property
    def gain(self) -> float:
        """How many times as fast as the default."""
        return self.default_seconds / self.seconds if self.seconds else 1.0


Observer = Callable[[Result, bool], None]
"""Is told the result after each candidate, and whether the best one is another now."""


class Search:
    """Coordinate descent from the default, then the space in its own order: one axis
    after another is changed and the best choice stays, until no change helps."""

    def __init__(self, work: Work, target: Target, track: Track, observe: Observer):
        space = TileSpace if target.is_gpu else ScheduleSpace
        self._space = space(work.problem)
        self._track = track
        self._observe = observe
        default = self._space.default
        self.result = Result(work, default, default)
        self._seen = {default}
        if target.is_gpu:
            from runtime.tuner.device_candidate import DeviceWorkbench

            self._bench = DeviceWorkbench(work, default, target)
        else:
            self._bench = Workbench(work, target)
        self._is_over: Callable[[], bool] = lambda: False

    def run(self, is_over: Callable[[], bool], known: str | None = None) -> None:
        """Searches until `is_over`, which is asked before each candidate, or until all
        is tried; `known` is a schedule that an earlier search found."""
        self._is_over = is_over
        candidate = self._bench.candidate(self.result.default)
        if candidate is None:
            self.result.wrong.append(self.result.default)
            return
        self._default = self._best = Runner(candidate.call)
        self._track.warm_up(self._default)
        self.result.default_seconds = self.result.seconds = self._default.best
        self._observe(self.result, False)
        self._offer(self._parsed(known))
        rest = self._space.points()
        point: Point | None = self._space.start
        while point is not None:
            self._descend(point)
            point = self._next_better(rest)
        self._confirm()

    def _descend(self, point: Point) -> None:
        """Moves along the axes while that helps: the likely choices of all of them,
        then the less likely."""
        sizes = self._space.sizes
        moves = [(c, axis) for axis, size in enumerate(sizes) for c in range(size)]
        better = True
        while better:
            better = False
            for choice, axis in sorted(moves):
                moved = (*point[:axis], choice, *point[axis + 1 :])
                if self._offer(self._space.schedule(moved)):
                    point, better = moved, True

    def _next_better(self, points: Iterator[Point]) -> Point | None:
        """The first of the points that is better than all before; None if there is
        none or the time is over."""
        for point in points:
            if self._is_over():
                return None
            if self._offer(self._space.schedule(point)):
                return point
        return None

    def _offer(self, schedule: Schedule | None) -> bool:
        """Whether a schedule that was not tried before is the best one now."""
        if schedule is None or schedule in self._seen or self._is_over():
            return False
        self._seen.add(schedule)
        try:
            candidate = self._bench.candidate(schedule)
        except BrError:  # one that the compiler refuses
            return False
        self.result.tried += 1
        if candidate is None:
            self.result.wrong.append(schedule)
            self._observe(self.result, False)
            return False
        runner = Runner(candidate.call)
        outcome = self._track.race(self._best, runner)
        better = outcome.ratio < GAIN
        if better:
            self._best = runner
            self.result.schedule = schedule
            self.result.seconds = outcome.challenger
        self._observe(self.result, better)
        return better

    def _confirm(self) -> None:
        """Races the best against the default once more, for longer: out of many
        candidates the luckiest looks better than it is."""
        if self.result.is_default:
            return
        outcome = self._track.race(self._default, self._best, 2 * ROUNDS)
        if outcome.ratio > GAIN:
            self.result.schedule = self.result.default
            self.result.seconds = self.result.default_seconds
        else:
            self.result.default_seconds = outcome.champion
            self.result.seconds = outcome.challenger
        self._observe(self.result, True)

    def _parsed(self, text: str | None) -> Schedule | None:
        """The schedule of a text, if it fits."""
        try:
            schedule = None if text is None else parse_schedule(text)
        except BrError:
            return None
        if schedule is None or self._space.fault(schedule) is not None:
            return None
        return schedule
