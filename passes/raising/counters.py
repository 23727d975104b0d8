"""Integers that follow from loop counters, as indices with known ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, i1
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from passes.raising.indices import Index


def _difference_is(
    holds: Callable[[int, int], bool | None],
) -> Callable[..., Index | None]:
    """A comparison of x and y, from the smallest and the largest x - y."""

    def compared(x: Index, y: Index) -> Index | None:
        answer = holds((x - y).low, (x - y).high)
        return None if answer is None else Index(int(answer))

    return compared


def _decided(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None


COMPARISONS: Mapping[int, Callable[[Index, Index], Index | None]] = {
    0: _difference_is(
        lambda low, high: _decided(low == high == 0, low > 0 or high < 0)
    ),
    1: _difference_is(
        lambda low, high: _decided(low > 0 or high < 0, low == high == 0)
    ),
    2: _difference_is(lambda low, high: _decided(high < 0, low >= 0)),
    3: _difference_is(lambda low, high: _decided(high <= 0, low > 0)),
    4: _difference_is(lambda low, high: _decided(low > 0, high <= 0)),
    5: _difference_is(lambda low, high: _decided(low >= 0, high < 0)),
}
"""The signed predicates of arith.cmpi: eq, ne, slt, sle, sgt, sge."""

SIGNED_LESS = 2
"""The number of slt."""


def _product(x: Index, y: Index) -> Index | None:
    if x.terms and y.terms:
        return None
    return x * y.constant if not y.terms else y * x.constant


def _larger(x: Index, y: Index) -> Index | None:
    """The one that always is."""
    if (x - y).low >= 0:
        return x
    return y if (x - y).high <= 0 else None


def _smaller(x: Index, y: Index) -> Index | None:
    if (x - y).high <= 0:
        return x
    return y if (x - y).low >= 0 else None


ARITHMETIC: Mapping[type[Operation], Callable[[Index, Index], Index | None]] = {
    arith.AddiOp: lambda x, y: x + y,
    arith.SubiOp: lambda x, y: x - y,
    arith.MuliOp: _product,
    arith.MaxSIOp: _larger,
    arith.MinSIOp: _smaller,
}

CASTS = (arith.IndexCastOp, arith.ExtUIOp, arith.ExtSIOp)
"""Casts that keep the numbers that are counted with."""


def index_of(
    value: SSAValue, iterators: Sequence[Index], counters: Mapping[SSAValue, Index]
) -> Index | None:
    """The integer as a sum of counters; `iterators` are those of the body it is in."""
    if value in counters:
        return counters[value]
    op = value.owner
    if isinstance(op, linalg.IndexOp):
        return iterators[op.dim.value.data]
    if isinstance(op, arith.ConstantOp):
        if not isinstance(op.value, IntegerAttr) or value.type == i1:
            return None
        return Index(op.value.value.data)
    if not isinstance(op, Operation) or op.regions:
        return None
    if isinstance(op, arith.ExtSIOp) and op.input.type == i1:
        return None  # true is -1
    if not isinstance(op, (*ARITHMETIC, *CASTS, arith.CmpiOp, arith.SelectOp)):
        return None
    found = [index_of(v, iterators, counters) for v in op.operands]
    if isinstance(op, arith.SelectOp):
        return _selected(*found)
    known = [i for i in found if i is not None]
    if len(known) != len(found):
        return None
    if isinstance(op, CASTS):
        return known[0]
    if isinstance(op, arith.CmpiOp):
        rule = COMPARISONS.get(op.predicate.value.data)
        return rule(*known) if rule else None
    return ARITHMETIC[type(op)](*known)


def _selected(
    condition: Index | None, yes: Index | None, no: Index | None
) -> Index | None:
    if condition is None or condition.terms:
        return None
    return yes if condition.constant else no
