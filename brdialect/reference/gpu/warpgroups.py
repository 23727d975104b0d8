"""What four warps do together: they multiply slices out of shared memory.

Addresses are written down here a second time, as PTX ISA has them for descriptors: from
a start, the offsets between groups of 8 lines, and the swizzle of the address's bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brdialect.gpu_ops import ACCUMULATORS
from brdialect.mistake import BrError
from brdialect.reference.gpu.block import WARP, Block, BlockHandler, SharedArray
from brdialect.reference.gpu.memory import spans
from brdialect.reference.gpu.warps import numbers_of, places_of_c
from brdialect.reference.values import Array, Value
from brdialect.warpgroup_ops import ProxyFenceOp, WarpgroupMmaOp, WarpgroupWaitOp

THREADS, LINE, GROUP = 128, 128, 1024
"""Of a warpgroup; bytes of a line, and of 8 lines."""


@dataclass(frozen=True)
class InFlight:
    """Sums that products which are not waited for go on adding to."""

    sums: Array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise BrError("expected br.warpgroup_wait before its sums are used")


def proxy_fence(
    frame: Block, op: ProxyFenceOp, args: Sequence[Value]
) -> Sequence[Value]:
    """All threads make their own writes seen."""
    frame.all_here(op)
    frame.shared.fence()
    return ()


def swizzled(address: Array) -> Array:
    """Bits 7 to 9 of a byte's address turn bits 4 to 6."""
    return address ^ ((address >> 7 & 7) << 4)


def along_sum(start: int, indices: int, depth: int, size: int) -> Array:
    """Byte addresses [index, step] of a slice along the sum: groups of 8 lines are 1024
    bytes apart."""
    i, k = np.arange(indices)[:, np.newaxis], np.arange(depth)
    return swizzled(start + i // 8 * GROUP + i % 8 * LINE + k * size)


def across_sum(start: int, indices: int, depth: int, size: int) -> Array:
    """The same across it: the leading offset is that of 64 indices, all of `depth`."""
    i, k = np.arange(indices)[:, np.newaxis], np.arange(depth)
    wide = LINE // size
    lead = depth * LINE
    inside = i // wide * lead + i % wide * size
    return swizzled(start + inside + k // 8 * GROUP + k % 8 * LINE)


def _slice(
    frame: Block, source: SharedArray, index: Array, across: bool, count: int, kind: str
) -> Array:
    """The numbers [index, step] that the threads of a warpgroup ask for."""
    if np.unique(index).size != 1:
        raise BrError("expected one place of a slice for all threads of a warpgroup")
    size = source.element_bytes
    start = source.start + int(index[0]) * size
    if start % GROUP:
        raise BrError(f"expected a slice at a multiple of {GROUP} bytes, got {start}")
    address = (across_sum if across else along_sum)(start, count, LINE // size, size)
    bytes_ = frame.shared.read_by_all(spans(address.reshape(-1), size))
    words = bytes_.reshape(-1).view(np.int32)
    return numbers_of(words, kind).reshape(count, -1)


def warpgroup_mma(
    frame: Block, op: WarpgroupMmaOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Products in f64, added up in f32 after each instruction's part of the sum."""
    frame.all_here(op)
    if frame.threads % THREADS:
        raise BrError(f"expected warpgroups of {THREADS}, got {frame.threads} threads")
    a, a_index, b, b_index, *given = args
    sums = [x.sums if isinstance(x, InFlight) else x for x in given]
    frame.shared.start_reads()
    lanes = ACCUMULATORS.get_shape()[0]
    out = [
        np.array(np.broadcast_to(x, (frame.threads, lanes)), np.float32) for x in sums
    ]
    rows, columns = places_of_c()
    kind = op.kind.data
    for first in range(0, frame.threads, THREADS):
        part = slice(first, first + THREADS)
        x = _slice(frame, a, frame.each(a_index)[part], op.across[0], 64, kind)
        y = _slice(frame, b, frame.each(b_index)[part], op.across[1], op.columns, kind)
        step = 32 // a.element_bytes
        for k in range(0, x.shape[1], step):
            product = x[:, k : k + step].astype(np.float64) @ y[:, k : k + step].T
            for warp in range(THREADS // WARP):
                at = slice(first + warp * WARP, first + (warp + 1) * WARP)
                for n, total in enumerate(out):
                    total[at] += product[16 * warp + rows, 16 * n + columns]
    return [InFlight(x) for x in out]


def warpgroup_wait(
    frame: Block, op: WarpgroupWaitOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The sums; what the products read may be written again."""
    frame.all_here(op)
    frame.shared.finish_reads(op.pending.value.data)
    if frame.shared.reads:
        return args
    return [x.sums if isinstance(x, InFlight) else x for x in args]


HANDLERS: dict[str, BlockHandler] = {
    "br.proxy_fence": proxy_fence,
    "br.warpgroup_mma": warpgroup_mma,
    "br.warpgroup_wait": warpgroup_wait,
}
