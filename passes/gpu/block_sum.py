"""The sum of a block's product: batch and k as one, slice by slice.

    for the first few slices: start their copies                  // cp.async
    for each slice of the sum:
      wait for the oldest slice; barrier
      start the copies of the slice that is `ahead` further
      for each step of the slice:
        C's fragments += A's fragments B's fragments              // mma.sync

Of the stages, one is multiplied and the others are on their way: `ahead` is one less
than there are. One barrier for each slice is enough: it comes after every thread has
read the slice whose place the new copies take.

With `wgmma` and three stages or more, products go on over the barrier:

      wait for the oldest slice; barrier
      start the products of the slice                             // wgmma
      start the copies of the slice that is `ahead` further
      wait for the products of the slice before

so that the tensor cores have the next products before these are done. The place of the
slice before the last one is free then, and `ahead` is two less than there are stages.

With `copy=tma` one thread starts the copies of a slice (box_copy.py), and all wait for
a barrier that counts its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import gcd

from xdsl.dialects import func, vector
from xdsl.dialects.builtin import f32, i64
from xdsl.ir import Attribute, SSAValue

from brdialect.block_tile import BlockTile
from brdialect.gpu_ops import (
    AsyncCommitOp,
    AsyncWaitOp,
    BarrierOp,
    MmaOp,
    SharedMemoryOp,
    shared_type,
)
from brdialect.ops import BatchReduceGemmOp
from brdialect.tensor_copy_ops import (
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
)
from brdialect.warpgroup_ops import ROWS, ProxyFenceOp, WarpgroupMmaOp, WarpgroupWaitOp
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.block_problem import Problem
from passes.gpu.box_copy import BoxCopy, add_map, cut_for_boxes, matrix_of, parity
from passes.gpu.fragments import STEPS, Fragments
from passes.gpu.tile_copy import Reads, Shape, TileCopy, below
from passes.gpu.views import Flat
from passes.shared.build import Index, add, branch, for_loop, mul, value
from passes.shared.digits import Digits, divided
from passes.shared.vectorise import splat


@dataclass(frozen=True)
class Place:
    """Where a thread is: in its block, and what of C the block and the warp have."""

    thread: SSAValue
    warp: Index
    lane: SSAValue
    tile: tuple[Index, Index]
    """First row and column of the block."""

    part: tuple[Index, Index]
    """Those of the warp in it."""


class BlockSum:
    """Emits the sum at the insertion point."""

    def __init__(
        self,
        op: BatchReduceGemmOp,
        tile: BlockTile,
        kind: str,
        problem: Problem,
        memories: Sequence[Flat],
        place: Place,
    ) -> None:
        self.op, self.tile, self.kind, self.place = op, tile, kind, place
        extent, stride = problem.columns[0]
        columns, whole = Digits((extent,), (stride,)), problem.sum_a.size
        shapes = [
            Shape(
                *(problem.rows[0], problem.sum_a, tile.m, tile.k, whole),
                memories[0].edges,
            ),
            Shape(columns, problem.sum_b, tile.n, tile.k, whole),
        ]
        if tile.tma:
            pairs = zip(memories, shapes, strict=True)
            cuts = [cut_for_boxes(*x) for x in pairs if self.reads(x[1]) == "lines"]
            shapes = [replace(x, cut=gcd(whole, *cuts)) for x in shapes]
        self.slices = shapes[0].count
        self.copies = [
            self.copy_of(memory, shape, first)
            for memory, shape, first in zip(memories, shapes, place.tile, strict=True)
        ]
        self.boxes = [x for x in self.copies if isinstance(x, BoxCopy)]
        self.pieces = [x for x in self.copies if isinstance(x, TileCopy)]
        element: Attribute = self.copies[0].source.element
        size = self.copies[0].source.element_bytes
        starts = (0, tile.stages * tile.m * tile.k * size)
        self.shared = [
            SharedMemoryOp(
                start, shared_type(element, tile.stages * copy.layout.size)
            ).res
            for start, copy in zip(starts, self.copies, strict=True)
        ]
        if self.boxes:
            start = tile.barriers_start(size)
            self.barriers = SharedMemoryOp(start, shared_type(i64, tile.stages)).res

    def copy_of(self, memory: Flat, shape: Shape, first: Index) -> TileCopy | BoxCopy:
        """How slices of an operand are copied."""
        reads, threads = self.reads(shape), self.tile.threads
        by_boxes = self.tile.tma and reads == "lines"
        matrix = matrix_of(memory, shape) if by_boxes else None
        if matrix is None:
            return TileCopy(memory, shape, reads, first, self.place.thread, threads)
        function = self.op.parent_op()
        assert isinstance(function, func.FuncOp)
        return BoxCopy(memory, shape, first, matrix, add_map(function))

    def only_first(self, body: Callable[[], None]) -> None:
        """What one thread does for all."""
        branch(below(self.place.thread, 1), body, lambda: None)

    def prepare_boxes(self) -> None:
        """Sets the barriers up that count what comes."""

        def first() -> None:
            for box in self.boxes:
                AcquireMapOp(box.map)
            MbarrierInitOp(self.barriers)

        self.only_first(first)
        BarrierOp()

    @property
    def goes_on(self) -> bool:
        """Whether products go on over the barrier."""
        return self.tile.wgmma and self.tile.stages > 2

    @property
    def ahead(self) -> int:
        """How many slices are on their way."""
        return self.tile.stages - (2 if self.goes_on else 1)

    def emit(self) -> Sequence[SSAValue]:
        """The accumulators of this warp after the whole sum."""
        tile = self.tile
        self.fragments = [] if tile.wgmma else self.all_fragments()
        if self.boxes:
            self.prepare_boxes()
        for number in range(self.ahead):
            if number < self.slices:
                self.fetch(number, number)
            self.commit()
        zero = splat(0.0, f32, 8)
        count = (tile.warp_m // 16) * (tile.warp_n // 16)
        inits = [value(0), value(self.ahead), *[zero] * count]
        _, _, *sums = for_loop(0, self.slices, 1, self.one_slice, inits)
        if self.pieces:
            AsyncWaitOp(0)
        return WarpgroupWaitOp(sums).res if self.goes_on else sums

    def reads(self, shape: Shape) -> Reads:
        """How a slice is read that lies across the sum."""
        if not self.tile.wgmma:
            return "words" if self.kind == "tf32" else "matrices"
        turned = self.kind == "tf32" and not shape.along_sum
        return "turned" if turned else "lines"

    def all_fragments(self) -> list[Fragments]:
        """How a warp reads the slices of A and B."""
        found = list[Fragments]()
        sizes = (self.tile.warp_m, self.tile.warp_n)
        for i, (first, part) in enumerate(zip(self.place.part, sizes, strict=True)):
            copy = self.copies[i]
            fragments = Fragments(
                copy.layout,
                copy.shape.along_sum,
                i == 0,
                self.kind,
                self.shared[i],
                self.place.lane,
                first,
                part,
            )
            fragments.prepare()
            found.append(fragments)
        return found

    def fetch(self, slice_: Index, stage: Index) -> None:
        """Starts the copies of a slice into a stage."""
        targets = [
            (shared, mul(stage, copy.layout.size))
            for copy, shared in zip(self.copies, self.shared, strict=True)
        ]
        for copy, (shared, start) in zip(self.copies, targets, strict=True):
            if isinstance(copy, TileCopy):
                copy.emit(slice_, shared, start)

        def first() -> None:
            barrier = self.barriers, value(stage)
            MbarrierExpectOp(*barrier, sum(box.bytes for box in self.boxes))
            for copy, target in zip(self.copies, targets, strict=True):
                if isinstance(copy, BoxCopy):
                    copy.emit(slice_, target, barrier)

        if self.boxes:
            self.only_first(first)

    def commit(self) -> None:
        """Ends a group of copies by threads."""
        if self.pieces:
            AsyncCommitOp()

    def wait(self, slice_: Index, stage: SSAValue) -> None:
        """A slice is there for all."""
        if self.pieces:
            AsyncWaitOp(self.ahead - 1)
        if self.boxes:
            phase = parity(slice_, self.tile.stages)
            MbarrierWaitOp(self.barriers, stage, phase)
        if self.tile.wgmma and self.pieces:
            ProxyFenceOp()
        BarrierOp()

    def one_slice(
        self, slice_: Index, read: SSAValue, write: SSAValue, *sums: SSAValue
    ) -> Sequence[SSAValue]:
        """Multiplies the slice in stage `read`, and fetches one into stage `write`."""
        tile = self.tile
        self.wait(slice_, read)
        if tile.wgmma:  # runs while the copies are started
            sums = tuple(self.one_stage(read, sums))
        ahead = add(slice_, self.ahead)
        if self.slices > self.ahead:
            branch(
                below(ahead, self.slices),
                lambda: self.fetch(ahead, write),
                lambda: None,
            )
        self.commit()
        if tile.wgmma:
            sums = WarpgroupWaitOp(sums, pending=int(self.goes_on)).res
        else:
            sums = tuple(self.one_stage(read, sums))
        return (self.after(read), self.after(write), *sums)

    def after(self, stage: SSAValue) -> SSAValue:
        """The stage after this one, in a circle."""
        following = value(add(stage, 1))
        return SelectOp(below(following, self.tile.stages), following, value(0)).result

    def one_stage(self, stage: Index, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
        """The steps of the slice in a stage."""
        starts = [mul(stage, copy.layout.size) for copy in self.copies]
        if self.tile.wgmma:
            return self.warpgroup_stage(starts, sums)

        def step(at: Index, *sums: SSAValue) -> Sequence[SSAValue]:
            a, b = (
                f.read(start, at)
                for f, start in zip(self.fragments, starts, strict=True)
            )
            pairs = [(x, y) for x in a for y in b]
            return [self.mma(x, y, c) for (x, y), c in zip(pairs, sums, strict=True)]

        return for_loop(0, self.tile.k, STEPS[self.kind], step, sums, unroll=True)

    def warpgroup_stage(
        self, starts: Sequence[Index], sums: Sequence[SSAValue]
    ) -> Sequence[SSAValue]:
        """All steps of a slice by the four warps that have 64 rows together."""
        group = divided(self.place.warp, ROWS // self.tile.warp_m)
        first = mul(group, ROWS * self.tile.k)
        a, b = (value(x) for x in (add(starts[0], first), starts[1]))
        across = [copy.across for copy in self.copies]
        return WarpgroupMmaOp(
            (self.shared[0], a),
            (self.shared[1], b),
            sums,
            self.kind,
            (across[0], across[1]),
        ).res

    def mma(self, a: SSAValue, b: SSAValue, c: SSAValue) -> SSAValue:
        """One fragment of C."""
        if self.kind == "exact":
            return vector.FMAOp(a, b, c).res
        return MmaOp(a, b, c, self.kind).res
