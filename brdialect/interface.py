"""How compiled code is called: what the pipeline tells those who run its output."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Interface:
    """How to call what was lowered. Tensors are row-major arrays, passed as pointers:

        entry(arguments..., packed..., results..., workspace)

    and once, when the program is loaded,

        load_entry(load_arguments..., packed..., workspace)
    """

    entry: str
    results: list[tuple[tuple[int, ...], str]]
    """Shape and numpy's name of the element type."""

    load_entry: str | None = None
    load_arguments: list[int | None] = field(default_factory=list[int | None])
    """For each: the index of a bound argument; None for a constant of the program."""

    load_results: list[int] = field(default_factory=list[int])
    """The bytes of each packed buffer."""

    arena_bytes: int = 0
    """The workspace."""
