"""What the body of a structured operation computes, recognised from its operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import i1
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.traits import IsTerminator

COMBINE: dict[str, np.ufunc] = {
    "arith.addf": np.add,
    "arith.addi": np.add,
    "arith.mulf": np.multiply,
    "arith.muli": np.multiply,
    "arith.maximumf": np.maximum,
    "arith.minimumf": np.minimum,
    "arith.maxnumf": np.fmax,
    "arith.minnumf": np.fmin,
    "arith.maxsi": np.maximum,
    "arith.minsi": np.minimum,
    "arith.andi": np.bitwise_and,
    "arith.ori": np.bitwise_or,
    "arith.xori": np.bitwise_xor,
}
"""The combinations of an accumulator with a term that numpy can run along an axis."""


@dataclass(frozen=True)
class Reduction:
    """`yield combine(accumulator, term)`, the only use of the accumulator."""

    op: Operation
    function: np.ufunc
    term: SSAValue


def terminator(block: Block) -> Operation:
    """The operation that yields the body's results."""
    last = block.last_op
    assert last is not None and last.has_trait(IsTerminator)
    return last


def _reduction(value: SSAValue, accumulator: BlockArgument) -> Reduction | None:
    op = value.owner
    if not isinstance(op, Operation) or op.name not in COMBINE:
        return None
    if value.uses.get_length() != 1 or accumulator.uses.get_length() != 1:
        return None
    # numpy's + on bool is an or, while i1 adds modulo 2
    if accumulator not in op.operands or value.type == i1:
        return None
    left, right = op.operands
    term = right if left is accumulator else left
    return Reduction(op, COMBINE[op.name], term)


def reductions(block: Block, accumulators: Sequence[BlockArgument]) -> list[Reduction]:
    """One reduction for each result of the body; empty if one of them is none."""
    found: list[Reduction] = []
    values = terminator(block).operands
    for value, accumulator in zip(values, accumulators, strict=True):
        reduction = _reduction(value, accumulator)
        if reduction is None:
            return []
        found.append(reduction)
    return found


def _widened(value: SSAValue) -> SSAValue:
    """The value before an extension to a wider type."""
    owner = value.owner
    if isinstance(owner, arith.ExtFOp | arith.ExtSIOp) and owner.input.type != i1:
        return owner.input
    return value


def is_product(block: Block) -> bool:
    """Whether the body is `yield c + a * b` of its three arguments, where a and b may
    first be extended to c's type."""
    if len(block.args) != 3:
        return False
    a, b, c = block.args
    found = reductions(block, (c,))
    if not found or found[0].function is not np.add:
        return False
    product = found[0].term.owner
    if not isinstance(product, arith.MulfOp | arith.MuliOp):
        return False
    factors = (_widened(product.lhs), _widened(product.rhs))
    return factors in ((a, b), (b, a))
