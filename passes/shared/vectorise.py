"""Scalar bodies as vector code, and vectors in and out of strided memory.

    ^bb0(%x: f32, %y: f32):            %s = arith.addf %vx, %vy : vector<8xf32>
      %s = arith.addf %x, %y      ->   %z = arith.constant dense<0.0> : vector<8xf32>
      %r = arith.maximumf %s, %z       %r = arith.maximumf %s, %z : vector<8xf32>

All functions emit into the enclosing `ImplicitBuilder`.

`cf.assert` inside a body is dropped: front ends guard floating-point division with it,
and what is guarded follows IEEE 754 anyway (x/0 is an infinity, 0/0 is a NaN).

Memory of i1 holds one byte an element, as LLVM stores a scalar i1, so its vectors are
loaded and stored lane by lane: a vector load of i1 would mean packed bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdsl.dialects import arith, cf, linalg, math, memref, vector
from xdsl.dialects.builtin import (
    AnyFloat,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    VectorType,
    i1,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.traits import IsTerminator
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.xdsl_repairs import SelectOp
from passes.shared.build import Index, add, branch, int64s, value, vector_of

Valid = int | SSAValue | None
"""Which lanes take part: all (None), the first few, or those of a mask."""

Lanes = int | None
"""The length of a vector; None means scalar code."""

_DIVISIONS = (
    arith.DivSIOp,
    arith.DivUIOp,
    arith.RemSIOp,
    arith.RemUIOp,
    arith.FloorDivSIOp,
    arith.CeilDivSIOp,
    arith.CeilDivUIOp,
)


def check_body(body: Block) -> None:
    """Names the first operation that has no vector form."""
    for op in body.ops:
        if op.has_trait(IsTerminator) or isinstance(
            op, linalg.ops.IndexOp | cf.AssertOp | memref.LoadOp
        ):
            continue
        if op.name.partition(".")[0] not in (arith.Arith.name, math.Math.name):
            unsupported(
                op,
                "expected only arith.*, math.*, linalg.index and memref.load in an "
                f"element-wise body, got {op.name}; move it out of the body",
            )


def divides_integers(body: Block) -> bool:
    """Whether lanes that are masked off could trap: no vector form then."""
    return any(isinstance(op, _DIVISIONS) for op in body.ops)


def splat(number: float, type_: Attribute, lanes: Lanes) -> SSAValue:
    """A constant of a scalar type, or a vector of it."""
    if lanes is not None:
        # the attribute takes numbers of any kind, its signature one kind at a time
        vector_type = cast(VectorType[AnyFloat], VectorType(type_, (lanes,)))
        dense = DenseIntOrFPElementsAttr.from_list(vector_type, [number])
        return arith.ConstantOp(dense).result
    if isa(type_, IntegerType | IndexType):
        return arith.ConstantOp(IntegerAttr(int(number), type_)).result
    assert isinstance(type_, AnyFloat)
    return arith.ConstantOp(FloatAttr(number, type_)).result


def lane_mask(valid: int, lanes: int) -> SSAValue:
    """`dense<[true, .., false]>` with `valid` leading ones."""
    bits = [int(lane < valid) for lane in range(lanes)]
    type_ = VectorType(i1, (lanes,))
    return arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(type_, bits)).result


def iota(start: SSAValue, lanes: Lanes) -> SSAValue:
    """`start, start + 1, ...` as a vector of index."""
    if lanes is None:
        return start
    type_ = VectorType(IndexType(), (lanes,))
    steps = DenseIntOrFPElementsAttr.from_list(type_, list(range(lanes)))
    first = vector.BroadcastOp(start, type_).vector
    return arith.AddiOp(first, arith.ConstantOp(steps).result).result


def as_vector(scalar: SSAValue, lanes: Lanes) -> SSAValue:
    """`scalar` in every lane; vectors pass."""
    if lanes is None or isinstance(scalar.type, VectorType):
        return scalar
    return vector.BroadcastOp(scalar, vector_of(scalar.type, lanes)).vector


def vectorise_body(
    body: Block,
    arguments: Mapping[SSAValue, SSAValue],
    lanes: Lanes,
    indices: Mapping[int, SSAValue] | None = None,
) -> list[SSAValue]:
    """Emits `body` on vectors and returns what it yields.

    `arguments` gives the block arguments, as vectors or as scalars to broadcast;
    `indices` the values of `linalg.index`. Values captured from outside are broadcast
    where they are first used. With `lanes` None the body is cloned as it stands.
    """
    check_body(body)
    known: dict[SSAValue, SSAValue] = {
        old: as_vector(new, lanes) for old, new in arguments.items()
    }

    def mapped(old: SSAValue) -> SSAValue:
        if old not in known:
            known[old] = as_vector(old, lanes)
        return known[old]

    for op in body.ops:
        if op.has_trait(IsTerminator):
            return [mapped(v) for v in op.operands]
        if isinstance(op, cf.AssertOp):
            continue
        if isinstance(op, linalg.ops.IndexOp):
            new = [as_vector((indices or {})[op.dim.value.data], lanes)]
        elif isinstance(op, arith.ConstantOp) and lanes is not None:
            new = [_constant(op, lanes)]
        elif isinstance(op, memref.LoadOp):
            new = [_gather(op, [mapped(v) for v in op.indices], lanes)]
        else:
            new = _on_vectors(op, [mapped(v) for v in op.operands], lanes)
        known.update(zip(op.results, new, strict=True))
    raise AssertionError("a body ends in a terminator")


def _constant(op: arith.ConstantOp, lanes: int) -> SSAValue:
    attr = op.value
    assert isinstance(attr, IntegerAttr | FloatAttr)
    return splat(attr.value.data, attr.type, lanes)


def _on_vectors(
    op: Operation, operands: Sequence[SSAValue], lanes: Lanes
) -> Sequence[SSAValue]:
    """The same op on vectors."""
    types: list[Attribute] = [r.type for r in op.results]
    if lanes is not None:
        types = [vector_of(t, lanes) for t in types]
    new = type(op).create(
        operands=operands,
        result_types=types,
        properties=op.properties,
        attributes=op.attributes,
    )
    new.location = op.location
    return new.results


def _gather(op: memref.LoadOp, indices: Sequence[SSAValue], lanes: Lanes) -> SSAValue:
    """A table look-up in a body: one load a lane."""
    if lanes is None:
        return memref.LoadOp.get(op.memref, indices).res
    out = splat(0, op.res.type, lanes)
    for lane in range(lanes):
        at = [vector.ExtractOp(v, (lane,), IndexType()).result for v in indices]
        out = vector.InsertOp(memref.LoadOp.get(op.memref, at).res, out, (lane,)).result
    return out


def _memref(source: SSAValue, dim: int) -> tuple[MemRefType[Attribute], int | None]:
    """The type, and the stride of `dim` as vectors see it (None: lane by lane)."""
    type_ = source.type
    assert isa(type_, MemRefType)
    strides = type_.get_strides()
    assert strides is not None
    last = dim % len(strides) == len(strides) - 1
    # vector.load needs the innermost stride to be 1, and i1 lies in bytes
    if strides[dim] == 1 and (
        (not last and strides[-1] != 1) or type_.element_type == i1
    ):
        return type_, None
    return type_, strides[dim]


def _lane_indices(indices: Sequence[SSAValue], dim: int, lane: Index) -> list[SSAValue]:
    at = list(indices)
    at[dim] = value(add(at[dim], lane))
    return at


def mask_of(valid: int | SSAValue | None, lanes: int) -> SSAValue | None:
    """The mask of the lanes that are there; None where all are, or one alone: LLVM 22
    makes one scalar of a masked store of one lane, and of a truncated vector the wide
    one, which writes beyond the last element."""
    if valid is None or valid == 1:
        return None
    return lane_mask(valid, lanes) if isinstance(valid, int) else valid


def load_vector(
    source: SSAValue,
    indices: Sequence[SSAValue],
    lanes: int,
    valid: Valid = None,
    dim: int = -1,
) -> SSAValue:
    """`lanes` elements along `dim` from `indices` on.

    Stride 1 is a vector.load (masked where only some lanes are valid), stride 0 one
    load that is broadcast, every other stride one load a lane. Lanes that are not valid
    hold 0 and are not read.
    """
    type_, stride = _memref(source, dim)
    element = type_.element_type
    result = vector_of(element, lanes)
    if stride == 0:
        return vector.BroadcastOp(memref.LoadOp.get(source, indices).res, result).vector
    if stride == 1 and valid is None:
        return vector.LoadOp(source, indices, result).result
    out = splat(0, element, lanes)
    if stride == 1 and (mask := mask_of(valid, lanes)) is not None:
        return vector.MaskedLoadOp(source, indices, mask, out).result
    for lane in range(valid if isinstance(valid, int) else lanes):
        step: Index = lane
        if isinstance(valid, SSAValue):
            # a lane that is masked off reads what lane 0 reads: always in bounds
            bit = vector.ExtractOp(valid, (lane,), i1).result
            step = SelectOp(bit, value(lane), value(0)).result
        scalar = memref.LoadOp.get(source, _lane_indices(indices, dim, step)).res
        out = vector.InsertOp(scalar, out, (lane,)).result
    return out


def load_every(
    source: SSAValue,
    indices: Sequence[SSAValue],
    lanes: int,
    step: int,
    valid: int | None = None,
) -> SSAValue:
    """Every `step`-th of the contiguous elements from `indices` on: `step` whole loads,
    the last one masked so as not to reach beyond what is wanted, and shuffles.

    step 2:  [x0 x1 x2 x3], [x4 x5 x6 .]  ->  [x0 x2 x4 x6]
    """
    span = ((lanes if valid is None else valid) - 1) * step + 1
    parts: list[SSAValue] = []
    for start in range(0, span, lanes):
        count = min(lanes, span - start)
        at = _lane_indices(indices, -1, start)
        parts.append(load_vector(source, at, lanes, None if count == lanes else count))
    places = [divmod(lane * step, lanes) for lane in range(lanes)]
    found = parts[0]
    for number, part in enumerate(parts[1:] or parts, 1):
        first = number == 1
        mask = [
            at if first and which == 0 else lanes + at if which == number else lane
            for lane, (which, at) in enumerate(places)
        ]
        found = shuffle(found, part, mask)
    return found


def shuffle(a: SSAValue, b: SSAValue, lanes: Sequence[int]) -> SSAValue:
    """Lanes of a and b, counted through both."""
    assert isa(a.type, VectorType)
    return vector.ShuffleOp(a, b, int64s(*lanes), result_type=a.type).result


def store_vector(
    vector_: SSAValue,
    target: SSAValue,
    indices: Sequence[SSAValue],
    valid: Valid = None,
    dim: int = -1,
) -> None:
    """The counterpart of `load_vector`; only valid lanes are written."""
    vector_type = vector_.type
    assert isinstance(vector_type, VectorType)
    lanes = vector_type.get_shape()[0]
    type_, stride = _memref(target, dim)
    if stride == 1 and valid is None:
        vector.StoreOp(vector_, target, indices)
        return
    if stride == 1 and (mask := mask_of(valid, lanes)) is not None:
        vector.MaskedStoreOp(target, indices, mask, vector_)
        return

    def store(lane: int) -> None:
        scalar = vector.ExtractOp(vector_, (lane,), type_.element_type).result
        memref.StoreOp.get(scalar, target, _lane_indices(indices, dim, lane))

    for lane in range(valid if isinstance(valid, int) else lanes):
        if isinstance(valid, SSAValue):
            bit = vector.ExtractOp(valid, (lane,), i1).result
            branch(bit, lambda lane=lane: store(lane), lambda: None)
        else:
            store(lane)
