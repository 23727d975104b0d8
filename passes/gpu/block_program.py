"""What the threads of one block do for a `br.batch_reduce_gemm`: the kernel of a GPU.

the sum of products, in registers                             // block_sum.py
barrier; C's tile to shared memory; barrier
for each few elements of a row: epilogue, store
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from xdsl.dialects import arith, func, vector
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from brdialect.block_tile import EPILOGUE_PADDING, WARP, BlockTile
from brdialect.errors import unsupported
from brdialect.finish import group_of
from brdialect.gpu_ops import (
    ACCUMULATORS,
    BarrierOp,
    SharedMemoryOp,
    StoreAccumulatorsOp,
    ThreadIdOp,
    shared_type,
)
from brdialect.ops import BatchReduceGemmOp
from passes.gpu.block_problem import problem_of, tile_position
from passes.gpu.block_sum import BlockSum, Place
from passes.gpu.grid import kernel_of
from passes.gpu.tile_copy import below, both
from passes.gpu.views import Flat, flat
from passes.schedule.check_tile import kind_of
from passes.shared.build import (
    Index,
    add,
    branch,
    clone_op,
    converted,
    for_loop,
    mul,
    value,
    vector_of,
)
from passes.shared.digits import divided, modulo
from passes.shared.vectorise import splat, vectorise_body

AT_ONCE = 4
"""Pieces of C that a thread stores in one trip of the last loop: their loads wait
together."""


class BlockProgram:
    """Emits the program at the insertion point."""

    def __init__(self, op: BatchReduceGemmOp, tile: BlockTile) -> None:
        self.op, self.tile = op, tile
        a = op.shapes[0].element_type
        kind = kind_of(a, tile)
        if kind is None or op.accumulator != f32:
            unsupported(
                op,
                "expected f32, bf16 or f16 that are added up in f32 (math=exact: f32), "
                f"got {a} and {op.accumulator}",
            )
        self.kind = kind
        function = op.parent_op()
        kernel = kernel_of(function) if isinstance(function, func.FuncOp) else None
        if kernel is None or kernel.threads != tile.threads:
            unsupported(op, f"expected a kernel of {tile.threads} threads around it")
        self.grid = kernel.grid
        self.problem = problem_of(op)
        self.memories = [flat(op, v) for v in (op.a, op.b, op.c, *op.extras)]

    @property
    def m(self) -> int:
        """Rows of C."""
        return self.problem.rows[0].size

    @property
    def n(self) -> int:
        """Columns of C."""
        return self.problem.columns[0][0]

    def emit(self) -> None:
        """The whole program."""
        tile = self.tile
        self.thread = ThreadIdOp().res
        self.warp, self.lane = divided(self.thread, WARP), modulo(self.thread, WARP)
        assert isinstance(self.lane, SSAValue)
        tiles = -(-self.m // tile.m), -(-self.n // tile.n)
        down, right = tile_position(tiles, tile.order, self.grid)
        self.first_row, self.first_column = mul(down, tile.m), mul(right, tile.n)
        warps_n = tile.n // tile.warp_n
        self.warp_row = mul(divided(self.warp, warps_n), tile.warp_m)
        self.warp_column = mul(modulo(self.warp, warps_n), tile.warp_n)
        place = Place(
            self.thread,
            self.warp,
            self.lane,
            (self.first_row, self.first_column),
            (self.warp_row, self.warp_column),
        )
        total = BlockSum(
            self.op, tile, self.kind, self.problem, self.memories[:2], place
        )
        self.matrices = [box.matrix for box in total.boxes]
        accumulators = total.emit()
        BarrierOp()
        self.store_tile(accumulators)
        BarrierOp()
        self.write_out()

    # The end

    @property
    def pitch(self) -> int:
        """Elements from one row of C's tile in shared memory to the next."""
        return self.tile.n + EPILOGUE_PADDING

    def c_tile(self) -> SSAValue:
        """C's tile in shared memory, where the stages were."""
        return SharedMemoryOp(0, shared_type(f32, self.tile.m * self.pitch)).res

    def store_tile(self, accumulators: Sequence[SSAValue]) -> None:
        """The accumulators of all warps to shared memory."""
        tile, target = self.tile, self.c_tile()
        row = add(self.warp_row, divided(self.lane, 4))
        column = add(self.warp_column, mul(modulo(self.lane, 4), 2))
        start = add(mul(row, self.pitch), column)
        places = [
            i * self.pitch + j
            for i in range(0, tile.warp_m, 16)
            for j in range(0, tile.warp_n, 16)
        ]
        for place, fragment in zip(places, accumulators, strict=True):
            assert fragment.type == ACCUMULATORS
            index = value(add(start, place))
            StoreAccumulatorsOp(fragment, target, index, self.pitch)

    def lanes(self) -> int:
        """Elements of a row that a thread stores at a time."""
        lanes = 4
        for memory, rows, (extent, stride) in zip(
            self.memories[2:],
            self.problem.rows[1:],
            self.problem.columns[1:],
            strict=True,
        ):
            if stride == 0:
                continue
            whole = max(1, memory.alignment // memory.element_bytes)
            step = lanes if stride == 1 else 1
            lanes = gcd(lanes, extent, *rows.merged.strides, whole, step)
        if self.op.finish is None or self.op.epilogue is None:
            return lanes
        group = group_of(self.op.epilogue.block)
        if lanes % group or self.tile.n % group:
            unsupported(
                self.op,
                f"expected rows of C in groups of {group} that lie at multiples of "
                f"their size, for finish, got groups of {lanes}",
            )
        return group

    def write_out(self) -> None:
        """The epilogue, and C's tile to global memory."""
        tile, lanes, source = self.tile, self.lanes(), self.c_tile()
        in_row = tile.n // lanes
        pieces = tile.m * in_row
        trips = -(-pieces // tile.threads)
        at_once = gcd(trips, AT_ONCE)
        tile_memory = Flat(source, 0, 16)

        def piece(number: Index) -> None:
            row = divided(number, in_row)
            column = mul(modulo(number, in_row), lanes)
            i, j = add(self.first_row, row), add(self.first_column, column)
            valid = both(
                None if self.m % tile.m == 0 else below(i, self.m),
                None if self.n % tile.n == 0 else below(j, self.n),
            )
            if pieces % tile.threads:
                valid = both(valid, below(number, pieces))

            def store() -> None:
                at = add(mul(row, self.pitch), column)
                self.element(tile_memory.load(at, lanes), i, j, lanes)

            if valid is None:
                store()
            else:
                branch(valid, store, lambda: None)

        def trip(first: Index) -> Sequence[SSAValue]:
            def one(more: Index) -> Sequence[SSAValue]:
                step = mul(add(first, more), tile.threads)
                piece(add(step, self.thread))
                return ()

            for_loop(0, at_once, 1, one, unroll=True)
            return ()

        for_loop(0, trips, at_once, trip)

    def element(self, acc: SSAValue, i: Index, j: Index, lanes: int) -> None:
        """The epilogue on a few accumulated elements of row i from column j on."""
        op, width = self.op, None if lanes == 1 else lanes

        def factor(number: float) -> SSAValue:
            return splat(number, f32, width)

        if op.alpha_value != 1.0:
            acc = arith.MulfOp(acc, factor(op.alpha_value)).result
        if op.beta_value != 0.0:
            old = converted(self.read(0, i, j, lanes), f32)
            if op.beta_value != 1.0:
                old = arith.MulfOp(old, factor(op.beta_value)).result
            acc = arith.AddfOp(acc, old).result
        if op.epilogue is not None and op.finish is not None:
            block = op.epilogue.block
            values = [value(i), value(j), acc]
            known = dict[SSAValue, SSAValue](zip(block.args, values, strict=True))
            for inner in list(block.ops)[:-1]:
                clone_op(inner, known)
            return
        if op.epilogue is not None:
            extras = [self.read(1 + x, i, j, lanes) for x in range(len(op.extras))]
            body = op.epilogue.block
            values = [acc, *extras]
            given = dict[SSAValue, SSAValue](zip(body.args, values, strict=True))
            acc = vectorise_body(body, given, width)[0]
        acc = converted(acc, self.memories[2].element)
        self.memories[2].store(acc, self.place(0, i, j), lanes)

    def place(self, which: int, i: Index, j: Index) -> Index:
        """Where element [i, j] of c (0) or an extra (from 1 on) lies."""
        rows, (_, stride) = (
            self.problem.rows[1 + which],
            self.problem.columns[1 + which],
        )
        return add(self.memories[2 + which].offset, rows.offset(i), mul(j, stride))

    def read(self, which: int, i: Index, j: Index, lanes: int) -> SSAValue:
        """A few elements of c or an extra."""
        memory = self.memories[2 + which]
        at = self.place(which, i, j)
        if lanes > 1 and self.problem.columns[1 + which][1] == 0:
            scalar = memory.load(at)
            return vector.BroadcastOp(scalar, vector_of(scalar.type, lanes)).vector
        return memory.load(at, lanes)
