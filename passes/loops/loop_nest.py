"""A structured op on static memrefs as plain loops over strided operands.

An indexing map composed with a memref's strides is linear, so the element an operand
contributes at iteration `i` lies at `offset + sum_d strides[d] * i[d]`, windows
(`d2 * 2 + d4`), broadcasts (stride 0) and transposes all alike. On that form loops are
dropped, ordered and merged, and the one to vectorise is chosen, by arithmetic alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, i1
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineDimExpr,
    AffineMap,
)
from xdsl.utils.hints import isa

from brdialect.errors import unsupported

SMALLEST_TILE = 4
"""A tile narrower than this is not worth transposing: its loads are mostly masked."""

WIDEST_SKIP = 4
"""The largest stride at which vectors are loaded whole and thinned out by shuffles, as
in pooling with stride 2."""

TURNED = 4
"""What a vector costs that is transposed with others: a load and about 3 shuffles."""


@dataclass(frozen=True)
class Loop:
    """One loop: how often, whether its iterations are independent, and the iterator of
    the op it stands for (None once several were merged)."""

    size: int
    parallel: bool
    iterator: int | None


@dataclass(frozen=True)
class Operand:
    """A memref seen from the loops: one stride a loop, in elements."""

    source: SSAValue
    offset: int
    strides: tuple[int, ...]

    @property
    def element_type(self) -> Attribute:
        """What it holds."""
        assert isa(self.source.type, MemRefType)
        return self.source.type.element_type

    def skips(self, loop: int) -> bool:
        """Whether whole vectors along the loop hold enough of what is wanted."""
        return self.vectorisable and 2 <= self.strides[loop] <= WIDEST_SKIP

    def contiguous(self, loop: int) -> Operand:
        """With the elements that the loop passes over."""
        strides = (*self.strides[:loop], 1, *self.strides[loop + 1 :])
        return replace(self, strides=strides)

    @property
    def vectorisable(self) -> bool:
        """i1 lies in bytes and has no vector loads."""
        return self.element_type != i1


@dataclass(frozen=True)
class Nest:
    """Loops, outermost first, and the operands: inputs, then outputs."""

    loops: tuple[Loop, ...]
    inputs: tuple[Operand | None, ...]
    """None: a scalar operand."""
    outputs: tuple[Operand, ...]

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Those in memory."""
        return (*(x for x in self.inputs if x is not None), *self.outputs)

    @property
    def work(self) -> int:
        """Executions of the body."""
        return prod(loop.size for loop in self.loops)

    def select(self, order: Sequence[int]) -> Nest:
        """Only these loops, in this order; the others run once."""

        def pick(operand: Operand) -> Operand:
            return replace(operand, strides=tuple(operand.strides[d] for d in order))

        return Nest(
            tuple(self.loops[d] for d in order),
            tuple(None if x is None else pick(x) for x in self.inputs),
            tuple(pick(x) for x in self.outputs),
        )


def _is_linear(map_: AffineMap) -> bool:
    kinds = (AffineBinaryOpKind.Add, AffineBinaryOpKind.Mul)
    return map_.num_symbols == 0 and all(
        not isinstance(e, AffineBinaryOpExpr) or e.kind in kinds
        for result in map_.results
        for e in result.dfs()
    )


def static_layout(op: GenericOp, type_: MemRefType) -> tuple[list[int], int]:
    """Strides and offset of a memref, in elements, all of which must be known."""
    strides, offset = type_.get_strides(), type_.get_offset()
    known = [s for s in strides or () if s is not None and s != DYNAMIC_INDEX]
    dynamic = DYNAMIC_INDEX in type_.get_shape() or strides is None
    if dynamic or offset is None or len(known) < type_.get_num_dims():
        unsupported(
            op,
            f"expected a memref of static shape and strides, got {type_}; bind its "
            "dynamic dimensions first",
        )
    return known, offset


def operand_of(op: GenericOp, source: SSAValue, map_: AffineMap) -> Operand | None:
    """`offset + strides . i` of a memref under an indexing map."""
    if not isa(source.type, MemRefType):
        return None
    strides, offset = static_layout(op, source.type)
    if not _is_linear(map_):
        unsupported(
            op,
            f"expected indexing maps of sums and constant multiples, got {map_}; "
            "split the iterator that is divided",
        )
    dims = map_.num_dims

    def at(*point: int) -> int:
        subscripts = map_.eval(point, ())
        return sum(s * i for s, i in zip(strides, subscripts, strict=True))

    origin = at(*([0] * dims))
    units = ([int(d == e) for e in range(dims)] for d in range(dims))
    return Operand(source, offset + origin, tuple(at(*u) - origin for u in units))


