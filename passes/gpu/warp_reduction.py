"""Long reductions: a warp for each element of the result.

    linalg.generic ins(%x : memref<64x1000xf32>) outs(%y : memref<64xf32>) {y += x}
    ->
    scf.for %i = 0 to 1000 step 32 iter_args(%sum = -0.0) {   // in warp %row
      %sum + memref.load %x[%row, %i + lane]                  // if there is such a one
    }
    %sum += br.shuffle_xor %sum {mask = 16}                   // .. 8, 4, 2, 1
    y[%row] += %sum                                           // by lane 0

Neighbouring lanes read neighbouring elements. Floats are added up in another order than
by the loops, the same one in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import memref
from xdsl.ir import SSAValue

from brdialect.block_tile import WARP
from brdialect.gpu_ops import SHUFFLED, ShuffleXorOp
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.digits import unravel
from passes.gpu.grid import each_warp
from passes.gpu.tile_copy import below
from passes.loops.loop_nest import Nest
from passes.loops.nest_emitter import At, Emitter
from passes.loops.reductions import combine, combiners, neutral
from passes.shared.build import Index, add, branch, for_loop, value

LONG = 64
"""Steps of a reduction from which a warp pays: two for each lane."""

FEW = 1 << 15
"""Elements up to which a warp for each fills the device better than a thread, even
where lanes read far from each other."""


def takes_warps(emitter: Emitter) -> bool:
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
class WarpReduction:
    """Emits the kernel of a reduction."""

    emitter: Emitter

    def emit(self) -> None:
        """The whole op."""
        nest = self.emitter.nest
        outer = [d for d, loop in enumerate(nest.loops) if loop.parallel]
        sizes = [nest.loops[d].size for d in outer]

        def point(index: Index, lane: SSAValue) -> None:
            digits = unravel(index, sizes, prod(sizes))
            self.element(dict(zip(outer, digits, strict=True)), lane)

        each_warp(self.emitter.op, prod(sizes), point)

    def element(self, at: At, lane: SSAValue) -> None:
        """One element of each output."""
        e = self.emitter
        kinds = combiners(e.op) or ()
        sums = self.of_lane(at, lane)
        mask = WARP // 2
        while mask:
            others = [ShuffleXorOp(x, mask).res for x in sums]
            pairs = zip(kinds, sums, others, strict=True)
            sums = [combine(kind, x, y) for kind, x, y in pairs]
            mask //= 2

        def store() -> None:
            for i, kind, x in zip(e.outputs, kinds, sums, strict=True):
                view, where = e.views[i], e.subscripts(at)
                old = memref.LoadOp.get(view, where).res
                memref.StoreOp.get(combine(kind, old, x), view, where)

        branch(below(lane, 1), store, lambda: None)

    def of_lane(self, at: At, lane: SSAValue) -> Sequence[SSAValue]:
        """What a lane has of each output after its part of the reduction."""
        e = self.emitter
        kinds = combiners(e.op) or ()
        types = [e.body.args[i].type for i in e.outputs]
        start = [neutral(k, t, None) for k, t in zip(kinds, types, strict=True)]
        sizes = [e.nest.loops[d].size for d in e.reductions]
        trips = prod(sizes)

        def step(first: Index, *sums: SSAValue) -> Sequence[SSAValue]:
            index: Index = add(first, lane)
            valid = below(index, trips) if trips % WARP else None
            if valid is not None:
                index = SelectOp(valid, value(index), value(0)).result
            digits = unravel(index, sizes, trips)
            inside = {**at, **dict(zip(e.reductions, digits, strict=True))}
            new = e.apply(inside, 0, None, sums)
            if valid is None:
                return new
            pairs = zip(new, sums, strict=True)
            return [SelectOp(valid, x, y).result for x, y in pairs]

        return for_loop(0, -(-trips // WARP) * WARP, WARP, step, start)
