"""`share-sums`: a sum whose loop is parallel is added up in private copies of C.

    %r = br.contract ins(%a, %b) outs(%c)
      {maps = [(m, n, k) -> (k, m), (k, n), (m, n)],
       schedule = #br.schedule<"C64 b16 | m=a n=b k=c">}           // k = 0 to 256
    ->
    %p = br.contract ins(%a', %b') outs(%e)                        // e[4, m, n]
      {maps = [(m, n, k, t) -> (t, k, m), (t, k, n), (t, m, n)],
       schedule = #br.schedule<"D b16 | m=a n=b k=c">}             // k = 0 to 64
    %r = linalg.generic ins(%p) outs(%zeros) { r[m, n] += p[t, m, n] }

The gradient of weights sums over images and pixels into a small C. `A B16` (threads own
parts of C) and `C64 b16` (they own parts of the sum, and add up four copies of C) are
two ways to share it; `C128 B16` lies in between: two groups of threads, in each of
which they own parts of C.

On a GPU `split=4` of a block does so, and one kernel adds up and has the epilogue:

    %p = br.contract ins(%a', %b') outs(%e) {schedule = #br.schedule<"D | .. block=..">}
    %r = linalg.generic ins(%p, %p, %p, %p, %bias) outs(%c)
      {maps = [(m, n) -> (0, m, n), .., (m, n) -> (3, m, n), (m, n) -> (n), (m, n)]}
      { epilogue(p0 + p1 + p2 + p3, bias) }
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    ModuleOp,
    TensorType,
    f32,
    i64,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.schedule import Loop, ScheduleAttr
from brdialect.target import Target, target_of
from passes.fuse.coalesce_contractions import plain_dims
from passes.normalise.generalise_linalg import generic
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.check_schedule import check_schedule, shared_sum
from passes.schedule.check_tile import check_tile, split_loop
from passes.shared.build import clone_op, converted, tensor_type
from passes.shared.linalg_match import reassociation, sum_of_copies


def split(
    value: SSAValue, map_: AffineMap, loop: Loop, copies: int
) -> tuple[SSAValue, AffineMap]:
    """An operand with the iterator in `copies` parts: a dimension that is the iterator
    becomes two, a window begins further on."""
    t, step, i = map_.num_dims, loop.step, loop.iterator
    dims = [AffineExpr.dimension(d) for d in range(t)]
    parts = list(dims)
    parts[i] = dims[i] + AffineExpr.dimension(t) * step
    type_, results = tensor_type(value), list[AffineExpr]()
    shape, groups = list[int](), list[list[int]]()
    plain = plain_dims(map_)
    for expr, iterator, size in zip(
        map_.results, plain, type_.get_shape(), strict=True
    ):
        sizes = [size] if iterator != i else [copies, step]
        groups.append(list(range(len(shape), len(shape) + len(sizes))))
        shape += sizes
        if iterator == i:
            results += [AffineExpr.dimension(t), dims[i]]
        else:
            results.append(expr.replace_dims_and_symbols(parts, []))
    if i in plain:
        value = tensor.ExpandShapeOp(
            value,
            (),
            reassociation(groups),
            DenseArrayBase.from_list(i64, shape),
            TensorType(type_.element_type, shape),
        ).result
    return value, AffineMap(t + 1, 0, tuple(results))


def private_copies(op: ContractOp, loop: Loop, inside: Sequence[Loop]) -> SSAValue:
    """Emits the contraction with its sum in parts, each into a copy of C; the loops of
    its schedule that stay are `inside` the one over the parts."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    assert table is not None and op.schedule is not None
    copies, maps = table.extents[loop.iterator] // loop.step, op.maps
    t = maps[2].num_dims
    written = AffineMap(t + 1, 0, (AffineExpr.dimension(t), *maps[2].results))
    a, map_a = split(op.a, maps[0], loop, copies)
    b, map_b = split(op.b, maps[1], loop, copies)
    shape = [copies, *tensor_type(op.c).get_shape()]
    schedule = replace(op.schedule.data, loops=(Loop(t, 1, True), *inside))
    if schedule.block is not None:
        schedule = replace(schedule, block=replace(schedule.block, split=1))
    new = ContractOp(
        a,
        b,
        tensor.EmptyOp((), TensorType(op.accumulator, shape)).tensor,
        (map_a, map_b, written),
        ArrayAttr([*op.iterator_types, IteratorTypeAttr.parallel()]),
        beta=0.0,
        schedule=ScheduleAttr(schedule),
    )
    new.location = op.location
    assert new.res is not None
    return new.res


