"""Boxes that the tensor memory accelerator copies, and the barriers that count them.

The swizzle is written down here a second time, on the bits of addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from brdialect.box_map import BoxMap, Window
from brdialect.mistake import BrError
from brdialect.reference.gpu.block import Block, BlockHandler, SharedArray
from brdialect.reference.gpu.memory import Copy, bytes_of, spans
from brdialect.reference.gpu.warpgroups import GROUP, LINE, swizzled
from brdialect.reference.machine import Frame
from brdialect.reference.values import Array, MemRef, Value
from brdialect.tensor_copy_ops import (
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
    TensorCopyOp,
    TensorMapOp,
)


@dataclass(frozen=True)
class TensorMap:
    """What lies from an element of a buffer in global memory on."""

    source: MemRef
    offset: int
    map: BoxMap


@dataclass
class Barrier:
    """What is to come in the phase at hand, and what has been started for it."""

    made: int
    """In which epoch of the block's barriers."""

    maker: int
    phase: int = 0
    bytes: int | None = None
    copies: list[Copy] = field(default_factory=list[Copy])


def tensor_map(frame: Frame, op: TensorMapOp, args: Sequence[Value]) -> Sequence[Value]:
    """What the host makes."""
    return (TensorMap(args[0], op.offset.value.data, op.map),)


def _alone(frame: Block, name: str) -> int:
    """The thread that runs an operation for one thread."""
    if len(frame.who) != 1:
        raise BrError(f"expected one thread at {name}, got {len(frame.who)}")
    return int(frame.who[0])


def acquire_map(frame: Block, op: AcquireMapOp, args: Sequence[Value]):
    frame.shared.acquired.add((id(args[0]), _alone(frame, op.name)))
    return ()


def mbarrier_init(frame: Block, op: MbarrierInitOp, args: Sequence[Value]):
    barriers: SharedArray = args[0]
    thread = _alone(frame, op.name)
    for i in range(barriers.size):
        place = barriers.start + i * barriers.element_bytes
        frame.shared.barriers[place] = Barrier(frame.shared.epoch, thread)
    return ()


def _barrier(frame: Block, barriers: SharedArray, index: Value) -> Barrier:
    numbers = np.unique(frame.each(index))
    if numbers.size != 1:
        raise BrError("expected one barrier for all threads")
    place = barriers.start + int(numbers[0]) * barriers.element_bytes
    found = frame.shared.barriers.get(place)
    if found is None:
        raise BrError("expected br.mbarrier_init before a barrier is used")
    others = np.any(frame.who != found.maker)
    if others and found.made == frame.shared.epoch:
        raise BrError("expected br.barrier between br.mbarrier_init and its use")
    return found


def mbarrier_expect(frame: Block, op: MbarrierExpectOp, args: Sequence[Value]):
    """Bytes that are to come."""
    _alone(frame, op.name)
    barrier = _barrier(frame, *args)
    if barrier.bytes is not None:
        raise BrError("expected br.mbarrier_wait before the next br.mbarrier_expect")
    barrier.bytes = op.bytes.value.data
    return ()


def tensor_copy(frame: Block, op: TensorCopyOp, args: Sequence[Value]):
    """A box, which arrives when its barrier is waited for."""
    rank, count = len(op.coordinates), len(op.offsets)
    map_, *numbers = args[: 1 + rank + count]
    target, to, barriers, index = args[1 + rank + count :]
    thread = _alone(frame, op.name)
    barrier = _barrier(frame, barriers, index)
    if (id(map_), thread) not in frame.shared.acquired:
        raise BrError("expected br.acquire_map before the first copy by a map")
    lines = map_.map.lines
    if lines != op.box.value.data:
        raise BrError(f"expected a box of {lines} lines, got {op.box.value.data}")
    begin, *at = (int(frame.each(x)[0]) for x in (to, *numbers))
    start = target.start + begin * target.element_bytes
    if start % GROUP:
        raise BrError(f"expected a box at a multiple of {GROUP} bytes, got {start}")
    box = read_box(frame, map_, at[:rank], at[rank:])
    data = bytes_of(box, target.element).reshape(-1)
    places = swizzled(spans(np.array(start), lines * LINE))
    if data.size != places.size:
        raise BrError(f"expected lines of {LINE} bytes, got {box.shape} elements")
    copy = Copy(
        places[np.newaxis], data[np.newaxis], np.array([thread], dtype=np.int64)
    )
    frame.shared.check_writable(copy.places, copy.threads)
    frame.shared.on_its_way[copy.places] = True
    barrier.copies.append(copy)
    return ()


