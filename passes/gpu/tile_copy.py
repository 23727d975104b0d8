"""How the threads of a block bring a slice of an operand into shared memory.

The slice is `tile` indices (rows of A or columns of B) by `depth` steps of the sum. It
lies with that dimension inside which is contiguous in memory, so that a thread copies
up to 16 bytes at a time:

    copies = rows * (width / elements)        dealt out to the threads in turn
    thread t, copy i:  number t + i * threads -> (row, column)
                       -> (index, step of the sum) -> address, and whether it exists

What lies past the end of the operand becomes zeros, which add nothing. What does not
change from slice to slice is computed once, in front of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Literal

from xdsl.dialects import arith, memref
from xdsl.ir import SSAValue

from brdialect.block_tile import WARP
from brdialect.gpu_ops import ASYNC_BYTES, AsyncCopyOp
from brdialect.warpgroup_ops import LINE
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.shared_layout import CHUNK, SharedLayout
from passes.gpu.views import Flat
from passes.schedule.boxes import Slices
from passes.shared.build import Index, add, branch, compare, mul, value
from passes.shared.digits import Digits, divided, modulo
from passes.shared.vectorise import splat

Reads = Literal["matrices", "words", "lines", "turned"]
"""How a slice is read that lies across the sum: by ldmatrix, word by word, by wgmma, or
by wgmma after its words were turned, so that it lies along the sum."""

TURNED = (8, 4)
"""Indices and steps of the sum that a warp turns at a time: it reads 4 times 32 bytes,
and its 32 words go to as many banks, 4 of a chunk of each of 8 lines."""


@dataclass(frozen=True)
class Shape(Slices):
    """What an operand is to a block, and how its slices lie in shared memory."""

    @property
    def halves(self) -> tuple[Digits, Digits]:
        """The digits of the sum, those that count cuts and those inside of one."""
        found = self.sum_.split(self.cut)
        assert found is not None  # as no other cut is chosen
        return found

    def start(self, slice_: Index) -> tuple[Index, Index]:
        """Where a slice begins: how many cuts come before, and the step from there."""
        if self.cut == self.sum_.size:
            return 0, mul(slice_, self.depth)
        step = mul(modulo(slice_, self.of_cut), self.depth)
        return divided(slice_, self.of_cut), step

    def layout(self, element_bytes: int, reads: Reads) -> SharedLayout:
        """Of a slice in shared memory."""
        if self.along_sum or reads == "turned":
            return SharedLayout(self.tile, self.depth, element_bytes)
        if reads == "lines":
            panel = LINE // element_bytes
            return SharedLayout(self.depth, self.tile, element_bytes, panel=panel)
        words = reads == "words"
        return SharedLayout(self.depth, self.tile, element_bytes, words)

    def elements(self, element_bytes: int, alignment: int) -> int:
        """How many one copy moves."""
        most = CHUNK // element_bytes
        inner, outer = self.sum_.merged, self.index.merged
        if not self.along_sum:
            inner, outer = outer, inner
        whole = max(1, alignment // element_bytes)
        run = gcd(inner.run(most), self.cut) if self.along_sum else inner.run(most)
        return gcd(most, run, *outer.strides, whole)


def both(x: SSAValue | None, y: SSAValue | None) -> SSAValue | None:
    """Whether both hold; None always holds."""
    if x is None or y is None:
        return y if x is None else x
    return arith.AndIOp(x, y).result


def below(x: Index, limit: int) -> SSAValue:
    """`x < limit`"""
    return compare("ult", x, limit)


@dataclass
class Piece:
    """One copy of this thread in every slice."""

    shared: Index
    index_offset: Index
    valid: SSAValue | None
    places: Sequence[Index]
    """Between edges, but for what the step of the sum adds."""
    base: Index
    step: int
    """The step of the sum in a slice is `base + step`."""


@dataclass
class TileCopy:
    """Emits the copies of one operand. `first`: the tile's first index."""

    source: Flat
    shape: Shape
    reads: Reads
    first: Index
    thread: SSAValue
    threads: int
    pieces: list[Piece] = field(default_factory=list[Piece])

    def __post_init__(self) -> None:
        size = self.source.element_bytes
        self.layout = self.shape.layout(size, self.reads)
        if self.reads == "turned":
            self.elements, self.copies = 1, self.layout.size
            self._place_turned()
            return
        self.elements = self.shape.elements(size, self.source.alignment)
        self.in_row = self.layout.width // self.elements
        self.copies = self.layout.rows * self.in_row
        self._place()

    @property
    def across(self) -> bool:
        """Whether slices lie across the sum."""
        return not self.shape.along_sum and self.reads != "turned"

    def _place_turned(self) -> None:
        """The same, word by word: a warp takes 8 indices by 4 steps of the sum."""
        indices, steps = TURNED
        warp, lane = divided(self.thread, WARP), modulo(self.thread, WARP)
        in_row = self.shape.tile // indices
        row = add(mul(modulo(warp, in_row), indices), modulo(lane, indices))
        base = add(mul(divided(warp, in_row), steps), divided(lane, indices))
        swizzle = self.layout.swizzle(row)  # further rows are multiples of 8 away
        warps = self.threads // WARP
        for number in range(self.copies // self.threads):
            down, right = divmod(number * warps, in_row)
            step, index = down * steps, right * indices
            shared = self.layout.offset(add(row, index), add(base, step), swizzle)
            found = self._index(add(self.first, row, index))
            self.pieces.append(Piece(shared, *found, base, step))

    def _place(self) -> None:
        """Where this thread's copies come from and go to."""
        column: Index = mul(modulo(self.thread, self.in_row), self.elements)
        row: Index = divided(self.thread, self.in_row)
        offsets: dict[int, tuple[Index, SSAValue | None, Sequence[Index]]] = {}
        swizzles: dict[int, Index] = {}
        for number in range(-(-self.copies // self.threads)):
            down, right = divmod(number * self.threads, self.in_row)
            right *= self.elements
            if down % self.layout.period not in swizzles:
                phase = down % self.layout.period
                swizzles[phase] = self.layout.swizzle(add(row, phase))
            shared = self.layout.offset(
                add(row, down), add(column, right), swizzles[down % self.layout.period]
            )
            index, step, base = (down, right, column)
            of_index = row
            if not self.shape.along_sum:
                index, step, base, of_index = right, down, row, column
            if index not in offsets:
                offsets[index] = self._index(add(self.first, of_index, index))
            self.pieces.append(Piece(shared, *offsets[index], base, step))

    def _index(self, index: Index) -> tuple[Index, SSAValue | None, Sequence[Index]]:
        """Where an index lies in memory, whether it exists, and its places."""
        digits = self.shape.index
        whole = digits.size % self.shape.tile == 0
        valid = None if whole else below(index, digits.size)
        places = [
            add(start, digits.place(index, i))
            for i, (start, _) in enumerate(self.shape.edges)
        ]
        return add(self.source.offset, digits.offset(index)), valid, places

    def emit(self, slice_: Index, shared: SSAValue, stage: Index) -> None:
        """Starts the copies of a slice into `shared` from element `stage` on."""
        if self.copies < self.threads:
            take_part = below(self.thread, self.copies)
            branch(take_part, lambda: self._copy(slice_, shared, stage), lambda: None)
        else:
            self._copy(slice_, shared, stage)

    def _copy(self, slice_: Index, shared: SSAValue, stage: Index) -> None:
        digits, cut = self.shape.sum_, self.shape.cut
        whole = cut % self.shape.depth == 0
        edges = self.shape.edges
        known: dict[int, tuple[Index, SSAValue | None, Sequence[Index]]] = {}
        cuts, start = self.shape.start(slice_)
        for piece in self.pieces:
            if piece.step not in known:
                step = add(start, piece.base, piece.step)
                valid = None if whole else below(step, cut)
                step = add(mul(cuts, cut), step)
                further = [digits.place(step, i) for i in range(len(edges))]
                known[piece.step] = digits.offset(step), valid, further
            offset, in_sum, further = known[piece.step]
            valid = both(piece.valid, in_sum)
            for place, more, (_, size) in zip(
                piece.places, further, edges, strict=True
            ):
                valid = both(valid, below(add(place, more), size))
            source = add(piece.index_offset, offset)
            self._one(source, shared, add(stage, piece.shared), valid)

    def _one(
        self, source: Index, shared: SSAValue, target: Index, valid: SSAValue | None
    ) -> None:
        """One copy; elements of 2 bytes that lie alone take the way through a
        register, since asynchronous copies have 4 bytes or more."""
        if self.elements * self.source.element_bytes in ASYNC_BYTES:
            AsyncCopyOp(
                self.source.memory,
                value(source),
                shared,
                value(target),
                true() if valid is None else valid,
                self.elements,
            )
            return
        for lane in range(self.elements):
            at = value(add(source, lane))
            if valid is not None:
                at = SelectOp(valid, at, value(0)).result
            element = memref.LoadOp.get(self.source.memory, [at]).res
            if valid is not None:
                zero = splat(0, element.type, None)
                element = SelectOp(valid, element, zero).result
            memref.StoreOp.get(element, shared, [value(add(target, lane))])


def true() -> SSAValue:
    """What always holds."""
    return arith.ConstantOp.from_int_and_width(1, 1).result
