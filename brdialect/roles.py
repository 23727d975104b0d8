"""Which iterator of a contraction plays which part: plain mathematics, no rewriting.

A contraction `C[..] += A[..] * B[..]` is described by its iterators and by the
operands in which each of them appears:

| appears in | role |
|---|---|
| A and C | m: rows of the micro-kernel, or an outer loop |
| B and C | n: vectorised columns, or an outer loop |
| A and B | k: the inner dimension, or the batch of the batch-reduce |
| A, B and C | outer: a loop around it all (a batch, a group) |

Matmul, its transposes, einsums, convolutions of any rank, stride, dilation and
grouping and the gradients of all of these differ in this table only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)


class Role(Enum):
    """The part an iterator plays."""

    M = "m"
    N = "n"
    K = "k"
    OUTER = "outer"


@dataclass(frozen=True)
class Linear:
    """`constant + sum coefficients[i] * d_i`: one dimension of a plain operand."""

    coefficients: tuple[int, ...]
    constant: int

    @property
    def iterators(self) -> list[int]:
        """The iterators that take part."""
        return [i for i, c in enumerate(self.coefficients) if c]

    @property
    def plain(self) -> int | None:
        """The iterator that is this dimension, if it is one alone."""
        its = self.iterators
        if len(its) == 1 and self.coefficients[its[0]] == 1 and not self.constant:
            return its[0]
        return None


@dataclass(frozen=True)
class Blocked:
    """`d_i floordiv block` (outer) or `d_i mod block`: a dimension of a packed one."""

    iterator: int
    block: int
    outer: bool


Form = Linear | Blocked


def form_of(expr: AffineExpr, dims: int) -> Form | None:
    """What one result of an indexing map says; None if it is neither form."""
    match expr:
        case AffineConstantExpr(value):
            return Linear((0,) * dims, value)
        case AffineDimExpr(position):
            return Linear(tuple(int(i == position) for i in range(dims)), 0)
        case AffineBinaryOpExpr(kind, lhs, rhs):
            left, right = form_of(lhs, dims), form_of(rhs, dims)
            if not isinstance(left, Linear) or not isinstance(right, Linear):
                return None
            return _combine(kind, left, right)
        case _:
            return None


def _combine(kind: AffineBinaryOpKind, left: Linear, right: Linear) -> Form | None:
    if kind is AffineBinaryOpKind.Add:
        pairs = zip(left.coefficients, right.coefficients, strict=True)
        return Linear(tuple(x + y for x, y in pairs), left.constant + right.constant)
    if right.iterators:
        if kind is not AffineBinaryOpKind.Mul or left.iterators:
            return None
        left, right = right, left
    factor = right.constant
    if kind is AffineBinaryOpKind.Mul:
        scaled = tuple(c * factor for c in left.coefficients)
        return Linear(scaled, left.constant * factor)
    iterator = left.plain
    if iterator is None or factor <= 0:
        return None
    if kind in (AffineBinaryOpKind.FloorDiv, AffineBinaryOpKind.Mod):
        return Blocked(iterator, factor, kind is AffineBinaryOpKind.FloorDiv)
    return None


def forms_of(map_: AffineMap) -> tuple[Form, ...] | None:
    """The forms of all results of a map; None if one of them has none."""
    forms = [form_of(e, map_.num_dims) for e in map_.results]
    known = tuple(f for f in forms if f is not None)
    return known if len(known) == len(forms) else None


def iterators_in(forms: Sequence[Form]) -> set[int]:
    """The iterators that an operand depends on."""
    found: set[int] = set()
    for form in forms:
        found.update([form.iterator] if isinstance(form, Blocked) else form.iterators)
    return found


@dataclass(frozen=True)
class Strides:
    """How far each iterator moves through one operand, in elements.

    A blocked iterator moves `step[i]` inside its block of `block[i]`, and
    `jump[i]` an element on the average when it advances by whole blocks.
    """

    step: tuple[int, ...]
    jump: tuple[int, ...]
    block: tuple[int | None, ...]
    constant: int


def strides_of(forms: Sequence[Form], strides: Sequence[int]) -> Strides:
    """The operand's forms over a memory of these strides."""
    dims = next((len(f.coefficients) for f in forms if isinstance(f, Linear)), 0)
    dims = max([dims, *(f.iterator + 1 for f in forms if isinstance(f, Blocked))])
    step, jump = [0] * dims, [0] * dims
    block: list[int | None] = [None] * dims
    constant = 0
    for form, stride in zip(forms, strides, strict=True):
        if isinstance(form, Linear):
            constant += form.constant * stride
            for i, c in enumerate(form.coefficients):
                step[i] += c * stride
                jump[i] += c * stride
        elif form.outer:
            # whole blocks lie `stride` apart, which is a multiple of the block
            jump[form.iterator] += stride // form.block
            block[form.iterator] = form.block
        else:
            step[form.iterator] += stride
            block[form.iterator] = form.block
    return Strides(tuple(step), tuple(jump), tuple(block), constant)


