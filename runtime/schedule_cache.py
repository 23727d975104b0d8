"""The schedules that br-tune found, kept for every later compile: a readable file for
each target in the user's cache folder. Its layout: passes/schedule/tuned_schedules.py.

Writers take turns under a lock and replace the file whole, so a reader never sees half
of one. Nothing here stops a compile: what cannot be read is left out with a warning.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brdialect.errors import BrError
from brdialect.target import Target
from passes.schedule.tuned_schedules import FORMAT, Tuned, parse_entries, schedules_of
from runtime.schedule_file import schedule_file, target_line

try:
    import fcntl
except ImportError:  # no such locks here: the last of two writers at once wins
    fcntl = None

Entries = dict[str, dict[str, Any]]


def tuned_schedules(target: Target) -> Tuned:
    """The text of the schedule for each signature that has been tuned."""
    path = schedule_file(target)
    return {} if path is None else schedules_of(_entries(path, target))


def keep(target: Target, key: str, entry: dict[str, Any]) -> bool:
    """Stores the entry of a signature, beside those that others stored meanwhile.
    False, with a warning, where that cannot be."""
    return _change(target, lambda entries: entries | {key: entry})


def forget(target: Target, key: str) -> bool:
    """Removes the entry of a signature."""

    def without(entries: Entries) -> Entries:
        return {k: entry for k, entry in entries.items() if k != key}

    return _change(target, without)


def _change(target: Target, change: Callable[[Entries], Entries]) -> bool:
    path = schedule_file(target)
    if path is None:
        _warn("the schedule is not kept: there is no cache folder (BR_CACHE_DIR)")
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            _replace(path, target, change(_entries(path, target)))
    except OSError as e:
        _warn(f"the schedule is not kept: {path}: {e.strerror}")
        return False
    return True


def _entries(path: Path, target: Target) -> Entries:
    """What a file holds; nothing where it is not there, damaged or another target's."""
    try:
        text = path.read_text(encoding="utf-8")
        entries = parse_entries(text, str(path), target_line(target))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, BrError) as e:
        reason = str(e) if isinstance(e, BrError) else f"{path}: cannot be read: {e}"
        _warn(f"tuned schedules are left out: {reason}")
        return {}
    return entries


def _replace(path: Path, target: Target, entries: Entries) -> None:
    content = {
        "format": FORMAT,
        "target": target_line(target),
        "schedules": dict(sorted(entries.items())),
    }
    number, name = tempfile.mkstemp(".json", ".new-", path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Alone among the processes and threads that take this lock."""
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
