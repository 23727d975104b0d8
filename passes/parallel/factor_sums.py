"""`factor-sums`: what does not change during a sum is multiplied with the sum.

    %s = linalg.generic ins(%dz, %y, %mean, %scale) outs(%zeros)
        { s[c] += -((dz[n, h, w, c] * scale[c]) * (y[n, h, w, c] - mean[c])) }
    ->
    %t = linalg.generic ins(%dz, %y, %mean) outs(%zeros)
        { t[c] += dz[n, h, w, c] * (y[n, h, w, c] - mean[c]) }
    %s = linalg.generic ins(%t, %scale) { s[c] = t[c] * -1 * scale[c] }

Only in functions that compute gradients (`br.gradients`), where such sums come from
rules: a factor of a sum that a user wrote may keep it from overflowing.

The gradients of a norm are such sums. Without their factors several of them are one,
which `share-reductions` then computes once. The sum of all distances from their own
mean is 0 (NaN where the mean is not finite) and is not computed at all: this is what
the gradient of a variance gives for the mean.

    %m = (sum over n, h, w of y) / count
    %s = linalg.generic ins(%y, %m, %scale) { s[c] += scale[c] * (y[..] - m[c]) }
    ->
    %s = linalg.generic ins(%m, %scale) { s[c] = (m[c] - m[c]) * scale[c] }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, func, tensor
from xdsl.dialects.builtin import AnyFloat, FloatAttr, ModuleOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from passes.fuse.fuse_epilogues import new_block
from passes.gradients.differentiate import GRADIENTS
from passes.gradients.spaces import extents_of, reductions_of
from passes.normalise.generalise_linalg import generic
from passes.parallel.share_reductions import sums_of
from passes.shared.build import LocatedBuilder, clone_op, same_value, tensor_type
from passes.shared.linalg_match import is_elementwise, maps_of, parallel_generic

LEAST_STEPS = 16
"""Of a sum whose factors are taken out: the product with its result costs a pass over
that, which a short sum is not worth."""

Emit = Callable[[dict[SSAValue, SSAValue]], SSAValue]
"""Emits a value, given what stands for the arguments of the body."""


@dataclass
class Product:
    """A summand: `cores` change from step to step, `factors` do not."""

    cores: list[SSAValue]
    factors: list[Emit]


def plain_dims(map_: AffineMap) -> list[int] | None:
    """The iterators that are the results of a map; None if others are."""
    dims = [e.position for e in map_.results if isinstance(e, AffineDimExpr)]
    distinct = len(set(dims)) == len(map_.results)
    return dims if distinct else None


class Factoring:
    """One sum, `s[c] += summand`, and what its summand is the product of."""

    def __init__(self, op: linalg.GenericOp, kept: Sequence[int]) -> None:
        self.op, self.kept = op, kept
        """The iterators that are not summed over, in the order of the result."""

        self.block = op.body.block
        self.fixed: set[SSAValue] = set()
        """The values of the body that are the same in each step of a sum."""
        for argument, map_ in zip(self.block.args, maps_of(op), strict=True):
            if argument.index < len(op.inputs) and map_.used_dims() <= set(kept):
                self.fixed.add(argument)
        for inner in self.block.ops:
            if inner.results and all(map(self.is_fixed, inner.operands)):
                self.fixed.update(inner.results)

    def is_inside(self, value: SSAValue) -> bool:
        """Whether a value is of the body."""
        owner = value.owner
        return (owner if isinstance(owner, Block) else owner.parent) is self.block

    def is_fixed(self, value: SSAValue) -> bool:
        """Whether a value is the same in each step of the sum."""
        return value in self.fixed or not self.is_inside(value)

    def emit(self, value: SSAValue, known: dict[SSAValue, SSAValue]) -> SSAValue:
        """Emits a value of the body once more, with all that it is computed from."""
        op = value.owner
        if value in known or not isinstance(op, Operation) or not self.is_inside(value):
            return known.get(value, value)
        for operand in op.operands:
            self.emit(operand, known)
        return clone_op(op, known).results[op.results.index(value)]

    def arguments_of(self, values: Sequence[SSAValue]) -> set[SSAValue]:
        """The arguments of the body that some of its values are computed from."""
        found: set[SSAValue] = set()
        stack = [*values]
        while stack:
            value = stack.pop()
            if not self.is_inside(value):
                continue
            if isinstance(value, BlockArgument):
                found.add(value)
            elif isinstance(value.owner, Operation):
                stack += value.owner.operands
        return found

    def inverse(self, value: SSAValue) -> Emit:
        """1 / value"""
        return lambda known: (
            arith.DivfOp(number(1.0, value), self.emit(value, known)).result
        )

    def product_of(self, value: SSAValue) -> Product:
        """What a value of the body is the product of."""
        if self.is_fixed(value):
            return Product([], [lambda known: self.emit(value, known)])
        op = value.owner
        if isinstance(op, arith.MulfOp):
            left, right = map(self.product_of, op.operands)
            return Product(left.cores + right.cores, left.factors + right.factors)
        if isinstance(op, arith.DivfOp) and self.is_fixed(op.rhs):
            found = self.product_of(op.lhs)
            return Product(found.cores, [*found.factors, self.inverse(op.rhs)])
        if isinstance(op, arith.NegfOp):
            return self.scaled(-1.0, op.operand)
        if isinstance(op, arith.AddfOp) and same_value(op.lhs, op.rhs):
            return self.scaled(2.0, op.lhs)
        return Product([value], [])

    def scaled(self, factor: float, value: SSAValue) -> Product:
        """The product of a number and a value."""
        found = self.product_of(value)
        return Product(
            found.cores, [*found.factors, lambda known: number(factor, value)]
        )


def number(value: float, like: SSAValue) -> SSAValue:
    """Emits a constant of the type of `like`."""
    assert isinstance(like.type, AnyFloat)
    return arith.ConstantOp(FloatAttr(value, like.type)).result


def times(x: SSAValue, y: SSAValue) -> SSAValue:
    """x * y"""
    return arith.MulfOp(x, y).result


def factor(op: Operation) -> None:
    """Takes the factors out of a sum, if it has any; see the module's docstring."""
    if (found := sums_of(op)) is None or len(found.op.outputs) != 1:
        return
    op = found.op
    kept = plain_dims(maps_of(op)[-1])
    steps = prod(extents_of(op)[i] for i in reductions_of(op))
    if kept is None or steps < LEAST_STEPS:
        return
    last = op.body.block.last_op
    assert last is not None
    sum_, out = last.operands[0].owner, op.body.block.args[-1]
    assert isinstance(sum_, arith.AddfOp)
    summand = sum_.rhs if sum_.lhs is out else sum_.lhs
    factoring = Factoring(op, kept)
    product = factoring.product_of(summand)
    with ImplicitBuilder(LocatedBuilder(InsertPoint.before(op), op.location)):
        if (mean := distance_from_mean(factoring, product.cores)) is not None:
            new = scale_of(factoring, mean, product.factors, is_mean=True)
        elif (
            product.factors and (rest := core_sum(factoring, product.cores)) is not None
        ):
            new = scale_of(factoring, rest, product.factors)
        else:
            return
    op.res[0].replace_all_uses_with(new)
    op.detach()
    op.erase()


