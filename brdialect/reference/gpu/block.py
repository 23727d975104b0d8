"""A block of threads: values are arrays with an axis for them, branches are masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects import arith, scf, vector
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, VectorType
from xdsl.ir import Attribute, Operation

from brdialect.errors import BrError, unsupported
from brdialect.gpu_ops import AsyncCopyOp, AsyncWaitOp, SharedMemoryOp
from brdialect.reference import memrefs, scalar
from brdialect.reference.gpu.memory import (
    GlobalMemory,
    SharedMemory,
    bytes_of,
    conflicts,
    spans,
    values_of,
)
from brdialect.reference.machine import Frame
from brdialect.reference.tensors import integers
from brdialect.reference.values import Array, MemRef, Value, element_of, encode

WARP = 32

_WHERE: Callable[..., Array] = np.where

BlockHandler = Callable[[Any, Any, Sequence[Value]], Sequence[Value]]
"""(block, operation, its operands' values) -> its results' values."""


@dataclass(frozen=True)
class SharedArray:
    """Elements of shared memory from a byte on."""

    start: int
    element: Attribute
    size: int

    @property
    def element_bytes(self) -> int:
        return encode(np.zeros(1), self.element).itemsize


@dataclass
class Block(Frame):
    """The frame of a kernel. `active`: which threads run the code at hand."""

    number: int = 0
    threads: int = 1
    shared: SharedMemory = field(default_factory=lambda: SharedMemory(0))
    memory: GlobalMemory = field(default_factory=GlobalMemory)
    active: Array = field(default_factory=lambda: np.ones(1, np.bool_))
    counts: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def who(self) -> Array:
        """The threads that run, by number."""
        return np.flatnonzero(self.active)

    def each(self, value: Value) -> Array:
        """A scalar as one number for each thread that runs."""
        return np.broadcast_to(value, (self.threads,))[self.active]

    def each_row(self, value: Value) -> Array:
        """A vector as one row for each thread that runs."""
        lanes = np.shape(value)[-1]
        return np.broadcast_to(value, (self.threads, lanes))[self.active]

    def spread(self, found: Array) -> Array:
        """What the threads that run have, among all: zeros for the others."""
        out = np.zeros((self.threads, *found.shape[1:]), found.dtype)
        out[self.active] = found
        return out

    def all_here(self, op: Operation) -> None:
        """Refuses an operation of the whole block or warp in a branch."""
        if not self.active.all():
            raise BrError(f"expected all threads of the block at {op.name}")

    def count(self, name: str, starts: Array, bytes_: int) -> None:
        """Counts the cycles that a full warp's access to shared memory loses."""
        if self.active.all() and self.threads % WARP == 0:
            for warp in starts.reshape(-1, WARP):
                lost = conflicts(warp, bytes_)
                self.counts[name] = self.counts.get(name, 0) + lost


def _flat(source: MemRef, indices: Sequence[Value], frame: Block) -> Array:
    """Where elements lie in a memref's buffer, for each thread that runs."""
    place = np.full(len(frame.who), source.offset)
    for index, size, stride in zip(indices, source.sizes, source.strides, strict=True):
        at = frame.each(index)
        if at.size and (at.min() < 0 or at.max() >= size):
            raise BrError(
                f"expected an index within 0..{size - 1}, got {at.min()}..{at.max()}"
            )
        place = place + at * stride
    return place


def _check_alignment(op: Operation, starts: Array, bytes_: int) -> None:
    given = op.attributes.get("alignment")
    wanted = given.value.data if isinstance(given, IntegerAttr) else bytes_
    if np.any(starts % wanted):
        raise BrError(f"expected an address at a multiple of {wanted} bytes")


def load(frame: Block, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """memref.load and vector.load"""
    source, *indices = args
    type_ = op.results[0].type
    lanes = type_.get_shape()[0] if isinstance(type_, VectorType) else 1
    if isinstance(source, SharedArray):
        size = source.element_bytes
        starts = source.start + frame.each(indices[0]) * size
        _check_alignment(op, starts, size)
        frame.count("load", starts, lanes * size)
        data = frame.shared.read(spans(starts, lanes * size), frame.who)
        found = values_of(data.reshape(len(starts), lanes, size), source.element)
    else:
        places = spans(_flat(source, indices, frame), lanes)
        own = encode(np.zeros(1), op.operands[0].type).itemsize
        _check_alignment(op, places[:, 0] * own, own)
        who = frame.number * frame.threads + frame.who
        frame.memory.note(source.buffer, places, who, write=False)
        found = source.buffer[places]
    whole = frame.spread(found)
    return (whole if isinstance(type_, VectorType) else whole[:, 0],)


def store(frame: Block, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """memref.store and vector.store"""
    values, target, *indices = args
    type_ = op.operands[0].type
    if isinstance(type_, VectorType):
        rows = frame.each_row(values)
    else:
        rows = frame.each(values)[:, np.newaxis]
    if isinstance(target, SharedArray):
        size = target.element_bytes
        starts = target.start + frame.each(indices[0]) * size
        _check_alignment(op, starts, size)
        frame.count("store", starts, rows.shape[1] * size)
        data = bytes_of(rows, target.element).reshape(len(starts), -1)
        frame.shared.write(spans(starts, data.shape[1]), data, frame.who)
        return ()
    places = spans(_flat(target, indices, frame), rows.shape[1])
    own = encode(np.zeros(1), op.operands[1].type).itemsize
    _check_alignment(op, places[:, 0] * own, own)
    who = frame.number * frame.threads + frame.who
    frame.memory.note(target.buffer, places, who, write=True)
    target.buffer[places] = rows
    return ()


def thread_id(frame: Block, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    return (np.arange(frame.threads),)


def block_id(frame: Block, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    return (np.int64(frame.number),)


def shared_memory(
    frame: Block, op: SharedMemoryOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A typed part of the block's bytes."""
    element, start = element_of(op.res.type), op.offset.value.data
    found = SharedArray(start, element, op.res.type.get_shape()[0])
    if start + found.size * found.element_bytes > frame.shared.size:
        raise BrError(
            f"expected {op.res.type} from byte {start} on to lie in the block's "
            f"{frame.shared.size} bytes"
        )
    return (found,)


def async_copy(frame: Block, op: AsyncCopyOp, args: Sequence[Value]) -> Sequence[Value]:
    """Elements, or zeros, that arrive later."""
    source, at, target, to, valid = args
    lanes, size = op.elements.value.data, target.element_bytes
    good = frame.each(valid)
    data = np.zeros((len(good), lanes * size), np.uint8)
    whole = frame.active
    frame.active = whole & np.broadcast_to(valid, (frame.threads,))
    places = spans(_flat(source, (at,), frame), lanes)
    who = frame.number * frame.threads + frame.who
    frame.memory.note(source.buffer, places, who, write=False)
    _check_alignment(op, places[:, 0] * size, lanes * size)
    frame.active = whole
    values = bytes_of(source.buffer[places], target.element)
    data[good] = values.reshape(len(places), lanes * size)
    starts = target.start + frame.each(to) * size
    _check_alignment(op, starts, lanes * size)
    frame.count("copy", starts, lanes * size)
    frame.shared.start_copy(spans(starts, lanes * size), data, frame.who)
    return ()


def async_commit(frame: Block, op: Operation, args: Sequence[Value]):
    frame.all_here(op)
    frame.shared.commit()
    return ()


def async_wait(frame: Block, op: AsyncWaitOp, args: Sequence[Value]):
    frame.all_here(op)
    frame.shared.wait(op.pending.value.data)
    return ()


def barrier(frame: Block, op: Operation, args: Sequence[Value]):
    frame.all_here(op)
    frame.shared.barrier()
    return ()


# Control


def for_loop(frame: Block, op: scf.ForOp, args: Sequence[Value]) -> Sequence[Value]:
    """A loop whose bounds all threads that run agree on."""
    low, high, step = (np.unique(frame.each(x)) for x in args[:3])
    if low.size != 1 or high.size != 1 or step.size != 1:
        unsupported(op, "expected bounds that are the same for all threads")
    carried = args[3:]
    for i in range(int(low[0]), int(high[0]), int(step[0])):
        carried = frame.run(op.body.block, (np.int64(i), *carried))
    return carried


def if_(frame: Block, op: scf.IfOp, args: Sequence[Value]) -> Sequence[Value]:
    """Both regions, each for its threads."""
    outer = frame.active
    condition = np.broadcast_to(args[0], (frame.threads,))
    found: list[Sequence[Value]] = []
    for region, part in (
        (op.true_region, outer & condition),
        (op.false_region, outer & ~condition),
    ):
        frame.active = part
        has_code = bool(region.blocks) and (part.any() or bool(op.results))
        found.append(frame.run(region.block) if has_code else ())
    frame.active = outer
    return [
        _chosen(condition, yes, no, result.type)
        for yes, no, result in zip(*found, op.results, strict=True)
    ]


def _chosen(condition: Array, yes: Value, no: Value, type_: Attribute) -> Array:
    if isinstance(type_, VectorType):
        condition = np.asarray(condition)[..., np.newaxis]
    return _WHERE(condition, yes, no)


def select(frame: Block, op: arith.SelectOp, args: Sequence[Value]) -> Sequence[Value]:
    """One of two values in each thread, or in each lane of a vector."""
    condition, yes, no = args
    if isinstance(op.operands[0].type, VectorType):
        return (_WHERE(condition, yes, no),)
    return (_chosen(condition, yes, no, op.results[0].type),)


# Vectors


def _at(position: DenseArrayBase) -> int:
    (place,) = integers(position)
    return place


def broadcast(
    frame: Block, op: vector.BroadcastOp, args: Sequence[Value]
) -> Sequence[Value]:
    lanes = op.vector.type.get_shape()[0]
    column: Array = np.asarray(args[0])
    if not isinstance(op.source.type, VectorType):
        column = column[..., np.newaxis]
    return (np.broadcast_to(column, (*column.shape[:-1], lanes)),)


def insert(frame: Block, op: vector.InsertOp, args: Sequence[Value]):
    into = np.asarray(args[1])
    out = np.array(np.broadcast_to(into, (frame.threads, into.shape[-1])))
    out[:, _at(op.static_position)] = args[0]
    return (out,)


def extract(frame: Block, op: vector.ExtractOp, args: Sequence[Value]):
    source: Array = np.asarray(args[0])
    return (source[..., _at(op.static_position)],)


def shuffle(frame: Block, op: vector.ShuffleOp, args: Sequence[Value]):
    x, y = (np.broadcast_to(a, (frame.threads, np.shape(a)[-1])) for a in args)
    return (np.concatenate((x, y), -1)[:, list(integers(op.mask))],)


def fma(frame: Block, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """Rounded once: the product of two f32 is exact in f64."""
    a, b, c = (np.asarray(x) for x in args)
    if a.dtype != np.float32:
        return (a * b + c,)
    return ((a.astype(np.float64) * b + c).astype(np.float32),)


HANDLERS: dict[str, BlockHandler] = {
    **scalar.HANDLERS,
    "arith.select": select,
    "memref.load": load,
    "memref.store": store,
    "memref.reinterpret_cast": memrefs.reinterpret_cast,
    "memref.assume_alignment": memrefs.same,
    "memref.cast": memrefs.same,
    "vector.load": load,
    "vector.store": store,
    "vector.broadcast": broadcast,
    "vector.insert": insert,
    "vector.extract": extract,
    "vector.shuffle": shuffle,
    "vector.fma": fma,
    "math.fma": fma,
    "scf.for": for_loop,
    "scf.if": if_,
    "br.thread_id": thread_id,
    "br.block_id": block_id,
    "br.shared_memory": shared_memory,
    "br.async_copy": async_copy,
    "br.async_commit": async_commit,
    "br.async_wait": async_wait,
    "br.barrier": barrier,
}
