"""How many floating-point operations a program's contractions take."""

from __future__ import annotations

import math

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir.affine import AffineDimExpr

from brdialect.ops import BatchReduceGemmOp, ContractOp, shaped


def contraction_flops(module: ModuleOp) -> int:
    """A multiply and an add for each point of each contraction, each counted once."""
    total = 0
    for op in module.walk():
        if isinstance(op, ContractOp):
            total += 2 * math.prod(_sizes(op).values())
        elif isinstance(op, BatchReduceGemmOp):
            _, b, c = op.shapes
            total += 2 * math.prod(b.get_shape()) * c.get_shape()[0]
    return total


def _sizes(op: ContractOp) -> dict[int, int]:
    """The extent of each iterator, from the operand dimension that it alone indexes."""
    sizes: dict[int, int] = {}
    operands = (op.a, op.b, op.c, *op.extras)
    for value, map_ in zip(operands, op.maps, strict=True):
        for size, expr in zip(shaped(value).get_shape(), map_.results, strict=True):
            if isinstance(expr, AffineDimExpr):
                sizes[expr.position] = size
    return sizes
