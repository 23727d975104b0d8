"""The gradient of a `linalg.generic`: one rule for all of them.

    %c = linalg.generic {maps = [A, B, C]} ins(%a, %b) outs(%init) {
      c[C(i)] += f(a[A(i)], b[B(i)])
    ->
    %da = linalg.generic {maps = [C, B, A]} ins(%dc, %b) outs(%zeros) {
      da[A(i)] += dc[C(i)] * df/da(a[A(i)], b[B(i)])

The maps change places, the body is differentiated. So the gradient of a contraction is
a contraction, that of a broadcast a sum, that of a sum a broadcast. Iterators that are
in A are parallel now, the others are summed over. Where A is a window, several
iterations meet in one element: windows.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import AnyFloat, IntegerAttr, TensorType, i32
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.xdsl_repairs import CmpiOp, SelectOp
from passes.gradients.scalar_bodies import (
    added_term,
    compared_term,
    derivative,
)
from passes.gradients.scalar_rules import compare, neg, number
from passes.gradients.spaces import (
    Space,
    Tape,
    Walk,
    extents_of,
    linear,
    reductions_of,
    same_space,
)
from passes.gradients.tensors import filled
from passes.gradients.windows import Windows
from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import maps_of
from passes.shared.load_time import captured


@dataclass(frozen=True)
class Term:
    """What one result of a generic sums up, and the gradient of the result."""

    value: SSAValue
    """The summand, in the body."""

    gradient: SSAValue
    at: AffineMap
    """The map of the result."""

    negative: bool = False
    winner: SSAValue | None = None
    """Of a maximum, for each element of the result: which iteration it comes from."""


def generic_rule(op: linalg.GenericOp, tape: Tape) -> None:
    """Adds the gradients of all operands."""
    for value in captured(op):
        if tape.is_active(value):
            unsupported(
                op,
                "expected a body that reads what is differentiated through its "
                "arguments, got a value from outside (such as a tensor.extract); "
                "make it an operand",
            )
    for k, result in enumerate(op.res):
        gradient = tape.gradient(result)
        if gradient is None:
            continue
        term = term_of(op, k, gradient, tape)
        for position, operand in enumerate(op.operands):
            if tape.is_active(operand):
                for target, part in parts(tape, op, term, position):
                    tape.add(target, part)


def term_of(op: linalg.GenericOp, k: int, gradient: SSAValue, tape: Tape) -> Term:
    """The summand of result k. What a reduction starts from gets its gradient here."""
    block, at = op.body.block, maps_of(op)[len(op.inputs) + k]
    init, accumulator = op.outputs[k], block.args[len(op.inputs) + k]
    last = block.last_op
    assert isinstance(last, linalg.YieldOp)
    yielded = last.operands[k]
    if not reductions_of(op):
        return Term(yielded, gradient, at)
    if (sum_ := added_term(yielded, accumulator)) is not None:
        summand, negative = sum_
        found = Term(summand, gradient, at, negative)
        if tape.is_active(init):
            tape.add(init, gradient)
    else:
        summand = compared_term(yielded, accumulator)
        if summand is None or tape.is_active(init):
            unsupported(
                op,
                "expected a sum, or a maximum or minimum that starts from a constant, "
                "to differentiate a reduction; write it as several of these",
            )
        winner = winning_iteration(tape, op, op.res[k], summand, at)
        found = Term(summand, gradient, at, winner=winner)
    if any(a in used_by(summand, op) for a in block.args[len(op.inputs) :]):
        unsupported(
            op,
            "expected what a reduction adds up not to depend on the sum so far; "
            "write it as several operations",
        )
    return found


def used_by(value: SSAValue, op: linalg.GenericOp) -> set[SSAValue]:
    """The arguments of the body that a value of it is computed from."""
    found: set[SSAValue] = set()
    stack = [value]
    while stack:
        value = stack.pop()
        if value not in found:
            found.add(value)
            inner = value.owner
            if isinstance(inner, Operation) and inner.parent is op.body.block:
                stack += inner.operands
    return found.intersection(op.body.block.args)


def winning_iteration(
    tape: Tape, op: linalg.GenericOp, result: SSAValue, summand: SSAValue, at: AffineMap
) -> SSAValue:
    """Which iteration each maximum (or minimum) comes from: the first one that has it,
    as in PyTorch.

    first[C(i)] = min over the reductions of (f(..) == max[C(i)] ? number of i : all)
    """
    extents = extents_of(op)
    count = prod(extents[i] for i in reductions_of(op))
    walk = Walk(tape, op, same_space(op, at, shape_of(result)))
    with ImplicitBuilder(walk.block):
        best = walk.element(tape.forward(result), at)
        same = compare("oeq", walk.values(summand), best)
        none = arith.ConstantOp(IntegerAttr(count, i32)).result
        found = SelectOp(same, walk.iteration(), none).result

    def unset(type_: TensorType) -> SSAValue:
        limit = arith.ConstantOp(IntegerAttr(count, i32)).result
        empty = tensor.EmptyOp((), type_).tensor
        return linalg.FillOp([limit], [empty], [type_]).res[0]

    return walk.finish(i32, lambda least: arith.MinSIOp(least, found).result, unset)


def parts(
    tape: Tape, op: linalg.GenericOp, term: Term, position: int
) -> Iterator[tuple[SSAValue, SSAValue]]:
    """The gradient that goes to an operand, and where to: for a window over a padded
    tensor, to that tensor itself."""
    operand = op.operands[position]
    if not isa(tensor_type(operand).element_type, AnyFloat):
        return
    map_, shape = maps_of(op)[position], shape_of(operand)
    if is_direct(op, map_, shape):
        part = pullback(tape, op, term, position, same_space(op, map_, shape))
        target = operand
    else:
        zeros = {v for v in (term.gradient, term.winner) if v is not None}
        windows = Windows(tape, op, position, zeros)
        part = windows.gradient(lambda s: pullback(tape, op, term, position, s))
        target = windows.target
    if part is not None:
        yield target, part


def is_direct(op: linalg.GenericOp, map_: AffineMap, shape: tuple[int, ...]) -> bool:
    """Whether the map takes some of the iterators, each once, and covers the operand;
    dimensions of size 1 may be constants."""
    extents = extents_of(op)
    found: list[int] = []
    for expr, size in zip(map_.results, shape, strict=True):
        form = linear(op, expr, map_.num_dims)
        plain = form.plain
        if plain is not None and extents[plain] == size:
            found.append(plain)
        elif form.iterators or form.constant or size != 1:
            return False
    return len(set(found)) == len(found)


def pullback(
    tape: Tape, op: linalg.GenericOp, term: Term, position: int, space: Space
) -> SSAValue | None:
    """The backward generic for one operand over one space; None if it is zero."""
    walk = Walk(tape, op, space)
    body = op.body.block
    wanted = body.args[position]
    with ImplicitBuilder(walk.block):
        seed = walk.element(term.gradient, term.at)
        if term.winner is not None:
            winner = walk.element(term.winner, term.at)
            won = CmpiOp(walk.iteration(), winner, "eq").result
            seed = SelectOp(won, seed, number(0.0, seed)).result
        if term.negative:
            seed = neg(seed)
        found = derivative(walk.values, body, term.value, wanted, seed)
    if found is None:
        return None
    sums = set(range(len(space.extents))) - space.written.used_dims()

    def combine(so_far: SSAValue) -> SSAValue:
        return arith.AddfOp(so_far, found).result if sums else found

    def start(type_: TensorType) -> SSAValue:
        return filled(0.0, type_) if sums else tensor.EmptyOp((), type_).tensor

    return walk.finish(wanted.type, combine, start)
