"""The update of one parameter by an optimiser: one element-wise operation, which reads
the parameter, its gradient and its moments once and writes what is new of them.

    %w1, %m1 = linalg.generic ins(%w, %dw, %m) { m1 = momentum * m + dw
                                                 w1 = w - rate * m1 }

The formulas are PyTorch's; brdialect/optimizers.py has them. What changes from step to
step (`Optimizer.numbers`) comes as scalars, the rest is in the code. Where the loss is
not finite each element keeps its old value, so that the new ones may take the place of
the old ones in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import math, tensor
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineMap

from brdialect.optimizers import SGD, Adam, Optimizer
from brdialect.xdsl_repairs import CmpfOp, SelectOp
from passes.gradients.scalar_rules import add, div, mul, number, scale, sub
from passes.normalise.generalise_linalg import generic
from passes.shared.build import shape_of, tensor_type

Elements = Sequence[SSAValue]


def decayed(optimizer: Optimizer, p: SSAValue, g: SSAValue) -> SSAValue:
    """The gradient with the part that pulls the parameter towards zero."""
    decay = optimizer.weight_decay
    return add(g, scale(decay, p)) if decay else g


def sgd(
    optimizer: SGD, p: SSAValue, g: SSAValue, moments: Elements, rate: SSAValue
) -> list[SSAValue]:
    """The new element of the parameter, then of its momentum if there is one."""
    g = decayed(optimizer, p, g)
    if not optimizer.momentum:
        return [sub(p, mul(rate, g))]
    momentum = add(scale(optimizer.momentum, moments[0]), g)
    direction = momentum
    if optimizer.nesterov:
        direction = add(g, scale(optimizer.momentum, momentum))
    return [sub(p, mul(rate, direction)), momentum]


def adam(
    optimizer: Adam,
    p: SSAValue,
    g: SSAValue,
    moments: Elements,
    rate: SSAValue,
    root: SSAValue,
) -> list[SSAValue]:
    """The new element of the parameter, then of both moments."""
    g = decayed(optimizer, p, g)
    first, second = moments
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    first = add(scale(beta1, first), scale(1 - beta1, g))
    second = add(scale(beta2, second), scale(1 - beta2, mul(g, g)))
    spread = div(math.SqrtOp(second).result, root)
    step = div(first, add(spread, number(optimizer.epsilon, p)))
    return [sub(p, mul(rate, step)), first, second]


FORMULAS: dict[type[Optimizer], Callable[..., list[SSAValue]]] = {SGD: sgd, Adam: adam}


def unless_lost(loss: SSAValue, new: Elements, old: Elements) -> list[SSAValue]:
    """The new elements where the loss, a scalar, is finite, or else the old ones."""
    magnitude = math.AbsFOp(loss).result
    finite = CmpfOp(magnitude, number(inf, loss), "olt").result
    pairs = zip(new, old, strict=True)
    return [SelectOp(finite, x, y).result for x, y in pairs]


def update(
    optimizer: Optimizer,
    parameter: SSAValue,
    gradient: SSAValue,
    moments: Elements,
    numbers: Elements,
    loss: SSAValue,
) -> Sequence[SSAValue]:
    """Emits the new parameter, then its new moments; `loss` is a scalar."""
    type_ = tensor_type(parameter)
    inputs = [parameter, gradient, *moments]
    outs = [tensor.EmptyOp((), type_).tensor for _ in (parameter, *moments)]
    block = Block(arg_types=[type_.element_type] * (len(inputs) + len(outs)))
    with ImplicitBuilder(block) as (p, g, *rest):
        old = rest[: len(moments)]
        new = FORMULAS[type(optimizer)](optimizer, p, g, old, *numbers)
        linalg.YieldOp(*unless_lost(loss, new, [p, *old]))
    same = AffineMap.identity(len(shape_of(parameter)))
    maps = [same] * (len(inputs) + len(outs))
    return generic(inputs, outs, maps, Region(block)).res
