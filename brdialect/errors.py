"""The errors a user can cause, each one clear sentence at the place of the mistake."""

from __future__ import annotations

from typing import NoReturn

from xdsl.ir import Operation
from xdsl.utils.exceptions import PassFailedException

from brdialect.locations import place
from brdialect.mistake import BrError

__all__ = ["BrError", "UnsupportedError", "unsupported", "where"]


class UnsupportedError(PassFailedException, BrError):
    """An operation that a pass cannot lower, named with its place in the input."""


def where(op: Operation) -> str:
    """`file:line:col: 'linalg.generic'`, as far as the location is known; where that
    has no line, its name."""
    at = place(op.location)
    return f"{at}: '{op.name}'" if at else f"'{op.name}'"


def unsupported(op: Operation, message: str) -> NoReturn:
    """Stops the pass at `op`: `file:line:col: 'op.name': message`."""
    raise UnsupportedError(f"{where(op)}: {message}")
