"""Where an element stands: sums of variables with known ranges.

    K*j + k + 2        with 0 <= j < 4 and 0 <= k < K

Reshapes divide such sums, slices shift them, and the arithmetic that exporters write
around a counter (`max(0, min(t, T))`, `t < 0 ? t + T : t`) falls away, because the
ranges decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)


@dataclass(frozen=True, order=True)
class Variable:
    """0 <= variable < extent."""

    name: str
    extent: int


@dataclass(frozen=True)
class Index:
    """`constant` + the sum of factor * variable. `terms` are sorted, no factor is 0."""

    constant: int = 0
    terms: tuple[tuple[Variable, int], ...] = ()

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.constant + other, self.terms)
        factors = dict(self.terms)
        for variable, factor in other.terms:
            factors[variable] = factors.get(variable, 0) + factor
        return _index(self.constant + other.constant, factors)

    def __mul__(self, factor: int) -> Index:
        return _index(self.constant * factor, {v: f * factor for v, f in self.terms})

    def __sub__(self, other: Index) -> Index:
        return self + other * -1

    @cached_property
    def low(self) -> int:
        """The smallest value."""
        return self.constant + sum(f * (v.extent - 1) for v, f in self.terms if f < 0)

    @cached_property
    def high(self) -> int:
        """The largest value."""
        return self.constant + sum(f * (v.extent - 1) for v, f in self.terms if f > 0)

    @property
    def variables(self) -> list[Variable]:
        """Those it depends on."""
        return [v for v, _ in self.terms]

    def within(self, size: int) -> bool:
        """Whether every value is one of 0..size-1."""
        return self.low >= 0 and self.high < size

    def replaced(self, by: Mapping[Variable, Index]) -> Index:
        """With other indices in place of some variables."""
        if not any(v in by for v, _ in self.terms):
            return self
        result = Index(self.constant)
        for variable, factor in self.terms:
            other = by.get(variable)
            result += (Index(0, ((variable, 1),)) if other is None else other) * factor
        return result

    def divided(self, size: int) -> tuple[Index, Index] | None:
        """Quotient and remainder by `size`; None where they are no such sums."""
        whole = {v: f // size for v, f in self.terms if f % size == 0}
        rest = {v: f for v, f in self.terms if f % size}
        quotient, constant = divmod(self.constant, size)
        remainder = _index(constant, rest)
        if not remainder.within(size):
            return None
        return _index(quotient, whole), remainder


def _index(constant: int, factors: Mapping[Variable, int]) -> Index:
    return Index(constant, tuple(sorted((v, f) for v, f in factors.items() if f)))


def variable(name: str, extent: int) -> Index:
    """A variable by itself; 0 where that is all it can be."""
    return Index() if extent == 1 else Index(0, ((Variable(name, extent), 1),))


def joined(indices: Sequence[Index], sizes: Sequence[int]) -> Index:
    """Row-major position of `indices` in an array of `sizes`."""
    result = Index()
    for index, size in zip(indices, sizes, strict=True):
        result = result * size + index
    return result


def parted(index: Index, sizes: Sequence[int]) -> list[Index] | None:
    """The indices whose row-major position `index` is; None where it has no parts."""
    parts: list[Index] = []
    for size in reversed(sizes[1:]):
        found = index.divided(size)
        if found is None:
            return None
        index, remainder = found
        parts.append(remainder)
    return [index, *reversed(parts)]


def applied(map_: AffineMap, iterators: Sequence[Index]) -> tuple[Index, ...] | None:
    """The results of an indexing map; None if one is no sum."""
    found = [_evaluated(e, iterators) for e in map_.results]
    known = tuple(i for i in found if i is not None)
    return known if len(known) == len(found) else None


def _evaluated(expr: AffineExpr, iterators: Sequence[Index]) -> Index | None:
    match expr:
        case AffineDimExpr():
            return iterators[expr.position]
        case AffineConstantExpr():
            return Index(expr.value)
        case AffineBinaryOpExpr():
            left = _evaluated(expr.lhs, iterators)
            right = _evaluated(expr.rhs, iterators)
            if left is None or right is None:
                return None
            if expr.kind is AffineBinaryOpKind.Add:
                return left + right
            if right.terms:
                return None
            return _by_number(expr.kind, left, right.constant)
        case _:
            return None


def _by_number(kind: AffineBinaryOpKind, left: Index, number: int) -> Index | None:
    if kind is AffineBinaryOpKind.Mul:
        return left * number
    found = left.divided(number) if number > 0 else None
    if found is None:
        return None
    if kind is AffineBinaryOpKind.FloorDiv:
        return found[0]
    return found[1] if kind is AffineBinaryOpKind.Mod else None


def progression(family: Sequence[Index], step: Index) -> Index | None:
    """The sum that is `family[j]` at step j; None if they are not evenly spaced."""
    first = family[0]
    if len(family) == 1:
        return first
    distance = family[1].constant - first.constant
    for j, index in enumerate(family):
        if index.terms != first.terms:
            return None
        if index.constant != first.constant + j * distance:
            return None
    return first + step * distance


def with_unit_dims(
    index: Sequence[Index], sizes: Sequence[int], shape: Sequence[int]
) -> tuple[Index, ...]:
    """Indices into a slice of `sizes`, from those into a `shape` that lacks some of
    its dimensions of size 1."""
    given = iter(index)
    return tuple(Index() if drop else next(given) for drop in _dropped(sizes, shape))


def without_unit_dims(
    index: Sequence[Index], sizes: Sequence[int], shape: Sequence[int]
) -> tuple[Index, ...]:
    """The other way round."""
    dropped = _dropped(sizes, shape)
    return tuple(i for i, drop in zip(index, dropped, strict=True) if not drop)


def _dropped(sizes: Sequence[int], shape: Sequence[int]) -> list[bool]:
    """For each of `sizes`, whether `shape` leaves it out: from the left, as long as
    dimensions of size 1 are to be left out."""
    left = len(sizes) - len(shape)
    kept = 0
    result: list[bool] = []
    for size in sizes:
        want = shape[kept] if kept < len(shape) else 0
        drop = left > 0 and size == 1 and want != 1
        result.append(drop)
        left -= drop
        kept += not drop
    return result
