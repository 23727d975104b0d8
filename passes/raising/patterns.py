"""Patterns of scalar computations, matched against the elements of tensors.

    Sum(Times(sigmoid(Any("f")), Any("c0")), Times(sigmoid(Any("i")), tanh(Any("g"))))

A pattern says what is computed, up to the order of the operands of additions and
multiplications; into which operations it is cut, `Elements` hides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from passes.raising.elements import Elements, Point

Found = Mapping[str, Point]
"""What the names in a pattern stand for."""


class Pattern:
    """What a point may be."""

    def match(self, at: Point, elements: Elements, found: Found) -> Iterator[Found]:
        """`found` with the names in here added, in each way in which it fits."""
        raise NotImplementedError


@dataclass(frozen=True)
class Any(Pattern):
    """Any element, of the form `pattern` where that is given. The same name twice is
    the same element."""

    name: str
    pattern: Pattern | None = None

    def match(self, at: Point, elements: Elements, found: Found) -> Iterator[Found]:
        if self.name in found:
            if elements.key(found[self.name]) == elements.key(at):
                yield found
            return
        found = {**found, self.name: at}
        if self.pattern is None:
            yield found
        else:
            yield from self.pattern.match(at, elements, found)


@dataclass(frozen=True)
class Number(Pattern):
    """A constant."""

    value: float

    def match(self, at: Point, elements: Elements, found: Found) -> Iterator[Found]:
        if elements.number(at) == self.value:
            yield found


@dataclass(frozen=True)
class Operation(Pattern):
    """A scalar operation by name."""

    name: str
    operands: Sequence[Pattern]
    commutes: bool = False

    def match(self, at: Point, elements: Elements, found: Found) -> Iterator[Found]:
        operation = elements.operation(at)
        if operation is None or operation[0] != self.name:
            return
        values = operation[1]
        for order in permutations(values) if self.commutes else [tuple(values)]:
            yield from _match_all(self.operands, order, elements, found)


@dataclass(frozen=True)
class Either(Pattern):
    """One of several ways to write the same."""

    patterns: Sequence[Pattern]

    def match(self, at: Point, elements: Elements, found: Found) -> Iterator[Found]:
        for pattern in self.patterns:
            yield from pattern.match(at, elements, found)


def last_operations(pattern: Pattern) -> frozenset[str]:
    """The names of the operations that what matches may come out of."""
    match pattern:
        case Operation():
            return frozenset([pattern.name])
        case Either():
            return frozenset(n for p in pattern.patterns for n in last_operations(p))
        case _:
            return frozenset()


def _match_all(
    patterns: Sequence[Pattern],
    points: Sequence[Point],
    elements: Elements,
    found: Found,
) -> Iterator[Found]:
    if not patterns:
        yield found
        return
    for first in patterns[0].match(points[0], elements, found):
        yield from _match_all(patterns[1:], points[1:], elements, first)


ONE = Number(1.0)
ZERO = Number(0.0)


def plus(x: Pattern, y: Pattern) -> Pattern:
    """x + y"""
    return Operation("arith.addf", (x, y), commutes=True)


def minus(x: Pattern, y: Pattern) -> Pattern:
    """x - y"""
    return Operation("arith.subf", (x, y))


def times(x: Pattern, y: Pattern) -> Pattern:
    """x * y"""
    return Operation("arith.mulf", (x, y), commutes=True)


def over(x: Pattern, y: Pattern) -> Pattern:
    """x / y"""
    return Operation("arith.divf", (x, y))


def tanh(x: Pattern) -> Pattern:
    """tanh x"""
    return Operation("math.tanh", (x,))


def sigmoid(x: Pattern) -> Pattern:
    """1 / (1 + exp(-x)), or by tanh."""
    half = Number(0.5)
    negative = Either(
        (Operation("arith.negf", (x,)), minus(ZERO, x), times(x, Number(-1.0)))
    )
    return Either(
        (
            over(ONE, plus(ONE, Operation("math.exp", (negative,)))),
            plus(half, times(half, tanh(times(half, x)))),
        )
    )


def relu(x: Pattern) -> Pattern:
    """max(x, 0), as a maximum or as a choice by `ugt`; NaN stays NaN."""
    chosen = Operation("arith.select", (Operation("arith.cmpf 9", (x, ZERO)), x, ZERO))
    return Either((Operation("arith.maximumf", (x, ZERO), commutes=True), chosen))
