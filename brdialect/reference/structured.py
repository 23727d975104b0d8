"""linalg operations: a body run for every point of an iteration space.

The body runs for many points at once: its arguments are arrays with one axis for each
loop. Three ways, from special to general:

* a body that adds products becomes one matrix product (`contractions.py`);
* a body that combines its accumulator with a term computes the term for all points,
  then numpy reduces along the reduction axes;
* any other body runs once for each point of the reduction loops, in order, and for all
  points of the parallel loops together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.linalg.abstract_ops import LinalgStructuredOperation
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.dialects.linalg.ops import BroadcastOp, IndexOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.linalg.region_ops import SoftmaxOp
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.reference import contractions
from brdialect.reference.access import (
    at_point,
    loop_extents,
    open_grid,
    read,
    write,
)
from brdialect.reference.bodies import Reduction, is_product, reductions, terminator
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.values import Array, MemRef, Value, array_of

POINTS_LIMIT = 1 << 24
"""Points of an iteration space to evaluate at once (128 MiB for a float64 of each)."""


@dataclass(frozen=True)
class Loops:
    """The iteration space of one operation."""

    extents: tuple[int, ...]
    in_order: Sequence[int]
    """Loops that run one iteration after the other."""
    together: Sequence[int] = ()
    """Reduction loops whose terms are computed at once and then combined."""


def _plan(block: Block, extents: tuple[int, ...], reduced: Sequence[int]) -> Loops:
    """How to run the loops when nothing is known of the body but its operations."""
    if any(op.regions for op in block.ops):
        # A nested region may branch differently at each point
        return Loops(extents, range(len(extents)))
    accumulators = block.args[len(block.args) - len(terminator(block).operands) :]
    if not reductions(block, accumulators):
        return Loops(extents, reduced)
    points = math.prod(extents)
    in_order: list[int] = []
    for d in sorted(reduced, key=lambda d: extents[d]):
        if points <= POINTS_LIMIT:
            break
        in_order.append(d)
        points //= extents[d]
    return Loops(extents, in_order, [d for d in reduced if d not in in_order])


def _run_body(
    frame: Frame,
    block: Block,
    loops: Loops,
    views: Sequence[Array],
    accumulators: Sequence[Array],
) -> None:
    """Runs the body over all loops; its results end up in the accumulators."""
    if 0 in loops.extents:
        return
    combine: list[Reduction] = []
    if loops.together:
        combine = reductions(block, block.args[len(views) :])
    skipped = {terminator(block), *(r.op for r in combine)}
    ops = [op for op in block.ops if op not in skipped]
    yielded = terminator(block).operands
    grid = open_grid(loops.extents)
    for point in np.ndindex(*(loops.extents[d] for d in loops.in_order)):
        here = [at_point(g, loops.in_order, point) for g in grid]
        body = Frame(frame.machine, frame.values, here)
        targets = [at_point(x, loops.in_order, point) for x in accumulators]
        inputs = [at_point(x, loops.in_order, point) for x in views]
        body.values.update(zip(block.args, (*inputs, *targets), strict=True))
        for op in ops:
            body.step(op)
        if combine:
            results = [
                _combine(r, np.asarray(body.values[r.term]), target, loops)
                for r, target in zip(combine, targets, strict=True)
            ]
        else:
            results = body.operands(yielded)
        # all results are there before the first accumulator changes
        for target, result in zip(targets, results, strict=True):
            target[...] = result


def _combine(reduction: Reduction, term: Array, target: Array, loops: Loops) -> Array:
    """`target` combined with the terms of all reduction iterations."""
    if term.ndim == 0:
        term = term.reshape([1] * len(loops.extents))
    shape = [
        loops.extents[d] if d in loops.together else n for d, n in enumerate(term.shape)
    ]
    total = reduction.function.reduce(
        np.broadcast_to(term, shape),
        axis=tuple(loops.together),
        keepdims=True,
        dtype=target.dtype,
    )
    return reduction.function(target, total)


def apply(
    frame: Frame,
    block: Block,
    maps: Sequence[AffineMap],
    reduced: Sequence[int],
    args: Sequence[Value],
) -> list[Value]:
    """Runs the body over the operands that `maps` index; the outputs' new values.

    Memrefs are written in place, tensors copied.
    """
    arrays = [array_of(value) for value in args]
    inputs = len(args) - len(terminator(block).operands)
    extents = loop_extents(maps, [x.shape for x in arrays])
    # A loop that some output does not depend on overwrites it: it must run in order
    used = [m.used_dims() for m in maps[inputs:]]
    loops = range(len(extents))
    in_order = [d for d in loops if d in reduced or any(d not in u for u in used)]
    if is_product(block):
        views = [
            read(x.astype(arrays[2].dtype), m, extents)
            for x, m in zip(arrays, maps, strict=True)
        ]
        total = contractions.sum_of_products(views[0], views[1], extents, used[0])
        accumulators = [views[2] + total]
    else:
        views = [read(x, m, extents) for x, m in zip(arrays, maps, strict=True)]
        accumulators = [view.copy() for view in views[inputs:]]
        plan = _plan(block, extents, in_order)
        _run_body(frame, block, plan, views[:inputs], accumulators)
    results: list[Value] = []
    for value, map_, new in zip(
        args[inputs:], maps[inputs:], accumulators, strict=True
    ):
        target = value.array if isinstance(value, MemRef) else value.copy()
        write(target, map_, extents, new)
        results.append(target)
    return results


def structured(
    frame: Frame, op: LinalgStructuredOperation, args: Sequence[Value]
) -> Sequence[Value]:
    """Every linalg operation with a body and indexing maps, named or not."""
    maps = [m.data for m in op.get_indexing_maps()]
    kinds = [kind.data for kind in op.get_iterator_types()]
    reduced = [d for d, kind in enumerate(kinds) if kind != IteratorType.PARALLEL]
    results = apply(frame, op.body.block, maps, reduced, args)
    return results if op.results else ()


def broadcast(frame: Frame, op: BroadcastOp, args: Sequence[Value]) -> Sequence[Value]:
    """Adds dimensions by repeating."""
    rank = array_of(args[1]).ndim
    added = op.dimensions.get_values()
    kept = tuple(AffineDimExpr(d) for d in range(rank) if d not in added)
    maps = (AffineMap(rank, 0, kept), AffineMap.identity(rank))
    results = apply(frame, op.hidden_region.block, maps, (), args)
    return results if op.results else ()


def index(frame: Frame, op: IndexOp, args: Sequence[Value]) -> Sequence[Value]:
    """The iteration's number along one loop."""
    return (frame.indices[int(op.dim.value.data)],)


