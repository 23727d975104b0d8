"""How compiled code is called: what the pipeline tells those who run its output."""

from __future__ import annotations

from dataclasses import dataclass, field

UNSIGNED = "br.unsigned"
"""Marks arguments and results of integers without a sign, about which MLIR's signless
types say nothing."""

BY_TABLE = ".by_table"
"""The end of the names of functions that take their arguments from a table."""

SLOT = 8
"""The bytes of an argument in a table: a pointer, a size, or a number of any type."""


@dataclass(frozen=True)
class Limit:
    """The elements of an argument, lengths of sequences, lie within 0..most."""

    most: int | tuple[int, int]
    """A number, or the size of (argument, dimension)."""

    reader: str
    """The name of the op that takes them."""


@dataclass(frozen=True)
class Nest:
    """A piece of an entry that is timed by itself."""

    nodes: list[tuple[str, str]]
    """What it does: the name and the operator of each node of a model, or the line and
    the operation of a file. The first one is what the others ride with; none where
    that is not known."""

    flops: int
    """Floating-point operations of its products in one call."""


@dataclass(frozen=True)
class Panels:
    """How an array lies in memory: as [blocks, others..., size], its dimension `cut` in
    blocks of `size` elements."""

    cut: int
    others: list[int]
    """The other dimensions, in their order in memory."""

    size: int


@dataclass(frozen=True)
class State:
    """An argument that the next call takes from a result of this one, in the same
    memory (`br.state`)."""

    argument: int
    result: int
    panels: Panels | None = None
    """None where it is row-major."""


@dataclass
class Interface:
    """How to call what was lowered. Tensors are row-major arrays, passed as pointers;
    in this process all arguments stand in one table (`call-by-table`):

        entry(arguments..., packed..., results..., clock, workspace)

    and once, when the program is loaded,

        load_entry(load_arguments..., packed..., workspace)

    `clock` is there in a profile alone. Behind a pointer comes an i64 for each size of
    the array that is open.
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

    state: list[State] = field(default_factory=list[State])
    """What is kept from call to call."""

    nests: list[Nest] | None = None
    """Those of an entry that is to be profiled. Only then there is a `clock`: i64, the
    ticks of the time stamp counter before the first nest and behind each."""

    @property
    def functions(self) -> list[str]:
        """The names of those that are called."""
        return (
            [self.entry] if self.load_entry is None else [self.entry, self.load_entry]
        )

    @property
    def tables(self) -> list[str]:
        """The names under which they are called with a table."""
        return [name + BY_TABLE for name in self.functions]

    def workspace_bytes(self, steps: int) -> int:
        """The workspace of a call on sequences of `steps` steps."""
        return self.arena_bytes + self.arena_step_bytes * steps