@dataclass(frozen=True)
class Window:
    """A dimension of A that reads `stride * place + dilation * taps + constant`."""

    dimension: int
    place: int
    stride: int
    dilation: int
    constant: int


@dataclass(frozen=True)
class Edges:
    """Both ends of a dimension of A of `size` beyond which `start + sum
    coefficients[i] * d_i` leads: there A has zeros."""

    dimension: int
    coefficients: tuple[int, ...]
    start: int
    size: int


def edges_of(
    forms: Sequence[Form], shape: Sequence[int], extents: Sequence[int]
) -> list[Edges]:
    """Those of the dimensions that an operand is read beyond."""
    found: list[Edges] = []
    for dimension, (form, size) in enumerate(zip(forms, shape, strict=True)):
        if not isinstance(form, Linear):
            continue
        ends = [c * (n - 1) for c, n in zip(form.coefficients, extents, strict=True)]
        low = form.constant + sum(min(0, x) for x in ends)
        high = form.constant + sum(max(0, x) for x in ends)
        if low < 0 or high >= size:
            edges = Edges(dimension, form.coefficients, form.constant, size)
            found.append(edges)
    return found


@dataclass(frozen=True)
class Contraction:
    """Extents, forms and roles of one contraction."""

    extents: tuple[int, ...]
    a: tuple[Form, ...]
    b: tuple[Form, ...]
    c: tuple[Form, ...]

    def role(self, iterator: int) -> Role | None:
        """The iterator's role; None for one that no lowering can place."""
        in_a, in_b, in_c = (
            iterator in iterators_in(f) for f in (self.a, self.b, self.c)
        )
        return {
            (True, False, True): Role.M,
            (False, True, True): Role.N,
            (True, True, False): Role.K,
            (True, True, True): Role.OUTER,
        }.get((in_a, in_b, in_c))

    def having(self, role: Role | None) -> list[int]:
        """The iterators of a role, in order."""
        return [i for i in range(len(self.extents)) if self.role(i) is role]

    def window(self, taps: int) -> Window | None:
        """The one dimension of A in which an iterator of sums is the taps of a window;
        None if it is none."""
        for dimension, form in enumerate(self.a):
            if not isinstance(form, Linear) or taps not in form.iterators:
                continue
            others = [i for i in form.iterators if i != taps]
            steps = form.coefficients
            if len(others) != 1 or min(steps) < 0 or self.role(taps) is not Role.K:
                return None
            (place,) = others
            if self.role(place) is Role.K:
                return None
            return Window(dimension, place, steps[place], steps[taps], form.constant)
        return None

    @property
    def columns(self) -> int | None:
        """The n iterator that is contiguous in a row-major C, if there is one; in a
        depthwise convolution, which has no n, the channels."""
        for form in reversed(self.c):
            if not isinstance(form, Linear):
                return None
            if not form.iterators:
                continue
            last = form.plain
            return last if last is not None and self._are_columns(last) else None
        return None

    def _are_columns(self, iterator: int) -> bool:
        """Whether a row of C along the iterator is one of products: of a scalar of A
        and a row of B, or, without any n, of a row of each."""
        if self.role(iterator) is Role.OUTER:
            return bool(self.having(Role.M)) and not self.having(Role.N)
        return self.role(iterator) is Role.N

    @property
    def column_role(self) -> Role:
        """What columns are: n, or outer, where each has an A of its own."""
        outer = self.columns is not None and self.role(self.columns) is Role.OUTER
        return Role.OUTER if outer else Role.N


def extents_of(
    dims: int, operands: Sequence[tuple[Sequence[Form], Sequence[int]]]
) -> tuple[int, ...] | None:
    """The trip count of each iterator, read off operand shapes (negative if dynamic);
    None if some iterator is no dimension of any operand by itself."""
    found: dict[int, int] = {}
    for forms, shape in operands:
        for form, size in zip(forms, shape, strict=True):
            if isinstance(form, Linear) and (i := form.plain) is not None:
                found[i] = size if found.get(i, -1) < 0 else found[i]
    if len(found) != dims:
        return None
    return tuple(found[i] for i in range(dims))
