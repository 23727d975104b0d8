"""Operators that make one number of many, along axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from frontends.array_builder import Tensor, dims_map, position
from frontends.array_sums import Builder
from frontends.elements import element_type, highest, is_float, lowest
from frontends.onnx_ops.registry import axes_of, axis_of, integers, operator
from frontends.scalar import Scalar

INT64 = np.dtype(np.int64)


@dataclass(frozen=True)
class Reduction:
    """`finish(body(x, .. body(x, start)), count)`"""

    body: Callable[[Scalar, Scalar], Scalar]
    start: Callable[[np.dtype], float] = lambda dtype: 0
    finish: Callable[[Scalar, int], Scalar] | None = None


def total(x: Scalar, total: Scalar) -> Scalar:
    """The sum so far."""
    return total + x


def squares(x: Scalar, total: Scalar) -> Scalar:
    """The sum of squares so far."""
    return total + x * x


F64 = np.dtype(np.float64)


def in_floats(function: Callable[[Scalar], Scalar], x: Scalar) -> Scalar:
    """A function of real numbers; that of an integer is cut towards zero."""
    return function(x) if x.is_float else function(x.cast(F64)).cast(x.dtype)


REDUCTIONS: dict[str, Reduction] = {
    "ReduceL1": Reduction(lambda x, total: total + x.abs()),
    "ReduceL2": Reduction(
        squares,
        finish=lambda t, n: in_floats(Scalar.sqrt, t),
    ),
    "ReduceLogSum": Reduction(total, finish=lambda t, n: in_floats(Scalar.log, t)),
    "ReduceMax": Reduction(lambda x, top: top.maximum(x), lowest),
    "ReduceMean": Reduction(total, finish=lambda t, n: t / n),
    "ReduceMin": Reduction(lambda x, top: top.minimum(x), highest),
    "ReduceProd": Reduction(lambda x, product: product * x, lambda dtype: 1),
    "ReduceSum": Reduction(total),
    "ReduceSumSquare": Reduction(squares),
}


def reduced_axes(
    x: Tensor, axes: Tensor | None, noop_with_empty_axes: int | None
) -> list[int]:
    """The axes to reduce: all where none are named, unless that means none."""
    wanted = [] if axes is None else integers(axes, "axes")
    if wanted:
        return axes_of(wanted, x.rank)
    return [] if noop_with_empty_axes else [*range(x.rank)]


def reduce(
    b: Builder, x: Tensor, rule: Reduction, axes: list[int], keep: bool
) -> Tensor:
    """One reduction of the table"""
    found = b.reduce(x, axes, rule.start(x.dtype), rule.body, keep=keep)
    if (finish := rule.finish) is None:
        return found
    count = prod(x.shape[d] for d in axes)
    return b.map(lambda t: finish(t, count), found)


def _register(name: str, rule: Reduction) -> None:
    @operator(name)
    def reduction(
        b: Builder,
        x: Tensor,
        axes: Tensor | None = None,
        *,
        keepdims: int,
        noop_with_empty_axes: int | None = None,
    ) -> Tensor:
        dims = reduced_axes(x, axes, noop_with_empty_axes)
        return reduce(b, x, rule, dims, bool(keepdims))


for _name, _rule in REDUCTIONS.items():
    _register(_name, _rule)


@operator("ReduceLogSumExp")
def reduce_log_sum_exp(
    b: Builder,
    x: Tensor,
    axes: Tensor | None = None,
    *,
    keepdims: int,
    noop_with_empty_axes: int | None = None,
) -> Tensor:
    """log sum exp x = top + log sum exp(x - top), with top the largest x"""
    if not is_float(x.dtype):
        floats = reduce_log_sum_exp(
            b,
            b.cast(x, F64),
            axes,
            keepdims=keepdims,
            noop_with_empty_axes=noop_with_empty_axes,
        )
        return b.cast(floats, x.dtype)
    dims = reduced_axes(x, axes, noop_with_empty_axes)
    top = b.reduce(x, dims, lowest(x.dtype), lambda x, top: top.maximum(x), keep=True)
    # what is infinite would give infinity - infinity
    top = b.map(lambda t: (t.abs() == float("inf")).choose(0, t), top)
    power = b.map(lambda x, top: (x - top).exp(), x, top)
    found = b.reduce(power, dims, 0, total, keep=True)
    found = b.map(lambda t, top: t.log() + top, found, top)
    return found if keepdims else b.without(found, dims)


def _place(
    b: Builder, x: Tensor, axis: int, keepdims: int, last: int | None, largest: bool
) -> Tensor:
    """Where along an axis the largest or smallest element stands, first or last."""
    axis = axis_of(axis, x.rank)
    start = lowest(x.dtype) if largest else highest(x.dtype)
    top = b.reduce(
        x,
        [axis],
        start,
        lambda x, t: t.maximum(x) if largest else t.minimum(x),
        keep=True,
    )
    none = -1 if last else np.iinfo(np.int64).max

    def body(x: Scalar, top: Scalar, found: Scalar) -> Scalar:
        here = position(axis).cast(INT64)
        better = found.maximum(here) if last else found.minimum(here)
        return (x == top).choose(better, found)

    return b.reduce(x, [axis], none, body, top, keep=bool(keepdims), dtype=INT64)


@operator("ArgMax")
def arg_max(
    b: Builder, x: Tensor, *, axis: int, keepdims: int, select_last_index: int | None
) -> Tensor:
    """Where the largest element along an axis stands"""
    return _place(b, x, axis, keepdims, select_last_index, True)


@operator("ArgMin")
def arg_min(
    b: Builder, x: Tensor, *, axis: int, keepdims: int, select_last_index: int | None
) -> Tensor:
    """Where the smallest element along an axis stands"""
    return _place(b, x, axis, keepdims, select_last_index, False)


def cumulate(
    b: Builder,
    x: Tensor,
    axis: Tensor,
    exclusive: int,
    reverse: int,
    start: float,
    body: Callable[[Scalar, Scalar], Scalar],
) -> Tensor:
    """`body` over what stands before each element along an axis (behind it with
    `reverse`), itself included unless `exclusive`"""
    (number,) = integers(axis, "axis")
    along = axis_of(number, x.rank)
    rank = x.rank + 1  # the last loop runs over what is added up
    read = dims_map(rank, [x.rank if d == along else d for d in range(x.rank)])
    write = dims_map(rank, range(x.rank))

    def step(x: Scalar, total: Scalar) -> Scalar:
        here, other = position(along), position(rank - 1)
        if reverse:
            here, other = other, here
        counts = other < here if exclusive else other <= here
        return counts.choose(body(x, total), total)

    # the length of that loop is said by an operand that it reads alone
    extent = Tensor(
        (x.shape[along],),
        x.dtype,
        b.tensors.empty([x.shape[along]], element_type(x.dtype)),
    )
    return b.generic(
        lambda x, _, total: step(x, total),
        x.shape,
        [read, dims_map(rank, [rank - 1]), write],
        x,
        extent,
        start=b.filled(start, x.shape, x.dtype),
    )


@operator("CumSum")
def cum_sum(
    b: Builder, x: Tensor, axis: Tensor, *, exclusive: int, reverse: int
) -> Tensor:
    """Sums of all up to each element"""
    return cumulate(b, x, axis, exclusive, reverse, 0, total)


@operator("CumProd")
def cum_prod(
    b: Builder, x: Tensor, axis: Tensor, *, exclusive: int, reverse: int
) -> Tensor:
    """Products of all up to each element"""
    return cumulate(b, x, axis, exclusive, reverse, 1, lambda x, product: product * x)