def core_sum(factoring: Factoring, cores: Sequence[SSAValue]) -> SSAValue | None:
    """Emits the sum without its factors; None if what is left would not tell how long
    it is."""
    op = factoring.op
    count, used = len(op.inputs), factoring.arguments_of(cores)
    pairs = zip(op.body.block.args[:count], op.inputs, maps_of(op), strict=False)
    read = [(arg, v, map_) for arg, v, map_ in pairs if arg in used]
    inputs, maps = [v for _, v, _ in read], [map_ for *_, map_ in read]
    if not any(len(map_.used_dims()) == map_.num_dims for map_ in maps):
        return None
    block = new_block([*inputs, *op.outputs])
    known: dict[SSAValue, SSAValue] = {
        arg: new for (arg, *_), new in zip(read, block.args, strict=False)
    }
    with ImplicitBuilder(block):
        summand = reduce(times, [factoring.emit(core, known) for core in cores])
        linalg.YieldOp(arith.AddfOp(block.args[-1], summand).result)
    written = maps_of(op)[-1]
    return generic(inputs, list(op.outputs), [*maps, written], Region(block)).res[0]


def scale_of(
    factoring: Factoring, rest: SSAValue, factors: Sequence[Emit], is_mean: bool = False
) -> SSAValue:
    """Emits `rest[c] * factors`; in place of a mean its distance from itself."""
    op, kept = factoring.op, factoring.kept
    fixed = [a for a in factoring.block.args[: len(op.inputs)] if a in factoring.fixed]
    rank = len(kept)
    # those that are summed over do not occur
    dims = [AffineExpr.constant(0)] * len(op.iterator_types)
    for place, iterator in enumerate(kept):
        dims[iterator] = AffineExpr.dimension(place)
    maps = [AffineMap.identity(rank)]
    for argument in fixed:
        map_ = maps_of(op)[argument.index]
        results = [e.replace_dims_and_symbols(dims, []) for e in map_.results]
        maps.append(AffineMap(rank, 0, tuple(results)))
    inputs = [rest, *(op.inputs[a.index] for a in fixed)]
    empty = tensor.EmptyOp((), tensor_type(op.outputs[0])).tensor
    block = new_block([*inputs, empty])
    known: dict[SSAValue, SSAValue] = dict(zip(fixed, block.args[1:], strict=False))
    with ImplicitBuilder(block):
        first: SSAValue = block.args[0]
        if is_mean:
            first = arith.SubfOp(first, first).result
        linalg.YieldOp(reduce(times, [emit(known) for emit in factors], first))
    for i in reversed(range(1, len(inputs))):
        if not block.args[i].uses:
            block.erase_arg(block.args[i])
            del inputs[i], maps[i]
    return parallel_generic(inputs, empty, maps, block).res[0]


