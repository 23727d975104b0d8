"""The arithmetic of windows: which elements of a dimension which positions and taps
reach. Plain mathematics; windows.py makes generics of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from xdsl.dialects.linalg import ops as linalg
from xdsl.ir.affine import AffineExpr

from brdialect.errors import unsupported
from brdialect.roles import Linear
from passes.gradients.spaces import extents_of
from passes.shared.linalg_match import maps_of


@dataclass(frozen=True)
class Window:
    """A dimension read at `stride * position + dilation * tap + constant`."""

    position: int
    tap: int | None
    stride: int
    dilation: int
    constant: int
    positions: int
    taps: int
    low: int
    """The padding before the part of the dimension whose gradient is wanted."""

    size: int
    """Of that part."""

    @property
    def step(self) -> int:
        """t: the taps of a residue are so many apart."""
        return self.stride // gcd(self.stride, self.dilation)

    @property
    def side_by_side(self) -> bool:
        """Whether each element is reached once: the windows lie end to end, or there is
        a single one."""
        dense = self.taps > 1 and self.dilation == 1 and not self.constant
        return dense and (self.stride == self.taps or self.positions == 1)

    @property
    def residues(self) -> list[Residue]:
        """One for each residue that some tap reaches."""
        found = [Residue(self, r0) for r0 in range(min(self.step, self.taps))]
        return [r for r in found if r.size > 0]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The elements that no tap reaches: the first of each residue, from the
        beginning of the wanted part, and how many they are."""
        reached = {(r.first - self.low) % self.stride for r in self.residues}
        return [
            (first, -((first - self.size) // self.stride))
            for first in range(min(self.stride, self.size))
            if first not in reached
        ]


@dataclass(frozen=True)
class Residue:
    """The elements `first + stride * u` of one dimension, reached from every t-th tap
    from `r0` on."""

    window: Window
    r0: int

    @property
    def first(self) -> int:
        """h0: the first element, not before the wanted part."""
        w = self.window
        start = w.dilation * self.r0 + w.constant
        return w.low + (start - w.low) % w.stride

    @property
    def size(self) -> int:
        """How many elements: the extent of u."""
        w = self.window
        return -((self.first - w.low - w.size) // w.stride)

    @property
    def taps(self) -> int:
        """The extent of r'."""
        return -((self.r0 - self.window.taps) // self.window.step)

    @property
    def base(self) -> int:
        """b"""
        w = self.window
        return (self.first - w.dilation * self.r0 - w.constant) // w.stride

    @property
    def spread(self) -> int:
        """e"""
        return self.window.dilation // gcd(self.window.stride, self.window.dilation)


def window_of(op: linalg.GenericOp, form: Linear, low: int, size: int) -> Window:
    """The window that an operand's dimension is read by."""
    extents, result = extents_of(op), maps_of(op)[-1]
    places = [i for i in form.iterators if i in result.used_dims()]
    # of two iterators of the result the one with more trips is the position
    places.sort(key=lambda i: -extents[i])
    factors = form.coefficients
    if not places or len(form.iterators) > 2 or min(factors) < 0:
        unsupported(
            op,
            "expected windows of one iterator of the result and at most one other, "
            f"with positive steps, to differentiate, got {expression(form)}",
        )
    position = places[0]
    tap = next((i for i in form.iterators if i != position), None)
    return Window(
        position,
        tap,
        factors[position],
        1 if tap is None else factors[tap],
        form.constant,
        extents[position],
        1 if tap is None else extents[tap],
        low,
        size,
    )


def expression(form: Linear) -> AffineExpr:
    """The sum as an affine expression, without terms that are zero."""
    total: AffineExpr | None = None
    for i in form.iterators:
        factor = form.coefficients[i]
        term = AffineExpr.dimension(i)
        term = term if factor == 1 else term * factor
        total = term if total is None else total + term
    if total is None:
        return AffineExpr.constant(form.constant)
    return total + form.constant if form.constant else total


def substitute(form: Linear, old: Sequence[Linear]) -> Linear:
    """The form in other iterators; `old` says what each of its own is in them."""
    coefficients, constant = [0] * len(old), form.constant
    for i in form.iterators:
        factor = form.coefficients[i]
        constant += factor * old[i].constant
        for j, c in enumerate(old[i].coefficients):
            coefficients[j] += factor * c
    return Linear(tuple(coefficients), constant)


def bounds(form: Linear, extents: Sequence[int]) -> tuple[int, int]:
    """The least and the largest value of a form."""
    ends = [c * (n - 1) for c, n in zip(form.coefficients, extents, strict=True)]
    least = form.constant + sum(min(0, e) for e in ends)
    return least, form.constant + sum(max(0, e) for e in ends)
