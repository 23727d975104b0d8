"""`share-reductions`: sums over the same tensor are one sweep over it, by all threads.

    %s = linalg.generic ins(%x, %y) outs(%zeros) { s[c] += x[n, h, w, c] * y[..] }
    %t = linalg.generic ins(%x) outs(%zeros) { t[c] += x[n, h, w, c] }
    ->
    %0:2 = linalg.generic ins(%x, %y) outs(%e, %e)       // n is parallel
        { s'[n, c] += x[n, h, w, c] * y[..];  t'[n, c] += x[n, h, w, c] }
    %s = linalg.generic ins(%0#0) outs(%zeros) { s[c] += s'[n, c] }
    %t = linalg.generic ins(%0#1) outs(%zeros) { t[c] += t'[n, c] }

Such are the statistics of a batch-norm and their gradients: a few channels, in which
there is no work for several threads, over many pixels, which memory delivers slowly.
On one thread the sums are one sweep, and stay whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from brdialect.target import Target, target_of
from passes.fuse.fuse_epilogues import inline, new_block
from passes.gradients.spaces import extents_of, reductions_of
from passes.loops.nest_emitter import ACCUMULATORS, PARALLEL_WORK
from passes.loops.reductions import combiners
from passes.normalise.generalise_linalg import generic
from passes.shared.build import clone_op, same_value, shape_of, tensor_type
from passes.shared.linalg_match import maps_of, sum_of_copies, zero_fill

MOST_SUMS = 4
"""In one sweep: each has vectors of its own to accumulate in."""

LEAST_SUMMED = 16
"""Elements of each copy's sum: then the copies are a small part of what is read."""


@dataclass(frozen=True)
class Sums:
    """A generic of sums of floats that start from zero."""

    op: linalg.GenericOp

    @property
    def space(self) -> tuple[object, ...]:
        """Equal for those that can be one nest of loops."""
        count = len(self.op.inputs)
        maps = maps_of(self.op)[count:]
        return (extents_of(self.op), *self.op.iterator_types, maps[0])

    def large(self) -> set[tuple[SSAValue, AffineMap]]:
        """The inputs that are swept over: those with an element for each iteration."""
        size = prod(extents_of(self.op))
        pairs = zip(self.op.inputs, maps_of(self.op), strict=False)
        return {
            (v, m)
            for v, m in pairs
            if isinstance(v.type, TensorType) and prod(shape_of(v)) == size
        }


def sums_of(op: Operation) -> Sums | None:
    """The sums that an op computes, if it computes nothing else."""
    if not isinstance(op, linalg.GenericOp) or not reductions_of(op):
        return None
    static = all(
        isa(v.type, TensorType) and v.type.has_static_shape() for v in op.operands
    )
    if not static or not all(zero_fill(v) for v in op.outputs):
        return None
    kinds = combiners(op)
    if kinds is None or any(kind is not arith.AddfOp for kind in kinds):
        return None
    if len(set(maps_of(op)[len(op.inputs) :])) != 1:
        return None
    return Sums(op)


def merge_siblings(block: Block) -> None:
    """Sums over the same tensor become one op, at the place of the first."""
    place = {op: i for i, op in enumerate(block.ops)}
    found: list[Sums] = []
    for op in list(block.ops):
        if (later := sums_of(op)) is None:
            continue
        for i, first in enumerate(found):
            if joins(later, first, place):
                merged = merge(first.op, later.op)
                place[merged] = place[first.op]
                for old in (first.op, later.op):
                    old.detach()
                    old.erase()
                found[i] = Sums(merged)
                break
        else:
            found.append(later)


def joins(later: Sums, first: Sums, place: dict[Operation, int]) -> bool:
    """Whether `later` reads what `first` sweeps over, and all else that it reads is
    there when `first` runs."""
    if later.space != first.space or not later.large() & first.large():
        return False
    if len(later.op.outputs) + len(first.op.outputs) > MOST_SUMS:
        return False
    return all(
        not isinstance(v.owner, Operation) or place[v.owner] < place[first.op]
        for v in later.op.inputs
    )


def merge(first: linalg.GenericOp, later: linalg.GenericOp) -> linalg.GenericOp:
    """Both in one, in front of the first; their results are replaced."""
    with ImplicitBuilder(Builder(InsertPoint.before(first))):
        pairs: list[tuple[SSAValue, AffineMap]] = []
        for op in (first, later):
            for pair in zip(op.inputs, maps_of(op), strict=False):
                if pair not in pairs:
                    pairs.append(pair)
        starts = [*first.outputs, *(zeros_like(v) for v in later.outputs)]
        inputs = [v for v, _ in pairs]
        block = new_block([*inputs, *starts])
        outs = iter(block.args[len(inputs) :])
        results: list[SSAValue] = []
        with ImplicitBuilder(block):
            for op in (first, later):
                taken = zip(op.inputs, maps_of(op), strict=False)
                arguments = [block.args[pairs.index(pair)] for pair in taken]
                arguments += [next(outs) for _ in op.outputs]
                results += inline(op.body.block, arguments)
            same = repeated(block.args[len(inputs) :], results)
            kept = [i for i, original in enumerate(same) if i == original]
            linalg.YieldOp(*(results[i] for i in kept))
        for i in reversed(range(len(same))):
            if i not in kept:
                drop(block, results[i], block.args[len(inputs) + i])
        starts = [starts[i] for i in kept]
        written = maps_of(first)[-1]
        maps = [*(m for _, m in pairs), *[written] * len(starts)]
        new = generic(inputs, starts, maps, Region(block))
    new.location = first.location
    for old, original in zip((*first.res, *later.res), same, strict=True):
        old.replace_all_uses_with(new.res[kept.index(original)])
    return new


