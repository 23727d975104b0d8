"""Boxes that the tensor memory accelerator copies, and the barriers that count them.

The swizzle is written down here a second time, on the bits of addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

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
    """A matrix in global memory: lines of `width` elements."""

    source: MemRef
    offset: int
    width: int
    lines: int
    pitch: int
    box: int


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
    return (TensorMap(args[0], *op.sizes),)


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
    map_, column, line, target, to, barriers, index = args
    thread = _alone(frame, op.name)
    barrier = _barrier(frame, barriers, index)
    if (id(map_), thread) not in frame.shared.acquired:
        raise BrError("expected br.acquire_map before the first copy by a map")
    if map_.box != op.box.value.data:
        raise BrError(f"expected a box of {map_.box} lines, got {op.box.value.data}")
    (column,), (line,), (to,) = (frame.each(x) for x in (column, line, to))
    size = target.element_bytes
    start = target.start + int(to) * size
    if start % GROUP:
        raise BrError(f"expected a box at a multiple of {GROUP} bytes, got {start}")
    box = read_box(frame, map_, int(column), int(line), LINE // size)
    data = bytes_of(box, target.element).reshape(-1)
    places = swizzled(spans(np.array(start), map_.box * LINE))
    copy = Copy(
        places[np.newaxis], data[np.newaxis], np.array([thread], dtype=np.int64)
    )
    frame.shared.check_writable(copy.places, copy.threads)
    frame.shared.on_its_way[copy.places] = True
    barrier.copies.append(copy)
    return ()


def read_box(
    frame: Block, map_: TensorMap, column: int, line: int, width: int
) -> Array:
    """The elements of a box; zeros outside of the matrix."""
    i = line + np.arange(map_.box)[:, np.newaxis]
    j = column + np.arange(width)
    inside = (i >= 0) & (i < map_.lines) & (j >= 0) & (j < map_.width)
    places = map_.source.offset + map_.offset + i * map_.pitch + j
    who = np.array([frame.number * frame.threads + int(frame.who[0])])
    read = places[inside][np.newaxis]
    frame.memory.note(map_.source.buffer, read, who, write=False)
    found = np.zeros(inside.shape, map_.source.buffer.dtype)
    found[inside] = map_.source.buffer[read[0]]
    return found


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
