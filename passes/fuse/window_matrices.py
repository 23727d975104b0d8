"""The matrices of Winograd's minimal filtering, and the tensors that they are applied
to: emitted into the enclosing `ImplicitBuilder`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TypeVar

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import AnyFloat, FloatAttr, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from passes.fuse.fuse_epilogues import new_block
from passes.fuse.window_choice import OUTPUTS
from passes.shared.build import Index, shape_of
from passes.shared.linalg_match import (
    collapse,
    extract_slice,
    insert_slice,
    parallel_generics,
)

Matrix = Sequence[tuple[float, Sequence[int]]]
"""Rows of 0, 1 and -1, each with a factor."""

OF_PIXELS: Matrix = (
    (1, (1, 0, -1, 0)),
    (1, (0, 1, 1, 0)),
    (1, (0, -1, 1, 0)),
    (1, (0, 1, 0, -1)),
)
"""B^T"""

OF_TAPS: Matrix = (
    (1, (1, 0, 0)),
    (0.5, (1, 1, 1)),
    (0.5, (1, -1, 1)),
    (1, (0, 0, 1)),
)
"""G, of F(2, 3)"""

TO_POSITIONS: Matrix = ((1, (1, 1, 1, 0)), (1, (0, 1, -1, -1)))
"""A^T, of F(2, 3)"""

OF_POSITIONS: Matrix = ((1, (1, 0)), (0.5, (1, 1)), (0.5, (1, -1)), (1, (0, 1)))
"""G, of F(3, 2)"""

TO_TAPS: Matrix = ((1, (1, 1, 1, 0)), (1, (0, 1, -1, 0)), (1, (0, 1, 1, -1)))
"""A^T, of F(3, 2)"""

At = tuple[int, ...]

_T = TypeVar("_T")


def combined(row: tuple[float, Sequence[int]], values: Sequence[SSAValue]) -> SSAValue:
    """The sum of the values that a row of a matrix has, times its factor."""
    factor, signs = row
    pairs = sorted(zip(signs, values, strict=True), key=lambda pair: -pair[0])
    (_, total), *others = [pair for pair in pairs if pair[0]]
    for sign, v in others:
        total = (arith.AddfOp if sign > 0 else arith.SubfOp)(total, v).result
    if factor != 1:
        assert isinstance(total.type, AnyFloat)
        scale = arith.ConstantOp(FloatAttr(factor, total.type)).result
        total = arith.MulfOp(total, scale).result
    return total


def transform(matrix: Matrix, values: Mapping[At, SSAValue]) -> dict[At, SSAValue]:
    """A square, or cube, of values times the matrix along each of its dimensions."""
    for axis in range(len(next(iter(values)))):
        lines: dict[At, list[SSAValue]] = {}
        for at in sorted(values):
            lines.setdefault((*at[:axis], *at[axis + 1 :]), []).append(values[at])
        values = {
            (*rest[:axis], i, *rest[axis:]): combined(row, line)
            for rest, line in lines.items()
            for i, row in enumerate(matrix)
        }
    return dict(sorted(values.items()))


def cube(size: int, dimensions: int) -> list[At]:
    """All positions in it, the last dimension fastest."""
    return list(product(range(size), repeat=dimensions))


def tile_element(rank: int, places: Sequence[int], at: At) -> Sequence[AffineExpr]:
    """Element `at` of each tile; dimensions `places` are cut into tiles."""
    dims = [AffineExpr.dimension(d) for d in range(rank)]
    for place, offset in zip(places, at, strict=True):
        dims[place] = dims[place] * OUTPUTS + offset
    return dims


def tap_element(rank: int, places: Sequence[int], at: At) -> Sequence[AffineExpr]:
    """Element `at` of dimensions `places`, which the iterators are without."""
    taps = dict(zip(places, at, strict=True))
    kept = [d for d in range(rank) if d not in taps]
    dims = {d: AffineExpr.dimension(i) for i, d in enumerate(kept)}
    every = dims | {d: AffineExpr.constant(i) for d, i in taps.items()}
    return [every[d] for d in sorted(every)]


def generic(
    inputs: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    result: TensorType,
    body: Callable[[Sequence[SSAValue]], Sequence[SSAValue]],
    count: int,
) -> Sequence[SSAValue]:
    """`count` tensors of one type; `body` computes an element of each."""
    outs = [tensor.EmptyOp((), result).tensor for _ in range(count)]
    block = new_block([*inputs, *outs])
    with ImplicitBuilder(block):
        linalg.YieldOp(*body(block.args[: len(inputs)]))
    return parallel_generics(inputs, outs, maps, block).res


def spread(
    fronts: Sequence[int], of_fronts: Sequence[_T], others: Sequence[_T]
) -> list[_T]:
    """`of_fronts` at places `fronts`, and the others around them."""
    rest = iter(others)
    at_front = dict(zip(fronts, of_fronts, strict=True))
    count = len(fronts) + len(others)
    return [at_front[d] if d in at_front else next(rest) for d in range(count)]


def stacked(
    parts: Mapping[At, SSAValue],
    fronts: Sequence[int],
    whole: SSAValue,
    starts: Sequence[Index] | None = None,
) -> SSAValue:
    """`whole` with all parts in it: dimensions `fronts` count these, the others begin
    at `starts`."""
    for at, part in parts.items():
        inner = shape_of(part)
        sizes = spread(fronts, [1] * len(at), inner)
        offsets = spread(fronts, at, starts or [0] * len(inner))
        whole = insert_slice(part, whole, offsets, sizes)
    return whole


def joined(whole: SSAValue, places: Sequence[int], shape: Sequence[int]) -> SSAValue:
    """A tensor whose dimensions `places` are two, tiles and positions in them, in the
    shape; what is beyond it comes off."""
    groups: list[list[int]] = []
    for d in range(len(shape)):
        first = groups[-1][-1] + 1 if groups else 0
        groups.append([first, first + 1] if d in places else [first])
    found = collapse(whole, groups)
    if shape_of(found) == tuple(shape):
        return found
    return extract_slice(found, [0] * len(shape), shape)
