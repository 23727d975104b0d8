"""The gradient of `linalg.softmax`, which is not written out for it.

%y = linalg.softmax dimension(d) ins(%x)
->
%s  = linalg.generic  s[..]      += dy[.. d ..] * y[.. d ..]         from 0
%dx = linalg.generic  dx[.. d ..] = y[.. d ..] * (dy[.. d ..] - s[..])
"""

from __future__ import annotations

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineMap

from brdialect.xdsl_repairs import SoftmaxOp
from passes.gradients.scalar_rules import add, mul, sub
from passes.gradients.spaces import Tape
from passes.gradients.tensors import filled
from passes.normalise.generalise_linalg import dropped_dimensions_map, generic
from passes.shared.build import shape_of, tensor_type


def softmax_rule(op: SoftmaxOp, tape: Tape) -> None:
    """Adds the gradient of the input."""
    assert op.result is not None
    gradient = tape.gradient(op.result)
    if gradient is None:
        return
    y, type_ = tape.forward(op.result), tensor_type(op.result)
    dimension, element = op.dimension.value.data, type_.element_type
    shape = [n for d, n in enumerate(shape_of(y)) if d != dimension]
    full = AffineMap.identity(len(shape) + 1)
    reduced = dropped_dimensions_map(len(shape) + 1, [dimension])

    block = Block(arg_types=[element] * 3)
    with ImplicitBuilder(block) as (g, value, so_far):
        linalg.YieldOp(add(so_far, mul(g, value)))
    start = filled(0.0, TensorType(element, shape))
    body = Region(block)
    total = generic([gradient, y], [start], [full, full, reduced], body).res[0]

    block = Block(arg_types=[element] * 4)
    with ImplicitBuilder(block) as (g, value, sum_, _):
        linalg.YieldOp(mul(value, sub(g, sum_)))
    out: SSAValue = tensor.EmptyOp((), type_).tensor
    maps = [full, full, reduced, full]
    tape.add(op.input, generic([gradient, y, total], [out], maps, Region(block)).res[0])