def iterator_sizes(op: GenericOp) -> list[int]:
    """How often each iterator runs: the extent of a dimension that it indexes alone."""
    maps = [attr.data for attr in op.indexing_maps]
    sizes: dict[int, int] = {}
    for operand, map_ in zip(op.operands, maps, strict=True):
        if isa(operand.type, MemRefType):
            for expr, size in zip(map_.results, operand.type.get_shape(), strict=True):
                if isinstance(expr, AffineDimExpr):
                    sizes.setdefault(expr.position, size)
    for d in range(len(op.iterator_types)):
        if d not in sizes:
            unsupported(op, f"expected an operand dimension indexed by d{d} alone")
    return [sizes[d] for d in range(len(op.iterator_types))]


def nest_of(op: GenericOp) -> Nest:
    """The op's loops as they stand."""
    loops = tuple(
        Loop(size, kind == IteratorTypeAttr.parallel(), d)
        for d, (size, kind) in enumerate(
            zip(iterator_sizes(op), op.iterator_types, strict=True)
        )
    )
    maps = [attr.data for attr in op.indexing_maps]
    operands = [operand_of(op, v, m) for v, m in zip(op.operands, maps, strict=True)]
    outputs = operands[len(op.inputs) :]
    return Nest(
        loops,
        tuple(operands[: len(op.inputs)]),
        tuple(x for x in outputs if x is not None),
    )


def normalise(nest: Nest, indexed: set[int]) -> Nest:
    """Loops of one trip dropped; parallel loops first, in the order of the output in
    memory; then neighbours merged that every operand traverses as one.

    Reduction loops keep their order: which of two equal maxima is found first may
    matter. Iterators in `indexed` stay loops of their own: the body asks for them.
    """
    real = [d for d, loop in enumerate(nest.loops) if loop.size != 1]
    target = nest.outputs[0].strides
    parallel = sorted(
        (d for d in real if nest.loops[d].parallel), key=lambda d: -abs(target[d])
    )
    nest = nest.select([*parallel, *(d for d in real if not nest.loops[d].parallel)])
    d = 0
    while d + 1 < len(nest.loops):
        if _mergeable(nest, d, indexed):
            outer, inner = nest.loops[d : d + 2]
            merged = Loop(outer.size * inner.size, outer.parallel, None)
            kept = [e for e in range(len(nest.loops)) if e != d]
            nest = nest.select(kept)
            nest = replace(nest, loops=(*nest.loops[:d], merged, *nest.loops[d + 1 :]))
        else:
            d += 1
    return nest


def _mergeable(nest: Nest, d: int, indexed: set[int]) -> bool:
    outer, inner = nest.loops[d : d + 2]
    return (
        outer.parallel == inner.parallel
        and not {outer.iterator, inner.iterator} & indexed
        and all(x.strides[d] == x.strides[d + 1] * inner.size for x in nest.operands)
    )


def crosses(operand: Operand, chosen: int | None, across: int) -> bool:
    """Whether it is contiguous along `across` and not along `chosen`."""
    return (
        chosen is not None
        and operand.vectorisable
        and operand.strides[across] == 1
        and operand.strides[chosen] not in (0, 1)
    )


def transposed_loop(nest: Nest, chosen: int) -> int | None:
    """A parallel loop along which some input is contiguous that is not along `chosen`:
    tiles of both are loaded along it and transposed in registers."""
    if not all(loop.parallel for loop in nest.loops):
        return None
    for across, loop in enumerate(nest.loops):
        enough = loop.size >= SMALLEST_TILE and across != chosen
        if enough and any(x and crosses(x, chosen, across) for x in nest.inputs):
            return across
    return None


def vector_loop(nest: Nest, lanes: int, body_ops: int, reassociate: bool) -> int | None:
    """The loop to vectorise: the one that makes an iteration cheapest, None for scalar.

    In a vector loop, `ceil(size / lanes)` steps do the work of `size` iterations. A
    step costs the body's operations, 1 for an operand of stride 0 or 1, `TURNED` for
    one that is transposed in registers, a load and a shuffle for each vector that is
    thinned out, else `lanes`. Reduction loops count only if the
    op may be reassociated; of equals the innermost parallel loop wins.
    """
    best: tuple[float, int | None] = (body_ops + len(nest.operands), None)
    order = sorted(
        range(len(nest.loops)), key=lambda d: (not nest.loops[d].parallel, -d)
    )
    for d in order:
        loop = nest.loops[d]
        if loop.parallel and any(x.strides[d] == 0 for x in nest.outputs):
            continue
        if not loop.parallel and not reassociate:
            continue
        across = transposed_loop(nest, d)
        step = float(body_ops)
        reads = [x for x in nest.inputs if x is not None]
        for i, x in enumerate(nest.operands if loop.parallel else reads):
            if x.strides[d] == 0 or (x.strides[d] == 1 and x.vectorisable):
                step += 1
            elif across is not None and crosses(x, d, across):
                step += TURNED
            elif i < len(reads) and x.skips(d) and 2 * x.strides[d] < lanes:
                step += 2 * x.strides[d]
            else:
                step += lanes
        cost = step * -(-loop.size // lanes) / loop.size
        if cost < best[0]:
            best = (cost, d)
    return best[1]
