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
"""

from __future__ import annotations

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
from passes.build import tensor_type
from passes.check_schedule import check_schedule, shared_sum
from passes.coalesce_contractions import plain_dims
from passes.generalise_linalg import generic
from passes.linalg_match import reassociation
from passes.normalise_contractions import contraction_of


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


def sum_of_copies(copies: SSAValue, start: SSAValue) -> SSAValue:
    """Emits `start[..] + sum over t of copies[t, ..]`."""
    type_ = tensor_type(start)
    rank = type_.get_num_dims()
    dims = [AffineExpr.dimension(d) for d in range(rank + 1)]
    block = Block(arg_types=[type_.element_type] * 2)
    with ImplicitBuilder(block) as (part, so_far):
        linalg.YieldOp(arith.AddfOp(so_far, part).result)
    maps = [
        AffineMap(rank + 1, 0, (dims[rank], *dims[:rank])),
        AffineMap(rank + 1, 0, tuple(dims[:rank])),
    ]
    return generic([copies], [start], maps, Region(block)).res[0]


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
        copies = table.extents[loop.iterator] // loop.step
        maps = op.maps
        type_ = tensor_type(op.c)
        element = type_.element_type
        assert isinstance(element, AnyFloat)
        t = AffineExpr.dimension(maps[2].num_dims)
        written = AffineMap(maps[2].num_dims + 1, 0, (t, *maps[2].results))
        first = Loop(maps[2].num_dims, 1, True)
        with ImplicitBuilder(rewriter):
            a, map_a = split(op.a, maps[0], loop, copies)
            b, map_b = split(op.b, maps[1], loop, copies)
            shape = [copies, *type_.get_shape()]
            private = tensor.EmptyOp((), TensorType(element, shape))
            new = ContractOp(
                a,
                b,
                private.tensor,
                (map_a, map_b, written),
                ArrayAttr([*op.iterator_types, IteratorTypeAttr.parallel()]),
                beta=0.0,
                schedule=ScheduleAttr(
                    replace(schedule, loops=(first, *schedule.loops[1:]))
                ),
            )
            start = op.c
            if op.beta_value == 0.0:
                zero = arith.ConstantOp(FloatAttr(0.0, element))
                start = linalg.FillOp([zero.result], [op.c], [type_]).res[0]
            assert new.res is not None
            total = sum_of_copies(new.res, start)
        new.location = op.location
        rewriter.replace(op, (), (total,))


@dataclass(frozen=True)
class ShareSumsPass(ModulePass):
    """Parallel sums become private copies and their sum."""

    name = "share-sums"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(ShareSum(), apply_recursively=False).rewrite_module(op)
