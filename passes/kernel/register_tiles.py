"""The tiles of C that a micro-kernel holds in registers, and where its edges cut them.

    28 rows by 6        3 tiles of 6 rows, 2 of 5
    70 columns by 64    one tile of 4 vectors, one of one vector with 6 valid lanes

(16 lanes a vector). Sizes known at run time only end in tiles of one row, and of one
vector under a mask.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith

from passes.shared.build import Index, value


@dataclass(frozen=True)
class Tiles:
    """`count` tiles of `size` from `start`; unknown sizes end in a run-time bound."""

    start: Index
    stop: Index
    size: int


def row_tiles(m: Index, rows: int) -> list[Tiles]:
    """m rows, at most `rows` at a time, as even as can be: 28 by 6 is 3 x 6, 2 x 5."""
    if not isinstance(m, int):
        whole = arith.MuliOp(arith.DivUIOp(m, value(rows)), value(rows)).result
        return [Tiles(0, whole, rows), Tiles(whole, m, 1)]
    number = -(-m // rows)
    small, bigger = divmod(m, number) if number else (0, 0)
    middle = bigger * (small + 1)
    tiles = [Tiles(0, middle, small + 1), Tiles(middle, m, small)]
    return [t for t in tiles if t.start != t.stop]


@dataclass(frozen=True)
class Columns:
    """Column tiles of `vectors` vectors; `tail` lanes of the last are valid, or as many
    as the run-time bound `stop` leaves."""

    start: Index
    stop: Index
    vectors: int
    tail: int | None
    runtime: bool = False


def column_tiles(n: Index, vectors: int, lanes: int) -> list[Columns]:
    """n columns as whole tiles and a last, narrower one whose last vector is masked."""
    step = vectors * lanes
    if not isinstance(n, int):
        whole = arith.MuliOp(arith.DivUIOp(n, value(step)), value(step)).result
        return [Columns(0, whole, vectors, None), Columns(whole, n, 1, None, True)]
    whole = n // step * step
    tiles = [Columns(0, whole, vectors, None)] if whole else []
    if rest := n - whole:
        tiles.append(Columns(whole, n, -(-rest // lanes), rest % lanes or None))
    return tiles
