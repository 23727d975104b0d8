"""What a warp's 32 lanes do together: they read matrices, and multiply them.

The layouts are written down here a second time, from the tables in gpu_ops.py, so that
a mistake in the passes' own arithmetic shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brdialect.gpu_ops import (
    LoadMatricesOp,
    MmaOp,
    RoundTf32Op,
    ShuffleXorOp,
    StoreAccumulatorsOp,
)
from brdialect.mistake import BrError
from brdialect.reference.gpu.block import WARP, Block, BlockHandler, SharedArray
from brdialect.reference.gpu.memory import spans
from brdialect.reference.values import Array, Value

LANE = np.arange(WARP)
G, T = LANE // 4, LANE % 4


def round_tf32(frame: Block, op: RoundTf32Op, args: Sequence[Value]) -> Sequence[Value]:
    """Half of the last kept bit is added to the magnitude; the 13 bits below go."""
    bits = np.ascontiguousarray(args[0]).view(np.uint32)
    finite = (bits & np.uint32(0x7F800000)) != np.uint32(0x7F800000)
    nearest = bits + np.where(finite, np.uint32(0x1000), np.uint32(0))
    return ((nearest & np.uint32(0xFFFFE000)).view(np.int32),)


def load_matrices(
    frame: Block, op: LoadMatricesOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Row r of matrix i is the 16 bytes that lane 8 i + r names."""
    frame.all_here(op)
    source: SharedArray = args[0]
    starts = source.start + frame.each(args[1]) * source.element_bytes
    if np.any(starts % 16):
        raise ValueError("rows of ldmatrix begin at multiples of 16 bytes")
    frame.count("ldmatrix", starts.reshape(-1), 16)
    data = np.empty((frame.threads, 16), np.uint8)
    out = np.empty((frame.threads, 4), np.int32)
    for warp in range(0, frame.threads, WARP):
        lanes = slice(warp, warp + WARP)
        # every lane of a warp gets elements of every row
        data[lanes] = frame.shared.read(spans(starts[lanes], 16), warp + LANE)
        halves = data[lanes].view(np.uint16).reshape(4, 8, 8)
        if op.transpose is not None:
            halves = halves.transpose(0, 2, 1)
        words = np.ascontiguousarray(halves).view(np.int32)  # [matrix, row, word]
        out[lanes] = words[:, G, T].T
    return (out,)


def _fragment_a(words: Array, kind: str) -> Array:
    """Registers [lanes, 4] -> A, 16 x 8 or 16 x 16."""
    values = numbers_of(words, kind)  # [lanes, register, elements in it]
    width = values.shape[-1]
    a = np.empty((16, 8 * width))
    for register in range(4):
        row = G + 8 * (register % 2)
        for e in range(width):
            a[row, width * T + e + 4 * width * (register // 2)] = values[:, register, e]
    return a


def _fragment_b(words: Array, kind: str) -> Array:
    """Registers [lanes, 4] -> B, 8 x 16 or 16 x 16."""
    values = numbers_of(words, kind)
    width = values.shape[-1]
    b = np.empty((8 * width, 16))
    for register in range(4):
        column = G + 8 * (register // 2)
        for e in range(width):
            row = width * T + e + 4 * width * (register % 2)
            b[row, column] = values[:, register, e]
    return b


def numbers_of(words: Array, kind: str) -> Array:
    """The elements in 32-bit words, along a new last axis."""
    words = np.ascontiguousarray(words)
    if kind == "tf32":  # the hardware looks at 19 of the 32 bits
        kept = words.view(np.uint32) & np.uint32(0xFFFFE000)
        return kept.view(np.float32)[..., np.newaxis]
    halves = words.view(np.uint16).reshape(*words.shape, 2)
    if kind == "f16":
        return halves.view(np.float16)
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)


def places_of_c() -> tuple[Array, Array]:
    """Row and column of each of a lane's 8 sums, [lanes, 8]."""
    e = np.arange(8)
    row = G[:, np.newaxis] + 8 * (e // 2 % 2)
    return row, 2 * T[:, np.newaxis] + e % 2 + 8 * (e // 4)


def mma(frame: Block, op: MmaOp, args: Sequence[Value]) -> Sequence[Value]:
    """Products in f64, which are exact, then rounded to f32 with the sum."""
    frame.all_here(op)
    kind, out = op.kind.data, np.empty((frame.threads, 8), np.float32)
    a, b, c = (np.broadcast_to(x, (frame.threads, np.shape(x)[-1])) for x in args)
    places = places_of_c()
    for warp in range(0, frame.threads, WARP):
        lanes = slice(warp, warp + WARP)
        product = _fragment_a(a[lanes], kind) @ _fragment_b(b[lanes], kind)
        out[lanes] = product[places] + c[lanes]
    return (out,)


def store_accumulators(
    frame: Block, op: StoreAccumulatorsOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Pairs of neighbours, from the lane's first element on."""
    frame.all_here(op)
    values, target, index = args
    pitch = op.pitch.value.data
    data = np.ascontiguousarray(np.broadcast_to(values, (frame.threads, 8)), np.float32)
    for pair in range(4):
        step = 8 * (pair % 2) * pitch + 8 * (pair // 2)
        starts = target.start + 4 * (frame.each(index) + step)
        frame.count("store", starts, 8)
        part = np.ascontiguousarray(data[:, 2 * pair : 2 * pair + 2]).view(np.uint8)
        frame.shared.write(spans(starts, 8), part, frame.who)
    return ()


def shuffle_xor(frame: Block, op: ShuffleXorOp, args: Sequence[Value]):
    """By whole warps."""
    warps = frame.active.reshape(-1, WARP)
    if np.any(warps.any(1) != warps.all(1)):
        raise BrError(f"expected all lanes of a warp at {op.name}")
    given = np.broadcast_to(args[0], (frame.threads,))
    lanes = np.arange(frame.threads) ^ op.mask.value.data
    return (given[lanes],)


HANDLERS: dict[str, BlockHandler] = {
    "br.shuffle_xor": shuffle_xor,
    "br.load_matrices": load_matrices,
    "br.round_tf32": round_tf32,
    "br.mma": mma,
    "br.store_accumulators": store_accumulators,
}
