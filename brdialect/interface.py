"""How compiled code is called: what the pipeline tells those who run its output."""

from __future__ import annotations

from dataclasses import dataclass, field

UNSIGNED = "br.unsigned"
"""Marks arguments and results of integers without a sign, about which MLIR's signless
types say nothing."""


@dataclass(frozen=True)
class Limit:
    """The elements of an argument, lengths of sequences, lie within 0..most."""

    most: int | tuple[int, int]
    """A number, or the size of (argument, dimension)."""

    reader: str
    """The name of the op that takes them."""


@dataclass
class Interface:
    """How to call what was lowered. Tensors are row-major arrays, passed as pointers:

        entry(arguments..., packed..., results..., workspace)

    and once, when the program is loaded,

        load_entry(load_arguments..., packed..., workspace)

    Behind a pointer comes an i64 for each size of the array that is open.
    """

    entry: str
    results: list[tuple[tuple[int | None, ...], str]]
    """Shape and numpy's name of the element type. A size of None is open: it is the
    sequence length of the call, as are the open sizes of tensors in `open_sizes`."""

    open_sizes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(argument, dimension): sizes that the code takes at run time."""

    load_entry: str | None = None
    load_arguments: list[int | None] = field(default_factory=list[int | None])
    """For each: the index of a bound argument; None for a constant of the program."""

    load_results: list[int] = field(default_factory=list[int])
    """The bytes of each packed buffer."""

    arena_bytes: int = 0
    """The workspace."""

    arena_step_bytes: int = 0
    """What the entry's workspace has beside that for each step of a sequence. Where
    this is not 0, its size is open too."""

    def workspace_bytes(self, steps: int) -> int:
        """The workspace of a call on sequences of `steps` steps."""
        return self.arena_bytes + self.arena_step_bytes * steps
