"""memref operations: windows onto buffers that are written in place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Operation

from brdialect.errors import BrError, unsupported
from brdialect.padded_view_op import PaddedViewOp
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.tensors import checked_indices, integers, mixed, sizes_of
from brdialect.reference.values import (
    Array,
    MemRef,
    Value,
    decode,
    element_of,
    empty,
    encode,
    row_major,
)
from brdialect.resources import dense_value


def load(frame: Frame, op: memref.LoadOp, args: Sequence[Value]) -> Sequence[Value]:
    """One element."""
    source: Array = args[0].array
    return (source[checked_indices(source.shape, args[1:])],)


def store(frame: Frame, op: memref.StoreOp, args: Sequence[Value]) -> Sequence[Value]:
    """Writes one element."""
    target: Array = args[1].array
    target[checked_indices(target.shape, args[2:])] = args[0]
    return ()


def alloc(
    frame: Frame, op: memref.AllocOp | memref.AllocaOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A new buffer, unwritten: NaN."""
    sizes = tuple(sizes_of(frame, op, op.dynamic_sizes))
    if any(n < 0 for n in sizes):
        raise BrError(f"expected sizes of 0 or more, got {list(sizes)}")
    buffer = empty((int(np.prod(sizes)),), op.memref.type, frame.machine.precise)
    return (MemRef(buffer, 0, sizes, row_major(sizes)),)


