"""What is inserted into a slice, or is padded, is computed in its place, where that is
possible: the destination-passing of bufferize.py through `tensor.insert_slice` and
`tensor.pad`.

    %y = br.contract ... -> tensor<4x5xf32>
    %z = tensor.insert_slice %y into %x[1, 0] [4, 5] [2, 1]
    ->
    %y = memref.reinterpret_cast %x ...: memref<4x5xf32, strided<[..], offset: ..>>
    br.contract ... outs(%y)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from xdsl.dialects import memref, tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from passes.memory.buffers import VIEWS, Buffer, Liveness, is_strided
from passes.shared.build import (
    Index,
    add,
    memref_type,
    mul,
    static_strides,
    strided_type,
)
from passes.shared.linalg_match import only_user
from passes.shared.load_time import used_by

Insertion = tensor.InsertSliceOp | tensor.PadOp
"""What may be computed in its place; around it a padding has what is there yet."""


def insertion_of(
    op: linalg.GenericOp | linalg.FillOp | ContractOp,
    position: int,
    buffers: Mapping[SSAValue, Buffer],
    live: Liveness,
) -> Insertion | None:
    """The insertion that is all that reads the op's one result, if its destination is
    there already, a whole buffer, and nothing else reads that from the op on."""
    if len(op.results) != 1:
        return None
    insert = only_user(op.results[0])
    if isinstance(insert, tensor.PadOp) and not (insert.low or insert.high):
        return insert
    if not isinstance(insert, tensor.InsertSliceOp) or insert.dest is op.results[0]:
        return None
    if not is_placed(insert, position, live):
        return None
    if isinstance(insert.dest.owner, tensor.EmptyOp):
        return insert
    return insert if is_there(insert, op, position, buffers, live) else None


def is_placed(insert: tensor.InsertSliceOp, position: int, live: Liveness) -> bool:
    """Whether it is known at a position where the slice is."""
    place = (insert.static_sizes, insert.static_strides)
    if any(DYNAMIC_INDEX in numbers.get_values() for numbers in place):
        return False
    owners = [v.owner for v in insert.offsets]
    return all(live.index[o] <= position for o in owners if isinstance(o, Operation))


def is_there(
    insert: tensor.InsertSliceOp,
    op: Operation,
    position: int,
    buffers: Mapping[SSAValue, Buffer],
    live: Liveness,
) -> bool:
    """Whether the destination is a whole buffer that may be written from `op` on."""
    buffer = buffers.get(insert.dest)
    if buffer is None or not buffer.writable or is_strided(insert.dest):
        return False
    if any(buffers.get(v) is buffer for v in used_by(op)):
        return False
    others = [v for v in buffer.values if v is not insert.dest]
    if any(live.last_use(v) > position for v in others):
        return False
    users: set[Operation] = {use.operation for use in insert.dest.uses} - {insert}
    return not any(
        isinstance(u, VIEWS) or live.position(u, insert.dest) > position for u in users
    )


def insertions_of(
    op: Operation,
    position: int,
    buffers: Mapping[SSAValue, Buffer],
    live: Liveness,
) -> Sequence[tensor.InsertSliceOp]:
    """The insertions that are all that reads the op's results, one into what the other
    gives and the first into what is empty or there already, apart from each other; none
    if there is something else."""
    found: dict[SSAValue, tensor.InsertSliceOp] = {}
    for result in op.results:
        insert = only_user(result)
        if not isinstance(insert, tensor.InsertSliceOp) or insert.dest is result:
            return ()
        if not is_placed(insert, position, live):
            return ()
        found[insert.dest] = insert
    (start, *others) = {*found} - {insert.result for insert in found.values()}
    if others:
        return ()
    first = found[start]
    if not isinstance(start.owner, tensor.EmptyOp) and not is_there(
        first, op, position, buffers, live
    ):
        return ()
    chain = [first]
    while (last := only_user(chain[-1].result)) in found.values():
        assert isinstance(last, tensor.InsertSliceOp)
        chain.append(last)
    apart = all(are_apart(x, y) for x, y in combinations(chain, 2))
    return chain if apart and len(chain) == len(op.results) else ()


def are_apart(x: tensor.InsertSliceOp, y: tensor.InsertSliceOp) -> bool:
    """Whether two slices have no element in common, as far as one dimension tells."""
    by_dimension = zip(
        *(
            numbers.get_values()
            for at in (x, y)
            for numbers in (at.static_offsets, at.static_sizes, at.static_strides)
        ),
        strict=True,
    )
    for x0, x_size, x_step, y0, y_size, y_step in by_dimension:
        if DYNAMIC_INDEX in (x0, y0):
            continue
        x1, y1 = x0 + (x_size - 1) * x_step, y0 + (y_size - 1) * y_step
        if x1 < y0 or y1 < x0 or (x_step == y_step and (x0 - y0) % x_step):
            return True
    return False


def mixed(static: Sequence[int], dynamic: Sequence[SSAValue]) -> list[Index]:
    """Static numbers with the dynamic values in their places."""
    values = iter(dynamic)
    return [next(values) if n == DYNAMIC_INDEX else n for n in static]


def slice_shape(
    op: Operation, at: tensor.ExtractSliceOp | tensor.InsertSliceOp
) -> Sequence[int]:
    """The shape of the slice, unit dimensions dropped where the op drops them."""
    small = at.result if isinstance(at, tensor.ExtractSliceOp) else at.source
    assert isinstance(small.type, TensorType)
    if not small.type.has_static_shape():
        unsupported(op, f"expected a slice of static size, got {small.type}")
    return small.type.get_shape()


def part(
    op: Operation,
    memory: SSAValue,
    offsets: Sequence[Index],
    sizes: Sequence[Index],
    steps: Sequence[Index],
    shape: Sequence[int],
) -> SSAValue:
    """A strided view of part of a memref, with `shape` (which may drop size-1 ones)."""
    type_ = memref_type(memory)
    moving = type_.get_offset() is None
    if moving:  # a part of a part that begins where a run-time value says
        type_ = strided_type(
            type_.element_type, type_.get_shape(), type_.get_strides() or (), 0
        )
    strides, start = static_strides(op, type_)
    known = [(n, s) for n, s in zip(sizes, steps, strict=True) if isinstance(n, int)]
    extents = [n for n, _ in known]
    by = [s for _, s in known if isinstance(s, int)]
    if not len(by) == len(extents) == len(sizes):
        unsupported(op, "expected static sizes and strides of a slice")
    offset = add(start, *(mul(o, s) for o, s in zip(offsets, strides, strict=True)))
    moved = [s * t for s, t in zip(strides, by, strict=True)]
    kept: list[int] = []
    dims = iter(zip(extents, moved, strict=True))
    for want in shape:
        for size, stride in dims:
            if size == want:
                kept.append(stride)
                break
    fixed = offset if isinstance(offset, int) and not moving else None
    result = strided_type(type_.element_type, shape, kept, fixed)
    if moving:
        return memref.SubviewOp.get(memory, offsets, extents, by, result).result
    return memref.ReinterpretCastOp.from_dynamic(
        memory, [offset], list(shape), kept, result
    ).result