def finished(op: ContractOp, copies: SSAValue) -> SSAValue:
    """Emits `epilogue(beta * c + sum over t of copies[t, ..], ..)`, element by element,
    the copies in their order."""
    count, *shape = tensor_type(copies).get_shape()
    rank = len(shape)
    dims = [AffineExpr.dimension(d) for d in range(rank)]
    maps = [AffineMap(rank, 0, (AffineExpr.constant(t), *dims)) for t in range(count)]
    # the iterators of C are the dimensions of its map
    where = {i: d for d, i in enumerate(plain_dims(op.maps[2])) if i is not None}
    every = [
        dims[where[i]] if i in where else AffineExpr.constant(0)
        for i in range(op.maps[2].num_dims)
    ]
    for map_ in op.maps[3:]:
        results = [e.replace_dims_and_symbols(every, []) for e in map_.results]
        maps.append(AffineMap(rank, 0, tuple(results)))
    maps.append(AffineMap.identity(rank))
    element = tensor_type(op.c).element_type
    extras = [tensor_type(v).element_type for v in op.extras]
    block = Block(arg_types=[*[op.accumulator] * count, *extras, element])
    with ImplicitBuilder(block) as args:
        total: SSAValue = args[0]
        for part in args[1:count]:
            total = arith.AddfOp(total, part).result
        if op.beta_value != 0.0:
            old = converted(args[-1], op.accumulator)
            beta = arith.ConstantOp(FloatAttr(op.beta_value, f32)).result
            total = arith.AddfOp(total, arith.MulfOp(old, beta).result).result
        if op.epilogue is not None:
            given = [total, *args[count:-1]]
            total = inlined(op.epilogue.block, given)
        linalg.YieldOp(converted(total, element))
    inputs = [*[copies] * count, *op.extras]
    new = generic(inputs, [op.c], maps, Region(block))
    new.location = op.location
    return new.res[0]


def inlined(block: Block, values: Sequence[SSAValue]) -> SSAValue:
    """What a region yields for some values."""
    known = dict[SSAValue, SSAValue](zip(block.args, values, strict=True))
    *body, last = block.ops
    for op in body:
        clone_op(op, known)
    return known.get(last.operands[0], last.operands[0])


class ShareSum(RewritePattern):
    """See the module's docstring."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        table = contraction_of((op.a, op.b, op.c), op.maps)
        if op.schedule is None or op.res is None or table is None:
            return
        schedule = op.schedule.data
        if (loop := shared_sum(table, schedule)) is None:
            return
        check_schedule(op, table, schedule)
        if op.epilogue is not None:
            unsupported(
                op,
                "expected no epilogue where threads share a sum; write the loop "
                f"'{loop}' with a small letter",
            )
        with ImplicitBuilder(rewriter):
            copies = private_copies(op, loop, schedule.loops[1:])
            start = op.c
            if op.beta_value == 0.0:
                type_ = tensor_type(op.c)
                assert isinstance(type_.element_type, AnyFloat)
                zero = arith.ConstantOp(FloatAttr(0.0, type_.element_type))
                start = linalg.FillOp([zero.result], [op.c], [type_]).res[0]
            total = sum_of_copies(copies, start)
        rewriter.replace(op, (), (total,))


class SplitSum(RewritePattern):
    """The same for the blocks of a GPU."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        table = contraction_of((op.a, op.b, op.c), op.maps)
        if op.schedule is None or op.res is None or table is None:
            return
        schedule = op.schedule.data
        if schedule.block is None or schedule.block.split == 1:
            return
        check_tile(op, table, schedule, self.target)
        loop = split_loop(table, schedule)
        assert loop is not None
        with ImplicitBuilder(rewriter):
            copies = private_copies(op, loop, schedule.loops)
            total = finished(op, copies)
        rewriter.replace(op, (), (total,))


@dataclass(frozen=True)
class ShareSumsPass(ModulePass):
    """Parallel sums become private copies and their sum."""

    name = "share-sums"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        pattern = SplitSum(target) if target.is_gpu else ShareSum()
        PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(op)
