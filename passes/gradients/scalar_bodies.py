"""Reverse-mode differentiation of the body of a `linalg.generic`.

    ^bb0(%x: f32, %w: f32, %acc: f32):       for %w, with the gradient %g of the result:
      %p = arith.mulf %x, %w           ->      %d = arith.mulf %g, %x
      %s = arith.addf %acc, %p
      linalg.yield %s

What the derivative needs of the body's own values is computed again beside it, and only
that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import AnyFloat
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from brdialect.errors import unsupported
from brdialect.xdsl_repairs import CmpfOp, SelectOp
from passes.gradients.scalar_rules import RULES, add, mul
from passes.shared.build import clone_op


class Values:
    """The values of a body where the derivative is computed, made when asked for.

    `argument(i)` stands for the body's argument number i, `index(d)` for the position
    in iterator d, `outer(v)` for a value from outside of the body, `stored[v]()` for
    one of the body that lies in memory; values of the body in `known` are at hand.
    """

    def __init__(
        self,
        block: Block,
        argument: Callable[[int], SSAValue],
        index: Callable[[int], SSAValue],
        outer: Callable[[SSAValue], SSAValue],
        stored: Mapping[SSAValue, Callable[[], SSAValue]] | None = None,
        known: Mapping[SSAValue, SSAValue] | None = None,
    ) -> None:
        self._block, self._argument = block, argument
        self._index, self._outer = index, outer
        self._stored = stored or {}
        self._known: dict[SSAValue, SSAValue] = dict(known or {})

    def stored(self, value: SSAValue) -> SSAValue | None:
        """The value as it lies in memory, if it does."""
        return self._stored[value]() if value in self._stored else None

    def __call__(self, value: SSAValue, /) -> SSAValue:
        """The value, computed again if need be."""
        if value not in self._known:
            self._known[value] = self._make(value)
        return self._known[value]

    def _make(self, value: SSAValue) -> SSAValue:
        if isinstance(value, BlockArgument):
            inside = value.block is self._block
            return self._argument(value.index) if inside else self._outer(value)
        op = value.owner
        assert isinstance(op, Operation)
        if op.parent is not self._block:
            return self._outer(value)
        if isinstance(op, linalg.IndexOp):
            return self._index(op.dim.value.data)
        if op.regions:
            unsupported(op, "expected a body without control flow to differentiate")
        for operand in op.operands:
            self(operand)
        return clone_op(op, self._known).results[op.results.index(value)]


def depends_on(block: Block, *sources: SSAValue) -> set[SSAValue]:
    """The floats of the body through which `sources` reach its results."""
    found = set(sources)
    for op in block.ops:
        if not found.isdisjoint(op.operands):
            found.update(r for r in op.results if isinstance(r.type, AnyFloat))
    return found


def derivative(
    values: Values, block: Block, result: SSAValue, wanted: SSAValue, seed: SSAValue
) -> SSAValue | None:
    """The gradient of `wanted` where that of `result` is `seed`; None if it is zero."""
    return derivatives(values, block, [(result, seed)], [wanted])[0]


Slope = tuple[SSAValue, Callable[[], SSAValue]]
"""Another value of the body that a value is a function of, and the derivative."""


def derivatives(
    values: Values,
    block: Block,
    seeds: Iterable[tuple[SSAValue, SSAValue]],
    wanted: Sequence[SSAValue],
    slopes: Mapping[SSAValue, Slope] | None = None,
) -> list[SSAValue | None]:
    """The gradients of several values where those of some results are given. Values of
    the body in `slopes` have a derivative of their own, whatever they are made by."""
    active = depends_on(block, *wanted)
    gradients: dict[SSAValue, SSAValue] = {}

    def put(value: SSAValue, part: SSAValue | None) -> None:
        if part is not None and value in active:
            old = gradients.get(value)
            gradients[value] = part if old is None else add(old, part)

    for result, seed in seeds:
        put(result, seed)
    for op in reversed(list(block.ops)):
        if len(op.results) != 1 or (g := gradients.get(op.results[0])) is None:
            continue
        if slopes and (slope := slopes.get(op.results[0])):
            argument, factor = slope
            put(argument, mul(g, factor()))
            continue
        rule = RULES.get(type(op))
        if rule is None:
            unsupported(
                op,
                "expected an operation with a derivative in the body of a "
                f"linalg.generic, got {op.name}; write it with arith and math",
            )
        for i, operand in enumerate(op.operands):
            if operand in active:
                put(operand, rule(op, i, g, values))
    return [gradients.get(v) for v in wanted]


Sum = tuple[SSAValue, bool]
"""What a body adds to its accumulator, and whether it subtracts it."""


def added_term(result: SSAValue, accumulator: SSAValue) -> Sum | None:
    """The term of a body that yields `accumulator + term` or `accumulator - term`."""
    op = result.owner
    if isinstance(op, arith.AddfOp) and accumulator in op.operands:
        left, right = op.operands
        return (right, False) if left is accumulator else (left, False)
    if isinstance(op, arith.SubfOp) and op.lhs is accumulator:
        return op.rhs, True
    return None


EXTREMA = (arith.MaximumfOp, arith.MaxnumfOp, arith.MinimumfOp, arith.MinnumfOp)

ORDERINGS = frozenset((2, 3, 4, 5, 9, 10, 11, 12))
"""The predicates of arith.cmpf that ask which operand is larger: ogt ... ule."""


def compared_term(result: SSAValue, accumulator: SSAValue) -> SSAValue | None:
    """The term of a body that yields the larger or smaller of accumulator and term, by
    one operation or by a comparison and a select."""
    op = result.owner
    if isinstance(op, SelectOp):
        compare = op.cond.owner
        pair = [op.lhs, op.rhs]
        if not isinstance(compare, CmpfOp) or {*compare.operands} != {*pair}:
            return None
        if compare.predicate.value.data not in ORDERINGS:
            return None
    elif isinstance(op, EXTREMA):
        pair = list(op.operands)
    else:
        return None
    if accumulator not in pair:
        return None
    return pair[1 - pair.index(accumulator)]
