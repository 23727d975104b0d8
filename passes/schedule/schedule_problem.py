"""What the rules for schedules look at: a contraction's sizes, roles and target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.ir import Attribute

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import (
    Contraction,
    Form,
    Linear,
    Role,
    iterators_in,
    strides_of,
)
from brdialect.schedule import Loop
from brdialect.target import Target
from passes.memory.buffers import element_bytes
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import row_major, tensor_type
from passes.shared.linalg_match import ZeroPadding, zero_padding
from passes.shared.load_time import is_load_time


def block_evenly(extent: int, limit: int) -> int:
    """A block of at most `limit`: the largest divisor of `extent` if it is not under
    half of that (no tail, no second kernel), or else the fewest equal parts."""
    limit = max(1, min(limit, extent))
    divisor = next(d for d in range(limit, 0, -1) if extent % d == 0)
    return divisor if 2 * divisor >= limit else -(-extent // -(-extent // limit))


LEAST_COPY = 8
"""Bytes of a copy from an image with edges, to a GPU's shared memory."""


@dataclass(frozen=True)
class Problem:
    """What the rules look at: sizes in elements and bytes."""

    table: Contraction
    element_bytes: int
    lanes: int
    target: Target
    load_time_b: bool
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    shape_c: tuple[int, ...]
    elements: tuple[Attribute, Attribute]
    """The type of what is multiplied, and that of the sums."""

    zeros: ZeroPadding | None = None
    """Around a."""

    @property
    def input_bytes(self) -> int:
        """Of an element that is multiplied."""
        return element_bytes(self.elements[0])

    @property
    def tensor_cores(self) -> bool:
        """Whether a GPU's tensor cores multiply such elements."""
        multiplied, sum_ = self.elements
        return sum_ == f32 and multiplied in (f32, bf16, f16)

    @property
    def n(self) -> int:
        """The iterator of the columns."""
        n = self.table.columns
        assert n is not None
        return n

    def extent(self, iterator: int | None) -> int:
        return 1 if iterator is None else self.table.extents[iterator]

    def row_iterator(self) -> int | None:
        """The rows of the micro-kernel: the m iterator with most trips, innermost of
        equals (the pixels of an image row, the rows of a matrix)."""
        rows = self.table.having(Role.M)
        return max(rows, key=lambda i: (self.table.extents[i], i), default=None)

    def inner_iterator(self) -> int | None:
        """k: the longest reduction, together with those that go on where it ends in A
        (the channels of all taps in a row of a channels-last image); of equals the one
        whose steps are shortest."""
        steps = strides_of(self.table.a, row_major(self.shape_a)).step
        extents = self.table.extents
        its = self.table.having(Role.K)

        def length(i: int) -> tuple[int, int, int]:
            run = extents[i]
            for j in its:
                if j != i and steps[i] == 1 and steps[j] == extents[i]:
                    run *= extents[j]
            return run, -abs(steps[i]), extents[i]

        return max(its, key=length, default=None)

    def taps_to_skip(self) -> int | None:
        """The taps that meet the most zeros around a: in the longest padding beside
        the shortest image. Those of the rows of the micro-kernel all run."""
        padding, rows = self.zeros, self.row_iterator()
        windows = {i: self.table.window(i) for i in self.table.having(Role.K)}
        parts = {
            i: (padding.low[w.dimension] + padding.high[w.dimension])
            / self.shape_a[w.dimension]
            for i, w in windows.items()
            if padding is not None and w is not None and w.place != rows
        }
        best = max(parts, key=lambda i: parts[i], default=None)
        return best if best is not None and parts[best] else None


def outer_loops(p: Problem, m: int | None) -> list[Loop]:
    """Over what is in C but neither rows nor columns of a call: images, groups, lines
    of pixels."""
    return [
        Loop(i, 1, True)
        for i in range(len(p.table.extents))
        if p.table.role(i) is not Role.K and i not in (m, p.n) and p.extent(i) > 1
    ]


def side_by_side(p: Problem) -> bool:
    """Whether B's columns lie side by side."""
    return strides_of(p.table.b, row_major(p.shape_b)).step[p.n] == 1


def can_pack(table: Contraction) -> bool:
    """Whether n is a dimension of B by itself (not part of a window)."""
    return any(isinstance(f, Linear) and f.plain == table.columns for f in table.b)


def bordered(a: Sequence[Form], padding: ZeroPadding) -> list[int]:
    """The dimensions of A whose zeros a GPU's kernel puts in by itself: those of
    windows. The size of others is the extent of an iterator, too. None where threads
    would copy less than 8 bytes at a time (ResNet-50's first layer, of 3 channels):
    each copy has two places to remember, and there are not registers for all."""
    last, source = a[-1], tensor_type(padding.source)
    side_by_side = source.get_shape()[-1] * element_bytes(source.element_type)
    if side_by_side % LEAST_COPY or len(iterators_in([last])) > 1:
        return []
    return [
        d
        for d, form in enumerate(a)
        if padding.low[d] + padding.high[d]
        and isinstance(form, Linear)
        and len(form.iterators) > 1
    ]


def without_borders(p: Problem) -> Problem:
    """The problem as fold-padding leaves it to a GPU."""
    if p.zeros is None:
        return p
    low, high, dims = p.zeros.low, p.zeros.high, bordered(p.table.a, p.zeros)
    a = tuple(
        replace(form, constant=form.constant - low[d])
        if d in dims and isinstance(form, Linear)
        else form
        for d, form in enumerate(p.table.a)
    )
    shape = tuple(
        n - low[d] - high[d] if d in dims else n for d, n in enumerate(p.shape_a)
    )
    return replace(p, table=replace(p.table, a=a), shape_a=shape, zeros=None)


def problem_of(op: ContractOp, target: Target) -> Problem:
    """Reads the sizes off the op; dynamic ones are an error here."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or table.columns is None:
        unsupported(op, "expected plain indexing maps with columns shared by b and c")
    if any(e < 0 for e in table.extents):
        unsupported(
            op,
            "expected static sizes, got a dynamic dimension that nothing binds; give "
            "the shapes of the arguments (br-run --input=SHAPExf32)",
        )
    a, b, c = op.shapes
    element = c.element_type
    size = element_bytes(element)
    found = Problem(
        table,
        size,
        target.lanes(size),
        target,
        is_load_time(op.b),
        tuple(a.get_shape()),
        tuple(b.get_shape()),
        tuple(c.get_shape()),
        (a.element_type, op.accumulator),
        zero_padding(op.a),
    )
    return without_borders(found) if target.is_gpu else found
