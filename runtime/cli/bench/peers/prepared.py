"""What a library hands over to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brdialect.arrays import Array


@dataclass(frozen=True)
class Prepared:
    """`run` does the work once; `output` is the plain-layout result of the latest."""

    run: Callable[[], object]
    output: Callable[[], Array]
