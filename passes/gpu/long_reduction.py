"""Long reductions: a warp for each element of the result, or a block.

    linalg.generic ins(%x : memref<64x1000xf32>) outs(%y : memref<64xf32>) {y += x}
    ->
    scf.for %i = 0 to 1000 step 32 iter_args(%sum = -0.0) {   // in warp %row
      %sum + memref.load %x[%row, %i + lane]                  // if there is such a one
    }
    %sum += br.shuffle_xor %sum {mask = 16}                   // .. 8, 4, 2, 1
    y[%row] += %sum                                           // by lane 0

With a block, in which the step is 256, lane 0 of each warp puts its sum into shared
memory, and after a barrier each thread gets those of all warps and adds them up by
shuffles again. Neighbouring lanes read neighbouring elements. Floats are added up in
another order than by the loops, the same one in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import memref
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation

from brdialect.block_tile import WARP
from brdialect.gpu_ops import (
    SHUFFLED,
    BarrierOp,
    SharedMemoryOp,
    ShuffleXorOp,
    shared_type,
)
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.grid import ELEMENT_THREADS, each_block, each_warp
from passes.gpu.tile_copy import below
from passes.loops.loop_nest import Nest
from passes.loops.nest_emitter import At, Emitter
from passes.loops.reductions import combine, combiners, neutral
from passes.memory.buffers import element_bytes
from passes.shared.build import Index, add, branch, for_loop, value
from passes.shared.digits import divided, modulo, unravel

LONG = 64
"""Steps of a reduction from which a warp pays: two for each lane."""

FEW = 1 << 15
"""Elements up to which a warp for each fills the device better than a thread, even
where lanes read far from each other."""


BLOCK_LONG = 4 * ELEMENT_THREADS
"""Steps of a reduction from which a block pays: four for each thread."""

BLOCK_FEW = 1 << 12
"""Elements up to which a block for each is taken: with a warp for each, that many
leave places for others on 132 multiprocessors of 64 warps."""


def is_long(emitter: Emitter) -> bool:
    """Whether an op is such a reduction."""
    nest, outs = emitter.nest, emitter.outputs
    trips = prod(nest.loops[d].size for d in emitter.reductions)
    types = [emitter.body.args[i].type for i in outs]
    if trips < LONG or combiners(emitter.op) is None:
        return False
    if any(type_ not in SHUFFLED for type_ in types):
        return False
    return nest.work // trips <= FEW or lies_along(nest, emitter.reductions[-1])


def lies_along(nest: Nest, loop: int) -> bool:
    """Whether an input has a loop's elements side by side."""
    return any(x is not None and x.strides[loop] == 1 for x in nest.inputs)


@dataclass(frozen=True)
class LongReduction:
    """Emits the kernel of a reduction."""

    emitter: Emitter

    @property
    def kinds(self) -> Sequence[type[IRDLOperation]]:
        """What adds to each output."""
        return combiners(self.emitter.op) or ()

    @property
    def types(self) -> Sequence[Attribute]:
        """Of each output."""
        return [self.emitter.body.args[i].type for i in self.emitter.outputs]

    def emit(self) -> None:
        """The whole op."""
        nest, op = self.emitter.nest, self.emitter.op
        outer = [d for d, loop in enumerate(nest.loops) if loop.parallel]
        sizes = [nest.loops[d].size for d in outer]
        count = prod(sizes)
        trips = prod(nest.loops[d].size for d in self.emitter.reductions)
        by_blocks = trips >= BLOCK_LONG and count <= BLOCK_FEW
        threads = ELEMENT_THREADS if by_blocks else WARP

        def point(index: Index, lane: SSAValue) -> None:
            digits = unravel(index, sizes, count)
            self.element(dict(zip(outer, digits, strict=True)), lane, threads)

        if by_blocks:
            each_block(op, count, self.starts(threads // WARP)[-1], point)
        else:
            each_warp(op, count, point)

    def element(self, at: At, lane: SSAValue, threads: int) -> None:
        """One element of each output, by so many threads."""
        e = self.emitter
        sums = self.together(self.of_lane(at, lane, threads), WARP)
        if threads > WARP:
            sums = self.together(self.of_warps(sums, lane, threads), threads // WARP)

        def store() -> None:
            for i, kind, x in zip(e.outputs, self.kinds, sums, strict=True):
                view, where = e.views[i], e.subscripts(at)
                old = memref.LoadOp.get(view, where).res
                memref.StoreOp.get(combine(kind, old, x), view, where)

        branch(below(lane, 1), store, lambda: None)

    def together(self, sums: Sequence[SSAValue], lanes: int) -> Sequence[SSAValue]:
        """What so many neighbouring lanes have, in each of them."""
        mask = lanes // 2
        while mask:
            others = [ShuffleXorOp(x, mask).res for x in sums]
            pairs = zip(self.kinds, sums, others, strict=True)
            sums = [combine(kind, x, y) for kind, x, y in pairs]
            mask //= 2
        return sums

    def starts(self, warps: int) -> list[int]:
        """Where in shared memory each output's numbers of all warps begin, those of
        eight warps at a multiple of their size, and where the last ones end."""
        sizes = [warps * element_bytes(type_) for type_ in self.types]
        return [sum(sizes[:i]) for i in range(len(sizes) + 1)]

    def of_warps(
        self, sums: Sequence[SSAValue], thread: SSAValue, threads: int
    ) -> Sequence[SSAValue]:
        """What warp i of a block has, in thread i and again in each i + warps."""
        warps = threads // WARP
        shared = [
            SharedMemoryOp(start, shared_type(type_, warps)).res
            for start, type_ in zip(self.starts(warps), self.types, strict=False)
        ]

        def store() -> None:
            for memory, x in zip(shared, sums, strict=True):
                memref.StoreOp.get(x, memory, [value(divided(thread, WARP))])

        branch(below(modulo(thread, WARP), 1), store, lambda: None)
        BarrierOp()
        mine = value(modulo(thread, warps))
        return [memref.LoadOp.get(memory, [mine]).res for memory in shared]

    def of_lane(self, at: At, lane: SSAValue, threads: int) -> Sequence[SSAValue]:
        """What one of so many threads has of each output after its part of the
        reduction."""
        e, kinds, types = self.emitter, self.kinds, self.types
        start = [neutral(k, t, None) for k, t in zip(kinds, types, strict=True)]
        sizes = [e.nest.loops[d].size for d in e.reductions]
        trips = prod(sizes)

        def step(first: Index, *sums: SSAValue) -> Sequence[SSAValue]:
            index: Index = add(first, lane)
            valid = below(index, trips) if trips % threads else None
            if valid is not None:
                index = SelectOp(valid, value(index), value(0)).result
            digits = unravel(index, sizes, trips)
            inside = {**at, **dict(zip(e.reductions, digits, strict=True))}
            new = e.apply(inside, 0, None, sums)
            if valid is None:
                return new
            pairs = zip(new, sums, strict=True)
            return [SelectOp(valid, x, y).result for x, y in pairs]

        return for_loop(0, -(-trips // threads) * threads, threads, step, start)
