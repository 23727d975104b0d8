"""A tuning run over several contractions: shares the time, keeps what is found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from brdialect.target import Target
from runtime.peak import PeakMeter
from runtime.schedule_cache import forget, keep, tuned_schedules
from runtime.tuner.contractions import Work
from runtime.tuner.race import Track, Unwatched
from runtime.tuner.search import Observer, Result, Search

SHORTEST = 0.2
"""Seconds in which a search may find something: a few candidates."""


@dataclass
class Session:
    """Tunes contractions one after another, the heaviest first.

    Each has the part of the remaining time that its operations are of those to come. A
    winner is in the cache as soon as it is found, so whatever ends the run, it stays.
    """

    works: Sequence[Work]
    target: Target
    observe: Observer
    results: list[Result] = field(default_factory=list[Result])
    too_small: int = 0
    """Contractions that there was no time for."""

    stopped: bool = False
    """Whether the run was told to end before its time."""

    def stop(self) -> None:
        """Ends the run after the schedule that is being tried, from wherever it is
        called: a signal that raised an exception in the middle of LLVM's bookkeeping
        would leave that half done."""
        self.stopped = True

    def run(self, budget: float) -> None:
        """Takes about `budget` seconds."""
        end = time.monotonic() + budget
        known = tuned_schedules(self.target)
        left = sum(work.weight for work in self.works)
        tracks: dict[int, Track] = {}
        for work in self.works:
            if self.stopped:
                break
            now = time.monotonic()
            share = (end - now) * work.weight / left
            left -= work.weight
            if share < SHORTEST and self.results:
                self.too_small += 1
                continue
            size = 8 if work.problem.element_bytes == 8 else 4
            if size not in tracks:
                of_gpu = self.target.is_gpu
                meter = Unwatched() if of_gpu else PeakMeter(self.target, size)
                tracks[size] = Track(meter)
            search = Search(work, self.target, tracks[size], self._keep)
            self.results.append(search.result)
            search.run(partial(self._is_over, now + share), known.get(work.key))
            if work.key in known and search.result.tried and search.result.is_default:
                forget(self.target, work.key)  # the default is as good by now

    def _is_over(self, deadline: float) -> bool:
        return self.stopped or time.monotonic() >= deadline

    def _keep(self, result: Result, changed: bool) -> None:
        """Stores a new winner, removes one that lost."""
        if changed and result.is_default:
            forget(self.target, result.work.key)
        elif changed:
            entry = {
                "schedule": str(result.schedule),
                "ms": round(result.seconds * 1e3, 6),
                "default": str(result.default),
                "default ms": round(result.default_seconds * 1e3, 6),
            }
            keep(self.target, result.work.key, entry)
        self.observe(result, changed)