def _store(value: Value, new: Array, op: Operation) -> Sequence[Value]:
    """Writes a memref in place, or gives the tensor."""
    if isinstance(value, MemRef):
        value.array[...] = new
    return (new,) if op.results else ()


def softmax(frame: Frame, op: SoftmaxOp, args: Sequence[Value]) -> Sequence[Value]:
    """Along one dimension, see `contractions.softmax`."""
    new = contractions.softmax(array_of(args[0]), op.dimension.value.data)
    return _store(args[1], new, op)


def _epilogue(
    frame: Frame, op: BatchReduceGemmOp | ContractOp
) -> contractions.Epilogue | None:
    if op.epilogue is None:
        return None
    block = op.epilogue.block

    def run(*elements: Array) -> Array:
        return frame.run(block, elements)[0]

    return run


def _arrays(frame: Frame, values: Sequence[SSAValue]) -> list[Array]:
    return [array_of(frame.values[value]) for value in values]


def batch_reduce_gemm(
    frame: Frame, op: BatchReduceGemmOp, args: Sequence[Value]
) -> Sequence[Value]:
    """See `contractions.batch_reduce_gemm`."""
    if op.finish is not None:
        unsupported(op, "expected no finish here; run convert-br-to-mma first")
    a, b, c, *extras = _arrays(frame, (op.a, op.b, op.c, *op.extras))
    new = contractions.batch_reduce_gemm(
        a,
        b,
        c,
        count=None if op.count is None else int(frame.values[op.count]),
        alpha=op.alpha_value,
        beta=op.beta_value,
        transpose_a=op.transpose_a is not None,
        transpose_b=op.transpose_b is not None,
        epilogue=_epilogue(frame, op),
        extras=extras,
    )
    return _store(frame.values[op.c], new, op)


def contract(frame: Frame, op: ContractOp, args: Sequence[Value]) -> Sequence[Value]:
    """See `contractions.contract`."""
    a, b, c, *extras = _arrays(frame, (op.a, op.b, op.c, *op.extras))
    new = contractions.contract(
        a,
        b,
        c,
        op.maps,
        beta=op.beta_value,
        epilogue=_epilogue(frame, op),
        extras=extras,
    )
    return _store(frame.values[op.c], new, op)


HANDLERS: dict[str, Handler] = {
    "linalg.generic": structured,
    "linalg.broadcast": broadcast,
    "linalg.index": index,
    "linalg.softmax": softmax,
    "br.batch_reduce_gemm": batch_reduce_gemm,
    "br.contract": contract,
}
