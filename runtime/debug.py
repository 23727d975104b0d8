"""`BR_DEBUG`: 1 prints how long each stage takes, 2 adds tracebacks, 3 LLVM IR and
4 assembly, all to standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from brdialect.mistake import BrError

LEVELS = "0 (nothing), 1 (times), 2 (tracebacks, too), 3 (LLVM IR) or 4 (assembly)"


def debug_level() -> int:
    """What the variable asks for, 0 where it is not set or empty; an error where it is
    none of `LEVELS`."""
    text = os.environ.get("BR_DEBUG") or "0"
    if text not in ("0", "1", "2", "3", "4"):
        raise BrError(f"BR_DEBUG: expected {LEVELS}, got '{text}'")
    return int(text)


@contextmanager
def timed(stage: str) -> Generator[None]:
    """Prints the time that the body takes, where level 1 is asked for."""
    level, start = debug_level(), time.perf_counter()
    yield
    if level >= 1:
        seconds = time.perf_counter() - start
        print(f"BR_DEBUG: {stage}: {seconds * 1e3:.1f} ms", file=sys.stderr)


def show(level: int, title: str, text: str) -> None:
    """Prints `text` under a title, where `level` is asked for."""
    if debug_level() >= level:
        separator = "\n" if "\n" in text else " "
        print(f"BR_DEBUG: {title}:{separator}{text}", file=sys.stderr)


def stopwatch() -> Callable[[str, object], None]:
    """Prints the time since it was last called, or made, as that of a pass."""
    last = time.perf_counter()

    def observe(name: str, _: object) -> None:
        nonlocal last
        now = time.perf_counter()
        show(1, name, f"{(now - last) * 1e3:.1f} ms")
        last = now

    return observe
