"""Where a slice of an operand lies in shared memory, so that no two lanes ask for
different words of one bank.

A slice is `rows x width` elements, rows of 32 bytes or more, cut into chunks of 16
bytes. Shared memory has 32 banks of 4 bytes. An `ldmatrix` reads the same chunk of 8
rows, so chunk c of row r lies where chunk `c xor r` of the row would be:

    width of 64 bytes            row 0   0 1 2 3
    (two rows to 32 banks)       row 1   0 1 2 3
                                 row 2   1 0 3 2
                                 row 3   1 0 3 2 ...

32-bit elements that lie across the sum are read word by word, 4 rows (t) of 8 words (g)
at a time: `column xor 8 (row mod 4)` puts these into 32 banks.

A slice for `wgmma` has lines of 128 bytes (brdialect/warpgroup_ops.py). Along the sum
that is the same as above; across it, a row is cut into panels of a line each, and all
rows of a panel come before the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

from passes.shared.build import Index, add, mul
from passes.shared.digits import divided, modulo, xor

CHUNK = 16
"""Bytes of a row of a matrix that ldmatrix reads, and of the longest copy."""


@dataclass(frozen=True)
class SharedLayout:
    """A slice; `words` says that single 32-bit words of it are read."""

    rows: int
    width: int
    element_bytes: int
    words: bool = False
    panel: int = 0
    """Elements of a panel, where rows are cut into such."""

    @property
    def size(self) -> int:
        """Elements."""
        return self.rows * self.width

    @property
    def chunk(self) -> int:
        """Elements of a chunk."""
        return CHUNK // self.element_bytes

    @property
    def period(self) -> int:
        """After how many rows the order of chunks repeats."""
        return 4 if self.words else 8

    def swizzle(self, row: Index) -> Index:
        """What a row's columns are combined with, in elements."""
        if self.words:
            return mul(modulo(row, 4), 8)
        chunks = min(8, (self.panel or self.width) // self.chunk)
        return mul(divided(modulo(row, 8), 8 // chunks), self.chunk)

    def offset(self, row: Index, column: Index, swizzle: Index | None = None) -> Index:
        """Where an element lies, in elements; `swizzle` is that of the row, if it is
        known already."""
        swizzle = self.swizzle(row) if swizzle is None else swizzle
        if not self.panel:
            return add(mul(row, self.width), xor(column, swizzle))
        first = mul(divided(column, self.panel), self.rows * self.panel)
        inside = xor(modulo(column, self.panel), swizzle)
        return add(first, mul(row, self.panel), inside)
