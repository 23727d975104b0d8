"""vector operations: vectors are small numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects import vector
from xdsl.dialects.builtin import VectorType
from xdsl.ir.affine import AffineDimExpr

from brdialect.errors import BrError, unsupported
from brdialect.reference.bodies import COMBINE
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.tensors import integers, mixed
from brdialect.reference.values import Array, MemRef, Value, array_of, static_shape


def _window(
    shape: Sequence[int], start: Sequence[Value], size: Sequence[int]
) -> tuple[slice | int, ...]:
    """Elements from `start` on: one in the leading dimensions, `size` in the last."""
    lengths = [1] * (len(shape) - len(size)) + list(size)
    found: list[slice | int] = []
    for axis, (i, n, limit) in enumerate(zip(start, lengths, shape, strict=True)):
        first = int(i)
        if first < 0 or first + n > limit:
            raise BrError(
                f"expected elements within 0..{limit - 1} of dimension {axis}, "
                f"got {first}..{first + n - 1}"
            )
        found.append(
            slice(first, first + n) if axis >= len(shape) - len(size) else first
        )
    return tuple(found)


def load(frame: Frame, op: vector.LoadOp, args: Sequence[Value]) -> Sequence[Value]:
    """Neighbours along the last dimensions."""
    source: Array = args[0].array
    window = _window(source.shape, args[1:], static_shape(op.result.type))
    return (source[window].copy(),)


def store(frame: Frame, op: vector.StoreOp, args: Sequence[Value]) -> Sequence[Value]:
    """Writes neighbours along the last dimensions."""
    target: Array = args[1].array
    target[_window(target.shape, args[2:], args[0].shape)] = args[0]
    return ()


def _masked(
    memref: MemRef, indices: Sequence[Value], mask: Array
) -> tuple[Array, tuple[Array, ...]]:
    """The memref's elements and the indices of those the mask selects."""
    array = memref.array
    lanes = np.flatnonzero(mask)
    if lanes.size:
        # only selected lanes must exist
        _window(array.shape, [*indices[:-1], indices[-1] + lanes[-1]], (1,))
    leading = tuple(np.full(lanes.shape, int(i)) for i in indices[:-1])
    return array, (*leading, int(indices[-1]) + lanes)


def masked_load(
    frame: Frame, op: vector.MaskedLoadOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Lanes outside the mask come from `pass_thru` and touch no memory."""
    memref, *indices, mask, pass_thru = args
    array, where = _masked(memref, indices, mask)
    result = pass_thru.copy()
    result[mask] = array[where]
    return (result,)


def masked_store(
    frame: Frame, op: vector.MaskedStoreOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Lanes outside the mask touch no memory."""
    memref, *indices, mask, values = args
    array, where = _masked(memref, indices, mask)
    array[where] = values[mask]
    return ()


def create_mask(
    frame: Frame, op: vector.CreateMaskOp, args: Sequence[Value]
) -> Sequence[Value]:
    """True for indices below the operands."""
    mask = np.zeros(static_shape(op.mask_vector.type), np.bool_)
    mask[tuple(slice(0, max(0, int(n))) for n in args)] = True
    return (mask,)


def broadcast(
    frame: Frame, op: vector.BroadcastOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Repeats a scalar or a vector along new leading dimensions."""
    return (np.broadcast_to(args[0], static_shape(op.vector.type)).copy(),)


def shuffle(
    frame: Frame, op: vector.ShuffleOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Picks rows out of both operands."""
    rows = np.concatenate([np.atleast_1d(x) for x in args])
    return (rows[integers(op.mask)],)


def extract(
    frame: Frame, op: vector.ExtractOp, args: Sequence[Value]
) -> Sequence[Value]:
    """An element or a sub-vector."""
    position = mixed(frame, integers(op.static_position), op.dynamic_position)
    return (args[0][tuple(position)],)


def insert(frame: Frame, op: vector.InsertOp, args: Sequence[Value]) -> Sequence[Value]:
    """A copy with an element or sub-vector replaced."""
    position = mixed(frame, integers(op.static_position), op.dynamic_position)
    result = args[1].copy()
    result[tuple(position)] = args[0]
    return (result,)


def reduction(
    frame: Frame, op: vector.ReductionOp, args: Sequence[Value]
) -> Sequence[Value]:
    """All lanes combined, and the accumulator if there is one."""
    kind = op.kind.data.value
    is_float = args[0].dtype.kind == "f"
    name = kind + ("f" if is_float else "i") if kind in ("add", "mul") else kind
    name = name + "i" if kind in ("and", "or", "xor") else name
    function = COMBINE.get(f"arith.{name}")
    if function is None:
        unsupported(op, f"expected a signed or float reduction, got {kind}")
    total = function.reduce(args[0], dtype=args[0].dtype)
    return (total if op.acc is None else function(args[1], total),)


def _transfer(
    op: vector.TransferReadOp | vector.TransferWriteOp,
    shape: Sequence[int],
    start: Sequence[Value],
    size: Sequence[int],
    mask: Array | None,
) -> tuple[tuple[Array, ...], Array]:
    """For each element of the vector its indices in memory, and whether it is there."""
    if mask is not None and not op.permutation_map.data.is_minor_identity():
        unsupported(op, "expected a minor identity map beside a mask")
    lanes = np.indices(size)
    indices = [np.full(size, int(i)) for i in start]
    for lane, expr in zip(lanes, op.permutation_map.data.results, strict=True):
        if isinstance(expr, AffineDimExpr):
            indices[expr.position] = indices[expr.position] + lane
    valid = np.ones(size, np.bool_) if mask is None else mask
    for index, limit in zip(indices, shape, strict=True):
        valid = valid & (index >= 0) & (index < limit)
    return tuple(indices), valid


def transfer_read(
    frame: Frame, op: vector.TransferReadOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Elements outside the source or the mask are the padding."""
    source = array_of(args[0])
    rank = source.ndim
    mask = args[-1] if op.mask is not None else None
    size = static_shape(op.result.type)
    indices, valid = _transfer(op, source.shape, args[1 : 1 + rank], size, mask)
    result = np.full(size, args[1 + rank], source.dtype)
    result[valid] = source[tuple(i[valid] for i in indices)]
    return (result,)


def transfer_write(
    frame: Frame, op: vector.TransferWriteOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Writes the elements that lie inside; on a tensor, to a copy."""
    assert isinstance(op.vector.type, VectorType)
    target = args[1].array if isinstance(args[1], MemRef) else args[1].copy()
    rank = target.ndim
    mask = args[-1] if op.mask is not None else None
    indices, valid = _transfer(
        op, target.shape, args[2 : 2 + rank], args[0].shape, mask
    )
    target[tuple(i[valid] for i in indices)] = args[0][valid]
    return () if op.result is None else (target,)


HANDLERS: dict[str, Handler] = {
    "vector.load": load,
    "vector.store": store,
    "vector.maskedload": masked_load,
    "vector.maskedstore": masked_store,
    "vector.create_mask": create_mask,
    "vector.broadcast": broadcast,
    "vector.shuffle": shuffle,
    "vector.extract": extract,
    "vector.insert": insert,
    "vector.reduction": reduction,
    "vector.transfer_read": transfer_read,
    "vector.transfer_write": transfer_write,
}