def read_box(
    frame: Block, map_: TensorMap, at: Sequence[int], offsets: Sequence[int]
) -> Array:
    """The elements of a box, line by line; zeros outside of the dimensions."""
    found, window = map_.map, map_.map.window
    if len(at) != len(found.sizes):
        raise BrError(f"expected {len(found.sizes)} coordinates, got {len(at)}")
    if len(offsets) != (0 if window is None else len(found.sizes) - 2):
        raise BrError(f"expected the offsets of a window or none, got {len(offsets)}")
    lines = (
        _tiled_lines(found, at)
        if window is None
        else _pixels(found, window, at, offsets)
    )
    first = at[0] + np.arange(found.box[0])
    good = np.all((lines >= 0) & (lines < np.array(found.sizes[1:])), axis=1)
    inside = good[:, np.newaxis] & (first >= 0) & (first < found.sizes[0])
    steps = lines @ np.array(found.strides, dtype=np.int64)
    places = map_.source.offset + map_.offset + steps[:, np.newaxis] + first
    who = np.array([frame.number * frame.threads + int(frame.who[0])])
    read = places[inside][np.newaxis]
    frame.memory.note(map_.source.buffer, read, who, write=False)
    values = np.zeros(inside.shape, map_.source.buffer.dtype)
    values[inside] = map_.source.buffer[read[0]]
    return values


def _tiled_lines(map_: BoxMap, at: Sequence[int]) -> Array:
    """Where the lines of a box are, [line, dimension], the second dimension fastest."""
    grid = np.indices(map_.box[:0:-1]).reshape(len(map_.box) - 1, map_.lines)
    return grid[::-1].T + np.array(at[1:], dtype=np.int64)


def _pixels(
    map_: BoxMap, window: Window, at: Sequence[int], offsets: Sequence[int]
) -> Array:
    """The same of a box with a window: pixels, one after the other."""
    if not all(0 <= x < 1 << window.bits for x in offsets):
        raise BrError(f"expected offsets of {window.bits} bits, got {list(offsets)}")
    sizes, pixel = map_.sizes[1:-1], list(at[1:])
    last = [n - 1 + high for n, high in zip(sizes, window.upper, strict=True)]
    for x, low, high in zip(pixel, window.lower, last, strict=False):
        if not low <= x <= high:
            raise BrError(f"expected a pixel from {low} to {high}, got {x} of {at}")
    found: list[list[int]] = []
    for _ in range(map_.box[1]):
        moved = zip(pixel, offsets, strict=False)
        found.append([*(x + by for x, by in moved), pixel[-1]])
        for d, step in enumerate(window.steps):
            pixel[d] += step
            if pixel[d] <= last[d]:
                break
            pixel[d] = window.lower[d]
        else:
            pixel[-1] += 1
    return np.array(found, dtype=np.int64)


def mbarrier_wait(frame: Block, op: MbarrierWaitOp, args: Sequence[Value]):
    """All bytes of a phase arrive; without them the wait would never end."""
    frame.all_here(op)
    barriers, index, parity = args
    barrier = _barrier(frame, barriers, index)
    (wanted,) = np.unique(frame.each(parity))
    if barrier.phase % 2 != int(wanted):
        return ()  # it is over already
    come = sum(copy.data.size for copy in barrier.copies)
    if barrier.bytes != come:
        raise BrError(
            f"expected as many bytes as br.mbarrier_expect says ({barrier.bytes}), got "
            f"{come}: the wait would not end"
        )
    for copy in barrier.copies:
        frame.shared.arrive(copy)
    barrier.phase, barrier.bytes, barrier.copies = barrier.phase + 1, None, []
    return ()


HANDLERS: dict[str, BlockHandler] = {
    "br.acquire_map": acquire_map,
    "br.mbarrier_expect": mbarrier_expect,
    "br.mbarrier_init": mbarrier_init,
    "br.mbarrier_wait": mbarrier_wait,
    "br.tensor_copy": tensor_copy,
}