def nothing(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """dealloc: numpy frees buffers."""
    return ()


def same(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """Casts between types that describe the same memory."""
    return (args[0],)


def copy(frame: Frame, op: memref.CopyOp, args: Sequence[Value]) -> Sequence[Value]:
    """Writes every element of the second memref."""
    source, target = args[0].array, args[1].array
    if source.shape != target.shape:
        raise BrError(
            f"expected memrefs of one shape, got {list(source.shape)} and "
            f"{list(target.shape)}"
        )
    target[...] = source.copy()
    return ()


def dim(frame: Frame, op: memref.DimOp, args: Sequence[Value]) -> Sequence[Value]:
    """The size of one dimension."""
    return (np.int64(args[0].sizes[int(args[1])]),)


def global_(
    frame: Frame, op: memref.GetGlobalOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A module's global; one buffer for the whole run."""
    name = op.name_.string_value()
    machine = frame.machine
    found = machine.symbol(op, name)
    if not isinstance(found, memref.GlobalOp):
        unsupported(op, f"expected @{name} to be a memref.global, got {found.name}")
    shape = tuple(found.type.get_shape())
    if name not in machine.globals:
        initial = found.initial_value
        if isinstance(initial, DenseIntOrFPElementsAttr):
            literal = dense_value(initial, machine.resources)
            values = decode(literal, found.type, machine.precise)
        else:
            values = empty(shape, found.type, machine.precise)
        machine.globals[name] = np.ascontiguousarray(values).reshape(-1)
    return (MemRef(machine.globals[name], 0, shape, row_major(shape)),)


def subview(
    frame: Frame, op: memref.SubviewOp, args: Sequence[Value]
) -> Sequence[Value]:
    """`offsets`, `sizes`, `strides` count in elements of the source's dimensions."""
    source: MemRef = args[0]
    offsets = mixed(frame, integers(op.static_offsets), op.offsets)
    sizes = mixed(frame, integers(op.static_sizes), op.sizes)
    steps = mixed(frame, integers(op.static_strides), op.strides)
    for axis, (o, n, s, size) in enumerate(
        zip(offsets, sizes, steps, source.sizes, strict=True)
    ):
        if n and (o < 0 or o + (n - 1) * s >= size):
            raise BrError(
                f"expected a view within 0..{size - 1} of dimension {axis}, "
                f"got offset {o}, size {n}, stride {s}"
            )
    start = source.offset + sum(
        o * t for o, t in zip(offsets, source.strides, strict=True)
    )
    strides = [s * t for s, t in zip(steps, source.strides, strict=True)]
    want = op.result.type.get_shape()
    dims = _kept_dims(sizes, want)
    if len(dims) != len(want):
        unsupported(op, f"expected sizes that reduce to {op.result.type}, got {sizes}")
    return (
        MemRef(
            source.buffer,
            start,
            tuple(sizes[d] for d in dims),
            tuple(strides[d] for d in dims),
        ),
    )


def _kept_dims(sizes: Sequence[int], want: Sequence[int]) -> list[int]:
    """Which dimensions a result of lower rank keeps: dropped ones have size 1."""
    kept: list[int] = []
    drop = len(sizes) - len(want)
    for d, n in enumerate(sizes):
        here = want[len(kept)] if len(kept) < len(want) else 0
        if drop and n == 1 and here != 1:
            drop -= 1
        else:
            kept.append(d)
    return kept


def reinterpret_cast(
    frame: Frame, op: memref.ReinterpretCastOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Any strided window onto the source's buffer; the offset counts from its start."""
    (offset,) = mixed(frame, integers(op.static_offsets), op.offsets)
    sizes = mixed(frame, integers(op.static_sizes), op.sizes)
    strides = mixed(frame, integers(op.static_strides), op.strides)
    return (MemRef(args[0].buffer, offset, tuple(sizes), tuple(strides)),)


def padded_view(
    frame: Frame, op: PaddedViewOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The elements in a buffer of their own: it is not written to."""
    source: MemRef = args[0]
    type_ = op.res.type
    sizes, strides = tuple(type_.get_shape()), type_.get_strides()
    assert strides is not None
    grid = np.indices(sizes)
    start = int(args[1]) if len(args) > 1 else type_.get_offset()
    assert start is not None
    steps = np.array([s or 0 for s in strides])
    places = start + op.shift.value.data + np.tensordot(steps, grid, 1)
    there = np.ones(sizes, np.bool_)
    for border in op.borders:
        number = border.start + np.tensordot(np.array(border.steps), grid, 1)
        there &= (number >= 0) & (number < border.size)
    found = np.zeros(sizes, source.buffer.dtype)
    found[there] = source.buffer[places[there]]
    return (MemRef(found.reshape(-1), 0, sizes, row_major(sizes)),)


def view(frame: Frame, op: memref.ViewOp, args: Sequence[Value]) -> Sequence[Value]:
    """Typed memory in a byte buffer, `byte_shift` bytes from its start.

    Where floats are held wider than their type says, the typed elements live in a
    buffer beside the bytes, one for each element type.
    """
    source: MemRef = args[0]
    type_ = op.result.type
    sizes = tuple(sizes_of(frame, op, op.sizes))
    own = encode(np.zeros(1), type_).dtype
    shift = source.offset + int(args[1])
    if shift % own.itemsize:
        raise BrError(
            f"expected a byte shift that is a multiple of {own.itemsize}, got {shift}"
        )
    held = frame.dtype(type_)
    whole = source.buffer[: source.buffer.size // own.itemsize * own.itemsize]
    if held == own:
        typed = whole.view(own)
    else:
        key = (id(source.buffer), element_of(type_))
        room = empty((whole.size // own.itemsize,), type_, frame.machine.precise)
        _, typed = frame.machine.shadows.setdefault(key, (source.buffer, room))
    start = shift // own.itemsize
    if own.itemsize == 1:  # further views of the bytes find the same buffer
        return (MemRef(typed, start, sizes, row_major(sizes)),)
    # offsets of casts count from where the view begins
    return (MemRef(typed[start:], 0, sizes, row_major(sizes)),)


def collapse_shape(
    frame: Frame, op: memref.CollapseShapeOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Each group of dimensions becomes one; its elements must lie evenly apart."""
    source: MemRef = args[0]
    sizes: list[int] = []
    strides: list[int] = []
    for group in op.reassociation:
        dims = [int(d.value.data) for d in group]
        wide = [d for d in dims if source.sizes[d] != 1] or dims[-1:]
        for outer, inner in itertools.pairwise(wide):
            if source.strides[outer] != source.strides[inner] * source.sizes[inner]:
                unsupported(op, f"expected dimensions {dims} to lie evenly in memory")
        sizes.append(int(np.prod([source.sizes[d] for d in dims])))
        strides.append(source.strides[wide[-1]])
    return (MemRef(source.buffer, source.offset, tuple(sizes), tuple(strides)),)


def expand_shape(
    frame: Frame, op: memref.ExpandShapeOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Each dimension becomes several whose product is its size."""
    source: MemRef = args[0]
    sizes = mixed(frame, integers(op.static_output_shape), op.output_shape)
    strides: list[int] = []
    for d, group in enumerate(op.reassociation):
        part = [sizes[int(x.value.data)] for x in group]
        if int(np.prod(part)) != source.sizes[d]:
            raise BrError(f"expected a product of {source.sizes[d]}, got sizes {part}")
        strides += [s * source.strides[d] for s in row_major(part)]
    return (MemRef(source.buffer, source.offset, tuple(sizes), tuple(strides)),)


HANDLERS: dict[str, Handler] = {
    "memref.load": load,
    "memref.store": store,
    "memref.alloc": alloc,
    "memref.alloca": alloc,
    "memref.dealloc": nothing,
    "memref.cast": same,
    "memref.assume_alignment": same,
    "memref.memory_space_cast": same,
    "memref.copy": copy,
    "memref.dim": dim,
    "memref.get_global": global_,
    "memref.subview": subview,
    "memref.reinterpret_cast": reinterpret_cast,
    "memref.view": view,
    "br.padded_view": padded_view,
    "memref.collapse_shape": collapse_shape,
    "memref.expand_shape": expand_shape,
}
