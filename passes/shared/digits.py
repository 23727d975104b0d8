"""An index that counts through several dimensions: rows that are images, lines and
pixels; a sum that is taps and channels. And what that means for addresses.

    Digits((2, 5, 7), (400, 40, 1))       // 70 rows: 2 images of 5 lines of 7 pixels
    offset(i) = i / 35 * 400 + i / 7 % 5 * 40 + i % 7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod

from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, i32
from xdsl.ir import SSAValue

from passes.shared.build import Index, add, mul, value

MOST = 2**31
"""Indices below this are divided in 32 bits: a GPU has no 64-bit multiplier."""


@dataclass(frozen=True)
class Digits:
    """Extents of the dimensions, the last one fastest, and how far each one's step goes
    in memory, in elements."""

    extents: tuple[int, ...]
    strides: tuple[int, ...]
    places: tuple[tuple[int, ...], ...] = ()
    """For each edge of the operand (brdialect/roles.py), how far each dimension's step
    goes towards it."""

    @property
    def _steps(self) -> list[tuple[int, ...]]:
        """Of each dimension, all that a step of it goes."""
        return [*zip(self.strides, *self.places, strict=True)]

    def _of(self, dims: Sequence[tuple[int, tuple[int, ...]]]) -> Digits:
        """The same with other dimensions: extents and steps."""
        columns = [tuple(s[i] for _, s in dims) for i in range(1 + len(self.places))]
        return Digits(tuple(e for e, _ in dims), columns[0], tuple(columns[1:]))

    @property
    def size(self) -> int:
        """How far the index counts."""
        return prod(self.extents)

    @property
    def last(self) -> tuple[int, int]:
        """Extent and stride of the fastest dimension."""
        return (self.extents[-1], self.strides[-1]) if self.extents else (1, 1)

    @property
    def merged(self) -> Digits:
        """The same with as few dimensions as can be."""
        found: list[tuple[int, tuple[int, ...]]] = []
        for extent, steps in zip(self.extents, self._steps, strict=True):
            if extent == 1:
                continue
            if found and found[-1][1] == tuple(extent * s for s in steps):
                found[-1] = (found[-1][0] * extent, steps)
            else:
                found.append((extent, steps))
        return self._of(found)

    def split(self, inner: int) -> tuple[Digits, Digits] | None:
        """The same as an outer and an inner index, which counts `inner` numbers; None
        where digits do not come apart there."""
        outer = [*zip(self.extents, self._steps, strict=True)]
        found: list[tuple[int, tuple[int, ...]]] = []
        while inner > 1:
            if not outer:
                return None
            extent, steps = outer.pop()
            taken = gcd(extent, inner)
            if taken != min(extent, inner):
                return None
            found.append((taken, steps))
            if taken < extent:
                outer.append((extent // taken, tuple(s * taken for s in steps)))
            inner //= taken
        return self._of(outer), self._of(found[::-1])

    def run(self, most: int) -> int:
        """How many elements from a multiple of that number on lie side by side: a power
        of two of at most `most`."""
        digits = self.merged
        extent, stride = digits.last
        if stride != 1 or any(x[-1:] not in ((), (0,)) for x in digits.places):
            return 1
        return gcd(most, extent, *digits.strides[:-1])

    def offset(self, index: Index) -> Index:
        """Where the element of an index lies. `index` may be past the end: it then lies
        anywhere, and nothing may be read there."""
        return self._sum(index, 0)

    def place(self, index: Index, edges: int) -> Index:
        """How far towards some edges the element of an index lies."""
        return self._sum(index, 1 + edges)

    def _sum(self, index: Index, which: int) -> Index:
        digits = self.merged
        terms: list[Index] = []
        for position, steps in enumerate(digits._steps):
            inner = prod(digits.extents[position + 1 :])
            if not steps[which]:
                continue
            digit = divided(index, inner)
            if position:
                digit = modulo(digit, digits.extents[position])
            terms.append(mul(digit, steps[which]))
        return add(*terms) if terms else 0


NO_DIGITS = Digits((), ())


def _by_32_bits(op: type[arith.DivUIOp | arith.RemUIOp], x: SSAValue, by: int):
    narrow = arith.IndexCastOp(x, i32).result
    number = arith.ConstantOp.from_int_and_width(by, i32).result
    return arith.IndexCastOp(op(narrow, number).result, IndexType()).result


def divided(x: Index, by: int, below: int = MOST) -> Index:
    """`x / by` of an index that is not negative and less than `below`."""
    if isinstance(x, int):
        return x // by
    if by == 1:
        return x
    if below <= by:
        return 0
    if by & (by - 1) == 0:
        return arith.ShRUIOp(x, value(by.bit_length() - 1)).result
    if below > MOST:
        return arith.DivUIOp(x, value(by)).result
    return _by_32_bits(arith.DivUIOp, x, by)


def modulo(x: Index, by: int, below: int = MOST) -> Index:
    """`x mod by` of an index that is not negative and less than `below`."""
    if isinstance(x, int):
        return x % by
    if by == 1:
        return 0
    if below <= by:
        return x
    if by & (by - 1) == 0:
        return arith.AndIOp(x, value(by - 1)).result
    if below > MOST:
        return arith.RemUIOp(x, value(by)).result
    return _by_32_bits(arith.RemUIOp, x, by)


def xor(x: Index, y: Index) -> Index:
    """Bits that differ."""
    if isinstance(x, int) and isinstance(y, int):
        return x ^ y
    if x == 0 or y == 0:
        return y if x == 0 else x
    return arith.XOrIOp(value(x), value(y)).result


def unravel(index: Index, extents: Sequence[int], below: int = MOST) -> list[Index]:
    """The digits themselves, for all of `extents`."""
    digits: list[Index] = []
    for position, extent in enumerate(extents):
        inner = prod(extents[position + 1 :])
        digit = divided(index, inner, below)
        if position:
            digit = modulo(digit, extent, max(below // inner, extent + 1))
        digits.append(digit)
    return digits
