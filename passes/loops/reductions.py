"""Reductions that may be taken in any order: their combiners and neutral elements.

^bb0(%in: f32, %out: f32):
  %0 = arith.mulf %in, %in : f32          // any function of the inputs
  %1 = arith.addf %0, %out : f32          // the combiner: arith.addf
  linalg.yield %1 : f32
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import arith, vector
from xdsl.dialects.builtin import IndexType, IntegerType, VectorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.utils.hints import isa

from passes.math.float_code import bit_width
from passes.shared.vectorise import splat

Kind = vector.CombiningKindFlag

_KINDS: dict[type[IRDLOperation], Kind] = {
    arith.AddfOp: Kind.ADD,
    arith.AddiOp: Kind.ADD,
    arith.MulfOp: Kind.MUL,
    arith.MuliOp: Kind.MUL,
    arith.MaximumfOp: Kind.MAXIMUMF,
    arith.MinimumfOp: Kind.MINIMUMF,
    arith.MaxnumfOp: Kind.MAXNUMF,
    arith.MinnumfOp: Kind.MINNUMF,
    arith.MaxSIOp: Kind.MAXSI,
    arith.MinSIOp: Kind.MINSI,
    arith.MaxUIOp: Kind.MAXUI,
    arith.MinUIOp: Kind.MINUI,
    arith.AndIOp: Kind.AND,
    arith.OrIOp: Kind.OR,
    arith.XOrIOp: Kind.XOR,
}


def combiners(op: GenericOp) -> Sequence[type[IRDLOperation]] | None:
    """The op that adds to each output; None where the order of iterations matters."""
    block = op.body.block
    last = block.last_op
    assert last is not None
    found: list[type[IRDLOperation]] = []
    outs = block.args[len(op.inputs) :]
    for out, result in zip(outs, last.operands, strict=True):
        combiner = result.owner
        uses = [use.operation for use in out.uses]
        if (
            type(combiner) not in _KINDS
            or uses != [combiner]
            or result.uses.get_length() > 1
        ):
            return None
        assert isinstance(combiner, IRDLOperation)
        found.append(type(combiner))
    return found


def neutral(
    combiner: type[IRDLOperation], type_: Attribute, lanes: int | None
) -> SSAValue:
    """The vector (or scalar) that changes nothing: -0.0 for a float sum (0.0 would turn
    -0.0 into 0.0), NaN for maxnumf and minnumf, which return the other operand."""
    kind = _KINDS[combiner]
    if isa(type_, IntegerType | IndexType):
        width = bit_width(type_)
        number: float = {
            Kind.MUL: 1,
            Kind.MAXSI: -(1 << (width - 1)),
            Kind.MINSI: (1 << (width - 1)) - 1,
            Kind.MINUI: -1,
            Kind.AND: -1,
        }.get(kind, 0)
    else:
        number = {
            Kind.ADD: -0.0,
            Kind.MUL: 1.0,
            Kind.MAXIMUMF: -math.inf,
            Kind.MINIMUMF: math.inf,
        }.get(kind, math.nan)
    return splat(number, type_, lanes)


def combine(combiner: type[IRDLOperation], lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    """`lhs` and `rhs` as one, scalars or vectors."""
    return combiner.build(operands=(lhs, rhs), result_types=(lhs.type,)).results[0]


def reduce_vector(combiner: type[IRDLOperation], lanes: SSAValue) -> SSAValue:
    """All lanes as one scalar. A float sum is taken as a tree, not left to right."""
    assert isa(lanes.type, VectorType)
    kind = _KINDS[combiner]
    reassociate = arith.FastMathFlagsAttr(
        [FastMathFlag.REASSOC] if combiner in (arith.AddfOp, arith.MulfOp) else "none"
    )
    return vector.ReductionOp.build(
        operands=(lanes, ()),
        result_types=(lanes.type.element_type,),
        properties={"kind": vector.CombiningKindAttr(kind), "fastmath": reassociate},
    ).dest