def distance_from_mean(
    factoring: Factoring, cores: Sequence[SSAValue]
) -> SSAValue | None:
    """The mean, if the summand is a tensor's distance from its own mean."""
    if len(cores) != 1 or not isinstance(sub := cores[0].owner, arith.SubfOp):
        return None
    if not all(isinstance(v, BlockArgument) for v in sub.operands):
        return None
    op = factoring.op
    (x, x_map), (mean, mean_map) = (
        (op.operands[v.index], maps_of(op)[v.index])
        for v in sub.operands
        if isinstance(v, BlockArgument)
    )
    if plain_dims(mean_map) != list(factoring.kept):
        return None
    where = plain_dims(x_map)
    if where is None or len(where) != x_map.num_dims:
        return None
    averaged = averaged_by(mean)
    if averaged is None or averaged[0] is not x:
        return None
    # the dimensions of x that are left, in the order of the mean's
    return mean if [where[d] for d in averaged[1]] == list(factoring.kept) else None


def averaged_by(mean: SSAValue) -> tuple[SSAValue, list[int]] | None:
    """What a tensor is the mean of, and the dimensions that are left of it in order:
    an element-wise quotient of a sum and the number of what it sums up."""
    quotient = mean.owner
    if not is_elementwise(quotient) or len(quotient.inputs) != 1:
        return None
    first, *others = quotient.body.block.ops
    maps = maps_of(quotient)
    if isinstance(first, arith.ConstantOp) and len(others) == 2:
        first = others.pop(0)
    if not isinstance(first, arith.DivfOp) or len(others) != 1 or maps[0] != maps[1]:
        return None
    if [first.lhs, *others[0].operands] != [quotient.body.block.args[0], first.result]:
        return None
    count, total = first.rhs.owner, quotient.inputs[0].owner
    if not isinstance(count, arith.ConstantOp) or not isinstance(total, Operation):
        return None
    if not isinstance(count.value, FloatAttr) or (found := sums_of(total)) is None:
        return None
    return summed_by(found.op, count.value.value.data)


def summed_by(op: linalg.GenericOp, count: float) -> tuple[SSAValue, list[int]] | None:
    """What an op sums up, if that is all it does, over so many elements; the dimensions
    that are left of it in order."""
    if len(op.inputs) != 1 or len(op.outputs) != 1:
        return None
    inner = list(op.body.block.ops)
    if len(inner) != 2 or {*inner[0].operands} != {*op.body.block.args}:
        return None
    where, kept = (plain_dims(map_) for map_ in maps_of(op))
    if where is None or kept is None or len(where) != len(extents_of(op)):
        return None
    if prod(extents_of(op)[i] for i in reductions_of(op)) != count:
        return None
    return op.inputs[0], [where.index(i) for i in kept]


@dataclass(frozen=True)
class FactorSumsPass(ModulePass):
    """Factors that do not change during a sum are multiplied with the sum."""

    name = "factor-sums"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and GRADIENTS in function.attributes:
                for inner in list(function.body.block.ops):
                    factor(inner)