def repeated(outs: Sequence[SSAValue], results: Sequence[SSAValue]) -> list[int]:
    """For each of some sums in one body, the first one that adds up the same."""
    summands: list[SSAValue] = []
    for out, result in zip(outs, results, strict=True):
        sum_ = result.owner
        assert isinstance(sum_, arith.AddfOp)
        summands.append(sum_.rhs if sum_.lhs is out else sum_.lhs)
    return [
        next(j for j, earlier in enumerate(summands) if same_value(earlier, summand))
        for summand in summands
    ]


def drop(block: Block, result: SSAValue, out: BlockArgument) -> None:
    """Takes a sum that nothing reads out of a body, with all that only it reads."""
    stack = [result]
    while stack:
        op = stack.pop().owner
        if isinstance(op, Operation) and not any(r.uses for r in op.results):
            stack += op.operands
            op.detach()
            op.erase()
    block.erase_arg(out)


def zeros_like(value: SSAValue) -> SSAValue:
    """Emits a tensor of the same shape filled with the same zero."""
    fill = value.owner
    assert isinstance(fill, linalg.FillOp)
    scalar = fill.inputs[0].owner
    assert isinstance(scalar, arith.ConstantOp)
    zero = clone_op(scalar, {}).results[0]
    type_ = tensor_type(value)
    return linalg.FillOp([zero], [tensor.EmptyOp((), type_).tensor], [type_]).res[0]


def outermost_sum(op: linalg.GenericOp, target: Target) -> int | None:
    """The iterator whose steps threads can share; None where what is not summed is work
    enough for them, or all of it is not."""
    extents = extents_of(op)
    iterator = next((i for i in sorted(reductions_of(op)) if extents[i] > 1), None)
    if target.threads == 1 or iterator is None or prod(extents) < PARALLEL_WORK:
        return None
    width = ACCUMULATORS * target.vector_bytes // 4
    others = prod(
        e
        for e, t in zip(extents, op.iterator_types, strict=True)
        if t.data is IteratorType.PARALLEL
    )
    enough = others >= 4 * target.threads * width
    return None if enough and not is_outside(op, iterator) else iterator


def is_outside(op: linalg.GenericOp, iterator: int) -> bool:
    """Whether what is summed up lies step of the iterator behind step of it. Who has
    written it, image by image, shared it like that: threads that share channels would
    fetch half of it from each other (1024 and 2048 channels, threads on cores without a
    common L3: 6 times as fast for what comes next)."""
    extents = extents_of(op)
    first = AffineExpr.dimension(iterator)
    read = [m for m in maps_of(op)[: len(op.inputs)] if iterator in m.used_dims()]
    copy = prod(extents[i] for i in reductions_of(op)) // extents[iterator]
    return copy >= LEAST_SUMMED and all(m.results[0] == first for m in read)


def split(op: linalg.GenericOp, iterator: int) -> None:
    """Each step of the iterator sums by itself; the sums are added up after that."""
    extent = extents_of(op)[iterator]
    *_, written = maps_of(op)
    first = AffineExpr.dimension(iterator)
    parts = AffineMap(written.num_dims, 0, (first, *written.results))
    count = len(op.inputs)
    with ImplicitBuilder(Builder(InsertPoint.before(op))):
        starts = [zeros_of(v, extent) for v in op.outputs]
        block = new_block([*op.inputs, *starts])
        with ImplicitBuilder(block):
            linalg.YieldOp(*inline(op.body.block, list(block.args)))
        maps = [*maps_of(op)[:count], *[parts] * len(starts)]
        new = generic(list(op.inputs), starts, maps, Region(block))
        new.location = op.location
        totals = [
            sum_of_copies(part, start)
            for part, start in zip(new.res, op.outputs, strict=True)
        ]
    for old, total in zip(op.res, totals, strict=True):
        old.replace_all_uses_with(total)
    op.detach()
    op.erase()


def zeros_of(value: SSAValue, copies: int) -> SSAValue:
    """Emits as many copies of a tensor of zeros."""
    type_ = tensor_type(value)
    larger = TensorType(type_.element_type, [copies, *type_.get_shape()])
    fill = value.owner
    assert isinstance(fill, linalg.FillOp)
    empty = tensor.EmptyOp((), larger).tensor
    return linalg.FillOp([fill.inputs[0]], [empty], [larger]).res[0]


def blocks_of(module: ModuleOp) -> Iterator[Block]:
    """The blocks of all functions."""
    for op in module.ops:
        for region in op.regions:
            yield from region.blocks


@dataclass(frozen=True)
class ShareReductionsPass(ModulePass):
    """Sums over one tensor are one sweep, and threads share it."""

    name = "share-reductions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for block in blocks_of(op):
            merge_siblings(block)
            for inner in list(block.ops):
                if (found := sums_of(inner)) is None:
                    continue
                if (iterator := outermost_sum(found.op, target)) is not None:
                    split(found.op, iterator)
