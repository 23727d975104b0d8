"""The micro-kernel of one batch-reduce GEMM, as vector code: what convert-br-to-vector
puts into a function (its docstring shows the code).

C is cut into tiles of rows x vectors that stay in registers. For each of them the loops
over the batch and k carry the accumulators; the epilogue and the store come last.

Where the rows of B lie apart, a panel of it shares a few sets of the L1 and comes from
the L2 for every tile of rows. Then the first tile copies what it reads of it, so that
it lies end to end for the others:

    tile(C[0 : 6, j : j+64]) reads B[s, k, j : j+64], stores it in %panel[s, k]
    scf.for %i = 6 to 126 step 6 { tile(C[i : i+6, j : j+64]) reads %panel[s, k] }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects import arith, memref, vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, VectorType, i1
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from brdialect.machine_ops import PrefetchOp
from brdialect.ops import BatchReduceGemmOp
from brdialect.target import Target
from passes.kernel.prefetch import (
    Destination,
    RowsAhead,
    Share,
    destination_of,
    prefetch_lines,
    share_of,
)
from passes.kernel.register_tiles import Columns, Tiles, column_tiles, row_tiles
from passes.memory.buffers import ALIGNMENT as CACHE_LINE
from passes.memory.buffers import element_bytes
from passes.schedule.register_block import Panels, default_register_block
from passes.shared.build import (
    Index,
    add,
    for_loop,
    memref_type,
    minimum,
    value,
)
from passes.shared.vectorise import load_vector, splat, store_vector, vectorise_body

STEPS = 4
"""Steps of k in one trip of its loop, which LLVM writes out. The FMAs are the limit
with 1 as well, but a hardware thread that shares its core has half of the issue
slots."""

PREFETCH_ROWS = 8
"""How many rows of B ahead a line is asked for: about 50 cycles of FMAs, the time that
the L2 takes, with some to spare."""


@dataclass
class KernelEmitter:
    """Emits the body of one micro-kernel function for `op` over `args`."""

    op: BatchReduceGemmOp
    a: SSAValue
    b: SSAValue
    c: SSAValue
    extras: Sequence[SSAValue]
    count: SSAValue | None
    ahead: Sequence[SSAValue]
    target: Target

    def __post_init__(self) -> None:
        element = self.op.shapes[2].element_type
        self.element = element
        self.element_bytes = element_bytes(element)
        self.lanes = self.target.lanes(self.element_bytes)
        self.vector = VectorType(element, (self.lanes,))
        self.transposed = (
            self.op.transpose_a is not None,
            self.op.transpose_b is not None,
        )

        self.prefetches = False
        self.panel: SSAValue | None = None
        self.panel_is_full = False
        self.across = self.rows_of_a_line()
        self.shares: list[Share | RowsAhead] = []
        self.destination: Destination | None = None

    def rows_of_a_line(self) -> int:
        """How many rows of A lie in a cache line, 0 where they do not. Each step of k
        then reads another line, which comes from behind the L1, and the tile after this
        one, or the one after that, reads on in the line beside it."""
        type_ = self.a.type
        assert isa(type_, MemRefType[Attribute])
        strides = type_.get_strides()
        if strides is None or self.transposed[0] or self.op.has_matrix_per_column:
            return 0
        *_, row, step = strides
        if row != 1 or step is None or step * self.element_bytes < 2 * CACHE_LINE:
            return 0
        return CACHE_LINE // self.element_bytes

    def outgrows_l1(self, vectors: int) -> bool:
        """Whether B, as it lies, takes more than the L1 holds, and its rows lie apart:
        they then come from the L2 for every tile of rows of A, too late without being
        asked for. (What lies end to end the processor asks for by itself.)"""
        type_ = self.b.type
        assert isa(type_, MemRefType[Attribute])
        strides, shape = type_.get_strides(), type_.get_shape()
        if strides is None or None in strides or DYNAMIC_INDEX in shape:
            return False
        if self.transposed[1]:
            return False
        row = strides[-2]
        assert row is not None
        apart = row > vectors * self.lanes
        return apart and prod(shape[:-1]) * row * self.element_bytes > self.target.l1

    def size(self, operand: SSAValue, dim: int) -> Index:
        """The extent of a dimension, known or read at run time."""
        type_ = operand.type
        assert isa(type_, MemRefType[Attribute])
        known = type_.get_shape()[dim]
        if known >= 0:
            return known
        dim %= type_.get_num_dims()
        return memref.DimOp(operand, value(dim)).result

    def emit(self) -> None:
        """All tiles of C, columns outside: a panel of B stays in L1 for all rows."""
        m, n = self.size(self.c, 0), self.size(self.c, 1)
        block = self.op.register_block
        if block is None:
            rows, vectors = default_register_block(
                m if isinstance(m, int) else None,
                n if isinstance(n, int) else None,
                self.lanes,
                self.target,
                Panels(self.depth()),
            )
        else:
            rows, vectors = (int(x) for x in block.get_values())
        self.prefetches = self.outgrows_l1(vectors)
        steps = [*range(len(self.steps) - 1), -1 if self.transposed[1] else -2]
        whole = [self.size(self.b, d) for d in steps]
        extents = whole if self.count is None else [self.count, *whole[1:]]
        self.panel = self.room_for_panel(m, rows, vectors)
        panels, tiles = column_tiles(n, vectors, self.lanes), row_tiles(m, rows)
        for columns in panels:
            width = (1 if columns.runtime else columns.vectors) * self.lanes

            def panel(j: Index, columns: Columns = columns) -> Sequence[SSAValue]:
                def tile(i: Index, size: int) -> None:
                    at, shape = (i, j), (size, columns.vectors * self.lanes)
                    found = (share_of(v, self.c, at, size, whole) for v in self.ahead)
                    self.shares = [share for share in found if share is not None]
                    self.destination = destination_of(self.c, at, shape, whole)
                    self.tile(i, size, j, columns, extents)

                self.rows_of_panel(tiles, tile)
                return ()

            for_loop(columns.start, columns.stop, width, panel)

    def rows_of_panel(
        self, tiles: Sequence[Tiles], tile: Callable[[Index, int], None]
    ) -> None:
        """All tiles of rows of one panel of B; where it is to be copied, the first one
        by itself."""
        self.panel_is_full = False
        if self.panel is not None:
            first, *others = tiles
            tile(first.start, first.size)
            tiles = [replace(first, start=add(first.start, first.size)), *others]
            self.panel_is_full = True
        for some in tiles:

            def body(i: Index, size: int = some.size) -> Sequence[SSAValue]:
                tile(i, size)
                return ()

            for_loop(some.start, some.stop, some.size, body)

    def room_for_panel(self, m: Index, rows: int, vectors: int) -> SSAValue | None:
        """Memory for a copy of a panel of B, where that pays: the L1 keeps it, and more
        than two tiles of rows read it. (256 x 1024 from 392 pixels: 1.09 times as fast,
        1.22 on cores that other programs share, since nothing is asked for ahead.)"""
        depth = self.depth()
        if not self.prefetches or depth is None or not isinstance(m, int):
            return None
        width = vectors * self.lanes
        fits = depth * width * self.element_bytes <= self.target.l1 * 3 // 4
        if not fits or m <= 2 * rows:
            return None
        shape = [*self.steps, width]
        return memref.AllocaOp.get(self.element, CACHE_LINE, shape).memref

    def depth(self) -> int | None:
        """Steps of k over the whole batch, if they are known."""
        known = min(self.steps) >= 0 and self.count is None
        return prod(self.steps) if known else None

    @property
    def steps(self) -> Sequence[int]:
        """Extents of the batch and of k, -1 where dynamic."""
        *batch, k, n = memref_type(self.b).get_shape()
        return (*batch, n if self.transposed[1] else k)

    def mask(self, j: Index, columns: Columns) -> SSAValue | int | None:
        """Which lanes of the last vector are valid: all, a number, or a mask."""
        if not columns.runtime:
            return columns.tail
        left = arith.SubiOp(value(columns.stop), value(j)).result
        valid = value(minimum(left, self.lanes))
        return vector.CreateMaskOp([valid], VectorType(i1, (self.lanes,))).mask_vector

    def load(
        self, source: SSAValue, indices: Sequence[Index], valid: SSAValue | int | None
    ) -> SSAValue:
        return load_vector(source, [value(i) for i in indices], self.lanes, valid)

    def tile(
        self, i: Index, rows: int, j: Index, columns: Columns, extents: Sequence[Index]
    ) -> None:
        """C[i : i+rows, j : j+vectors*lanes] over the whole batch and k."""
        valid = [None] * (columns.vectors - 1) + [self.mask(j, columns)]
        at = [
            (add(i, r), add(j, v * self.lanes), valid[v])
            for r in range(rows)
            for v in range(columns.vectors)
        ]
        self.fetch_extras(i, rows, j, columns.vectors * self.lanes)
        alpha, beta = self.op.alpha_value, self.op.beta_value
        # C that has been asked for is there at the end
        accumulate = alpha == 1.0 and beta == 1.0 and self.destination is None
        if accumulate:
            start = [self.load(self.c, (r, c), w) for r, c, w in at]
        else:
            start = [self.splat(0.0)] * len(at)
        done = self.reduce(i, rows, j, valid, extents, start)
        for acc, (r, c, w) in zip(done, at, strict=True):
            if alpha != 1.0:
                acc = arith.MulfOp(acc, self.splat(alpha)).result
            if not accumulate and beta != 0.0:
                old = self.load(self.c, (r, c), w)
                acc = vector.FMAOp(self.splat(beta), old, acc).res
            acc = self.apply_epilogue(acc, r, c, w)
            store_vector(acc, self.c, [value(r), value(c)], w)

    def fetch_extras(self, i: Index, rows: int, j: Index, columns: int) -> None:
        """Asks for what the epilogue reads of a matrix as large as C (a residual),
        while the sums are made: nothing has read it since it was written, layers ago
        (56x56, 64 to 256 channels: 1.05 times as fast)."""
        for extra in self.extras:
            strides = memref_type(extra).get_strides()
            if strides is not None and strides[0] != 0 and strides[-1] == 1:
                for r in range(rows):
                    prefetch_lines(extra, (add(i, r), j), columns)

    def reduce(
        self,
        i: Index,
        rows: int,
        j: Index,
        valid: Sequence[SSAValue | int | None],
        extents: Sequence[Index],
        accumulators: Sequence[SSAValue],
        at: tuple[Index, ...] = (),
    ) -> Sequence[SSAValue]:
        """The loops over the batch and k, accumulators carried through all of them."""
        extent = extents[len(at)]
        if len(at) == len(extents) - 1:
            return self.inner_loop(i, rows, j, valid, extent, accumulators, at)

        def body(iv: Index, *carried: SSAValue) -> Sequence[SSAValue]:
            return self.reduce(i, rows, j, valid, extents, carried, (*at, iv))

        return for_loop(0, extent, 1, body, accumulators)

    def inner_loop(
        self,
        i: Index,
        rows: int,
        j: Index,
        valid: Sequence[SSAValue | int | None],
        extent: Index,
        accumulators: Sequence[SSAValue],
        at: tuple[Index, ...],
    ) -> Sequence[SSAValue]:
        """The loop over k, some steps in each trip."""

        for share in self.shares:
            if isinstance(share, RowsAhead):
                share.fetch(at)

        def steps(count: int) -> Callable[..., Sequence[SSAValue]]:
            def trip(k: Index, *carried: SSAValue) -> Sequence[SSAValue]:
                for share in self.shares:
                    if isinstance(share, Share):
                        share.fetch((*at, k), count)
                if self.destination is not None:
                    self.destination.fetch((*at, k), count)

                def step(ahead: Index, *sums: SSAValue) -> Sequence[SSAValue]:
                    return self.multiply(i, rows, j, valid, (*at, add(k, ahead)), sums)

                return for_loop(0, count, 1, step, carried, unroll=True)

            return trip

        whole = extent // STEPS * STEPS if isinstance(extent, int) else 0
        accumulators = for_loop(0, whole, STEPS, steps(STEPS), accumulators)
        # what is left over is less than a trip: no loop
        left = extent - whole if isinstance(extent, int) and whole else 1
        return for_loop(whole, extent, left, steps(left), accumulators)

    def multiply(
        self,
        i: Index,
        rows: int,
        j: Index,
        valid: Sequence[SSAValue | int | None],
        at: tuple[Index, ...],
        accumulators: Sequence[SSAValue],
    ) -> list[SSAValue]:
        """acc[r, v] += A[batch, i+r, k] * B[batch, k, j+v]: one step of k."""
        *batch, k = at
        if self.across:
            PrefetchOp(self.a, [value(x) for x in (*batch, add(i, self.across), k)])
        columns = self.row_of_b(j, valid, at)
        out: list[SSAValue] = []
        for r in range(rows):
            row = add(i, r)
            index = (*batch, k, row) if self.transposed[0] else (*batch, row, k)
            for v, a in enumerate(self.factors(index, j, valid)):
                acc = accumulators[r * len(columns) + v]
                out.append(vector.FMAOp(a, columns[v], acc).res)
        return out

    def row_of_b(
        self, j: Index, valid: Sequence[SSAValue | int | None], at: tuple[Index, ...]
    ) -> list[SSAValue]:
        """B[batch, k, j+v], out of the copy of its panel or as it lies."""
        places = [(*at, v * self.lanes) for v in range(len(valid))]
        if self.panel is not None and self.panel_is_full:
            return [self.load(self.panel, place, None) for place in places]
        *batch, k = at
        if self.prefetches:
            ahead = (*batch, add(k, PREFETCH_ROWS), j)
            prefetch_lines(self.b, ahead, len(valid) * self.lanes)
        columns: list[SSAValue] = []
        for v, lanes in enumerate(valid):
            col = add(j, v * self.lanes)
            index = (*batch, col, k) if self.transposed[1] else (*batch, k, col)
            dim = -2 if self.transposed[1] else -1
            columns.append(
                load_vector(self.b, [value(x) for x in index], self.lanes, lanes, dim)
            )
        if self.panel is not None:
            for column, place in zip(columns, places, strict=True):
                store_vector(column, self.panel, [value(x) for x in place])
        return columns

    def factors(
        self, index: Sequence[Index], j: Index, valid: Sequence[SSAValue | int | None]
    ) -> list[SSAValue]:
        """What a row of A multiplies each vector of B with: the same scalar in all
        lanes, or, where a has a matrix for each column, as many elements of its own."""
        if self.op.has_matrix_per_column:
            return [
                self.load(self.a, (*index, add(j, v * self.lanes)), lanes)
                for v, lanes in enumerate(valid)
            ]
        scalar = memref.LoadOp.get(self.a, [value(x) for x in index]).res
        return [vector.BroadcastOp(scalar, self.vector).vector] * len(valid)

    def splat(self, number: float) -> SSAValue:
        """A vector of one number."""
        return splat(number, self.element, self.lanes)

    def apply_epilogue(
        self, acc: SSAValue, i: Index, j: Index, valid: SSAValue | int | None
    ) -> SSAValue:
        """The epilogue on one vector of accumulators, still in its register."""
        if self.op.epilogue is None:
            return acc
        values = [acc, *(self.load(extra, (i, j), valid) for extra in self.extras)]
        body = self.op.epilogue.block
        return vectorise_body(
            body, dict(zip(body.args, values, strict=True)), self.lanes
        )[0]
