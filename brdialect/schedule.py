"""Schedules: how the loops of one contraction run, as one readable line of data.

    #br.schedule<"D16 A b | m=c n=d k=g batch=e,f | tile=6x2 | pack=b16">

Iterators are letters in the order of the op's dimensions (`a` is d0). From left to
right (the idea of a string of letters is PARLOOPER's):

* the loops from the outside in: a letter and its step (1 where it is left out); a
  capital runs in parallel, a run of capitals as one parallel loop; a letter may stand
  again with a smaller step.
* `m=`, `n=`, `k=`: which iterators are the rows, columns and inner dimension of the
  batch-reduce GEMM, `batch=` those that are its batch. Their extent in one call is the
  step of their innermost loop, or all of it. A missing m or k counts 1.
* `tile=`: the register block of the micro-kernel, rows x vectors.
* `pack=`: operands repacked into panels: `b16` puts b into panels of 16 columns,
  `a6` puts a into panels of 6 rows.
* `prefetch=b`: while a part of b is used, the next one is brought into the L2.
* `skip=f`: taps of a window, of which a call leaves out those that would read the zeros
  around a: its first or last taps in the first or last rows of an image.

On a GPU the grid of thread blocks takes the place of the loops over rows and columns:

    #br.schedule<"D | m=c n=e k=f rows=a,b batch=g | block=64x64x16 warp=32x32 ..">

* `rows=`: further iterators that, with m, count up the rows of the matrix product.
* `block=`, `warp=`, `stages=`, `order=`, `math=`: what a block does (block_tile.py).
* The loops are capitals of step 1, one block for each trip; a loop over a sum shares it
  among blocks, which add up in copies of C.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from brdialect.block_tile import WORDS, BlockTile, parse_words
from brdialect.errors import BrError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FIELDS = (
    *("m", "n", "k", "rows", "batch"),
    *WORDS,
    *("tile", "pack", "prefetch", "skip"),
)


@dataclass(frozen=True)
class Loop:
    """One loop over an iterator (its number), `step` elements at a time."""

    iterator: int
    step: int = 1
    parallel: bool = False

    def __str__(self) -> str:
        letter = LETTERS[self.iterator]
        step = "" if self.step == 1 else str(self.step)
        return (letter.upper() if self.parallel else letter) + step


@dataclass(frozen=True)
class Schedule:
    """A parsed schedule. Iterators are numbers; `str` gives the line back."""

    loops: tuple[Loop, ...] = ()
    m: int | None = None
    n: int | None = None
    k: int | None = None
    batch: tuple[int, ...] = ()
    tile: tuple[int, int] | None = None
    pack_a: int | None = None
    pack_b: int | None = None
    prefetch_b: bool = False
    skip: int | None = None
    rows: tuple[int, ...] = ()
    block: BlockTile | None = None

    @property
    def inner(self) -> list[int]:
        """The iterators of one call: rows, columns, inner dimension and batch."""
        its = (*self.rows, self.m, self.n, self.k, *self.batch)
        return [i for i in its if i is not None]

    def steps(self, iterator: int) -> Sequence[int]:
        """The steps of the loops over one iterator, from the outside in."""
        return [loop.step for loop in self.loops if loop.iterator == iterator]

    def __str__(self) -> str:
        roles = [
            f"{name}={LETTERS[i]}"
            for name, i in (("m", self.m), ("n", self.n), ("k", self.k))
            if i is not None
        ]
        if self.rows:
            roles.append("rows=" + ",".join(LETTERS[i] for i in self.rows))
        if self.batch:
            roles.append("batch=" + ",".join(LETTERS[i] for i in self.batch))
        parts = [" ".join(str(loop) for loop in self.loops), " ".join(roles)]
        if self.tile is not None:
            parts.append(f"tile={self.tile[0]}x{self.tile[1]}")
        packs = (("a", self.pack_a), ("b", self.pack_b))
        if packed := [f"{name}{size}" for name, size in packs if size is not None]:
            parts.append("pack=" + ",".join(packed))
        if self.prefetch_b:
            parts.append("prefetch=b")
        if self.skip is not None:
            parts.append(f"skip={LETTERS[self.skip]}")
        if self.block is not None:
            parts.append(str(self.block))
        return " | ".join(parts)


def parse_schedule(text: str) -> Schedule:
    """The schedule that `text` says; BrError names the word that does not fit."""
    head, *rest = text.split("|")
    loops = tuple(_parse_loop(word) for word in head.split())
    fields: dict[str, str] = {}
    for word in " ".join(rest).split():
        name, equals, value = word.partition("=")
        if name not in _FIELDS or not equals:
            known = ", ".join(f"{field}=" for field in _FIELDS[:-1])
            raise BrError(
                f"expected {known} or {_FIELDS[-1]}= in a schedule, "
                f"got '{word}' in \"{text}\""
            )
        fields[name] = value

    def role(name: str) -> int | None:
        return _iterator(fields[name]) if name in fields else None

    packs = dict(
        _parse_pack(word) for word in fields.get("pack", "").split(",") if word
    )
    rows, batch = (
        tuple(_iterator(word) for word in fields.get(name, "").split(",") if word)
        for name in ("rows", "batch")
    )
    return Schedule(
        loops,
        role("m"),
        role("n"),
        role("k"),
        batch,
        _parse_tile(fields["tile"]) if "tile" in fields else None,
        packs.get("a"),
        packs.get("b"),
        "prefetch" in fields and _parse_prefetch(fields["prefetch"]),
        role("skip"),
        rows,
        parse_words(fields) if any(name in fields for name in WORDS) else None,
    )


def _iterator(letter: str) -> int:
    if len(letter) != 1 or letter.lower() not in LETTERS:
        raise BrError(f"expected an iterator's letter in a schedule, got '{letter}'")
    return LETTERS.index(letter.lower())


def _parse_loop(word: str) -> Loop:
    match = re.fullmatch(r"([A-Za-z])(\d{0,9})", word)
    if match is None or match[2] == "0":
        raise BrError(
            f"expected a loop such as a, B or c16 in a schedule, got '{word}'"
        )
    return Loop(_iterator(match[1]), int(match[2] or 1), match[1].isupper())


def _parse_tile(word: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,8})x([1-9]\d{0,8})", word)
    if match is None:
        raise BrError(f"expected tile=ROWSxVECTORS in a schedule, got 'tile={word}'")
    return int(match[1]), int(match[2])


def _parse_prefetch(word: str) -> bool:
    if word != "b":
        raise BrError(f"expected prefetch=b in a schedule, got 'prefetch={word}'")
    return True


def _parse_pack(word: str) -> tuple[str, int]:
    match = re.fullmatch(r"([ab])([1-9]\d{0,8})", word)
    if match is None:
        raise BrError(f"expected pack=aROWS or pack=bCOLUMNS, got 'pack={word}'")
    return match[1], int(match[2])


@irdl_attr_definition
class ScheduleAttr(Data[Schedule]):
    """`#br.schedule<"...">`, the line in quotes."""

    name = "br.schedule"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Schedule:
        with parser.in_angle_brackets():
            try:
                return parse_schedule(parser.parse_str_literal())
            except BrError as e:
                parser.raise_error(str(e))

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(str(self.data))
