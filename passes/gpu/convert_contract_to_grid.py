"""`convert-contract-to-grid`: a contraction becomes a grid of thread blocks.

    func.func private @f(%a, %b, %c) {
      br.contract ins(%a, %b) outs(%c)            // a convolution
        {schedule = #br.schedule<"| m=c n=d k=g rows=a,b batch=e,f | block=..">}
    ->
    func.func private @f(%a, %b, %c) attributes {br.grid = 98, br.threads = 128, ..} {
      %x = memref.reinterpret_cast %a ..          // [taps.., images, lines, pixels, c]
      %y = memref.reinterpret_cast %b ..          // [taps.., c, filters]
      %z = memref.reinterpret_cast %c ..          // [images, lines, pixels, filters]
      br.batch_reduce_gemm ins(%x, %y) outs(%z) {tile = #br.tile<"block=64x64x16 ..">}

What loops around the kernel are to a CPU, the grid is to a GPU: it deals the rows and
columns of the one product out to blocks, and what is left (a batch, a group), to more
blocks. A convolution is the same strided view as ever; nothing is copied for it.

A contraction whose schedule has no `block=` (integers, f64, a depthwise convolution)
gets one thread for each element of C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd, prod

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import AnyFloat, IntegerType, MemRefType, ModuleOp
from xdsl.ir import Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.gpu_ops import BlockIdOp
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.padded_view_op import Border, PaddedViewOp
from brdialect.roles import (
    Contraction,
    Edges,
    Strides,
    edges_of,
    forms_of,
    strides_of,
)
from brdialect.schedule import Schedule
from brdialect.target import Target, gpu_of
from brdialect.xdsl_repairs import SelectOp
from passes.gpu.grid import each_element, make_kernel
from passes.gpu.tile_copy import below, both
from passes.gpu.views import BASE_ALIGNMENT, Flat, flat, one_of
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.check_tile import check_tile
from passes.shared.build import (
    Index,
    add,
    clone_block,
    converted,
    divide,
    for_loop,
    memref_type,
    mul,
    remainder,
    static_strides,
    strided_type,
    value,
)
from passes.shared.digits import divided, unravel
from passes.shared.vectorise import splat, vectorise_body

Dims = Sequence[tuple[int, Sequence[int]]]
"""For each dimension its size, and its stride in each operand."""


def merged(dims: Dims) -> Dims:
    """Neighbours as one dimension where all operands traverse them as one."""
    found: list[tuple[int, list[int]]] = []
    for size, strides in dims:
        if size == 1:
            continue
        if found and found[-1][1] == [size * s for s in strides]:
            found[-1] = (found[-1][0] * size, list(strides))
        else:
            found.append((size, list(strides)))
    return found or [(1, [0] * len(dims[0][1]) if dims else [0])]


@dataclass
class Grid:
    """Emits the kernel of one contraction on memrefs."""

    op: ContractOp
    table: Contraction
    schedule: Schedule
    strides: Sequence[Strides]
    operands: Sequence[Flat]
    edges: Sequence[Edges]
    """Beyond which a is read."""

    def extent(self, iterator: int) -> int:
        return self.table.extents[iterator]

    def step(self, number: int, iterator: int) -> int:
        """How far an iterator goes in an operand."""
        steps = self.strides[number].step
        return steps[iterator] if iterator < len(steps) else 0

    def dims(self, iterators: Sequence[int], numbers: Sequence[int]) -> Dims:
        """Some iterators as dimensions of some operands; and how far these go towards
        a's edges."""
        return [
            (
                self.extent(i),
                [
                    *(self.step(number, i) for number in numbers),
                    *(x.coefficients[i] for x in self.edges),
                ],
            )
            for i in iterators
        ]

    # Blocks

    def blocks(self) -> None:
        """The op on whole matrices; each block takes its tile of them."""
        s, tile = self.schedule, self.schedule.block
        assert tile is not None and s.n is not None
        numbers = range(len(self.operands))
        own = [i for i in (*s.rows, s.m) if i is not None]
        sums = [i for i in (*s.batch, s.k) if i is not None]
        outs, edges = [0, *numbers[2:]], len(self.edges)
        rows = merged(self.dims(own, outs) or [(1, [0] * (len(outs) + edges))])
        sum_ = merged(self.dims(sums, (0, 1)) or [(1, [0] * (2 + edges))])
        outer = [loop.iterator for loop in s.loops]
        tiles = -(-prod(n for n, _ in rows) // tile.m) * -(-self.extent(s.n) // tile.n)
        grid = tiles * prod(map(self.extent, outer))
        size = self.operands[0].element_bytes
        make_kernel(self.op, grid, tile.threads, tile.shared_bytes(size))
        position: Sequence[Index] = ()
        if outer:
            number = divided(BlockIdOp().res, tiles)
            position = unravel(number, [self.extent(i) for i in outer])
        at = dict(zip(outer, position, strict=True))
        n = self.extent(s.n)
        of_a = [*sum_[:-1], *rows, sum_[-1]]
        a = [(x, y[0]) for x, y in of_a]
        b = [(x, y[1]) for x, y in sum_] + [(n, self.step(1, s.n))]
        borders = [
            Border(x.start, tuple(y[len(y) - edges + i] for _, y in of_a), x.size)
            for i, x in enumerate(self.edges)
        ]
        views = [self.view(0, a, at, borders), self.view(1, b, at)]
        for place, number in enumerate(outs[1:], 1):
            shape = [(x, y[place]) for x, y in rows]
            shape.append((n, self.step(number, s.n)))
            views.append(self.view(number, shape, at))
        epilogue = self.op.epilogue
        gemm = BatchReduceGemmOp(
            *views[:3],
            extras=views[3:],
            epilogue=None if epilogue is None else Region(clone_block(epilogue.block)),
            beta=self.op.beta_value,
            tile=tile,
        )
        gemm.location = self.op.location

    def view(
        self,
        number: int,
        shape: Sequence[tuple[int, int]],
        at: Mapping[int, Index],
        borders: Sequence[Border] = (),
    ) -> SSAValue:
        """An operand, of what the outer loops run over that which is at a position."""
        source = self.operands[number]
        shift = self.shift if borders else 0
        start = self.strides[number].constant - shift
        moving = {i: x for i, x in at.items() if self.step(number, i)}
        outer = [(self.extent(i), self.step(number, i)) for i in moving]
        offset = add(source.offset, start)
        known = source.offset if isinstance(source.offset, int) else 0
        steps = [step for _, step in outer]
        whole = gcd(known + start, shift, *steps) * source.element_bytes
        if not isinstance(source.offset, int):
            whole = gcd(whole, source.alignment)
        sizes, strides = zip(*outer, *shape, strict=True)
        type_ = strided_type(
            source.element, sizes, strides, offset if isinstance(offset, int) else None
        )
        if borders:
            to_edges = [tuple(x.coefficients[i] for i in moving) for x in self.edges]
            pairs = zip(borders, to_edges, strict=True)
            every = [replace(x, steps=(*more, *x.steps)) for x, more in pairs]
            where = None if isinstance(offset, int) else offset
            view = PaddedViewOp(source.memory, where, shift, every, type_).res
        else:
            view = memref.ReinterpretCastOp.from_dynamic(
                source.memory, [offset], list(sizes), list(strides), type_
            ).result
        if outer:
            view = one_of(view, list(moving.values()))
        return memref.AssumeAlignmentOp(view, gcd(whole, BASE_ALIGNMENT)).result

    @property
    def shift(self) -> int:
        """How far a begins before the elements number 0 at its edges."""
        dims = static_strides(self.op, self.op.a.type)[0]
        return sum(x.start * dims[x.dimension] for x in self.edges)

    # Threads

    def elements(self) -> None:
        """One thread for each element of C."""
        s = self.schedule
        its = [loop.iterator for loop in s.loops]
        its += [i for i in (*s.rows, s.m, s.n) if i is not None]
        extents = [self.extent(i) for i in its]

        def element(index: Index) -> None:
            digits = unravel(index, extents, prod(extents))
            self.element(dict(zip(its, digits, strict=True)))

        each_element(self.op, prod(extents), element)

    def element(self, at: Mapping[int, Index]) -> None:
        """One element of C: the sum, the epilogue, the store."""
        zero = self.op.beta_value == 0.0
        sum_type = self.op.accumulator
        start = splat(0, sum_type, None) if zero else self.widened(self.load(2, at))
        sums = [i for i in (*self.schedule.batch, self.schedule.k) if i is not None]
        total = self.total(sums, at, start)
        if self.op.epilogue is not None:
            extras = [self.load(3 + i, at) for i in range(len(self.op.extras))]
            body = self.op.epilogue.block
            values = [total, *extras]
            given = dict[SSAValue, SSAValue](zip(body.args, values, strict=True))
            total = vectorise_body(body, given, None)[0]
        if isinstance(self.op.accumulator, AnyFloat):
            total = converted(total, self.operands[2].element)
        self.operands[2].store(total, self.place(2, at))

    def total(
        self, sums: Sequence[int], at: Mapping[int, Index], start: SSAValue
    ) -> SSAValue:
        """`start` and all products over some iterators."""
        if not sums:
            x, y = (self.widened(self.load(number, at)) for number in (0, 1))
            if isinstance(start.type, IntegerType):
                return arith.AddiOp(start, arith.MuliOp(x, y).result).result
            return arith.AddfOp(start, arith.MulfOp(x, y).result).result

        def body(iv: Index, acc: SSAValue) -> Sequence[SSAValue]:
            return [self.total(sums[1:], {**at, sums[0]: iv}, acc)]

        return for_loop(0, self.extent(sums[0]), 1, body, [start])[0]

    def widened(self, x: SSAValue) -> SSAValue:
        """An element in the type of the sum."""
        want = self.op.accumulator
        return x if x.type == want else converted(x, want)

    def load(self, number: int, at: Mapping[int, Index]) -> SSAValue:
        """An element; 0 beyond the edges of a."""
        place, valid = self.place(number, at), None
        for x in self.edges if number == 0 else ():
            steps = (mul(at[i], c) for i, c in enumerate(x.coefficients) if c)
            valid = both(valid, below(add(x.start, *steps), x.size))
        if valid is None:
            return self.operands[number].load(place)
        found = self.operands[number].load(
            SelectOp(valid, value(place), value(0)).result
        )
        return SelectOp(valid, found, splat(0, found.type, None)).result

    def place(self, number: int, at: Mapping[int, Index]) -> Index:
        """Where an operand's element lies; in panels, by whole ones and inside one."""
        strides = self.strides[number]
        terms: list[Index] = [self.operands[number].offset, strides.constant]
        for i, x in at.items():
            panel = strides.block[i] if i < len(strides.block) else None
            if panel is None:
                terms.append(mul(x, self.step(number, i)))
            else:
                terms.append(mul(divide(x, panel), strides.jump[i] * panel))
                terms.append(mul(remainder(x, panel), strides.step[i]))
        return add(*terms)


def lower(op: ContractOp, target: Target) -> None:
    """Emits the kernel of one contraction at the insertion point."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or op.schedule is None:
        unsupported(op, "expected a schedule; run choose-schedule first")
    schedule = op.schedule.data
    check_tile(op, table, schedule, target)
    if schedule.block is not None and schedule.block.split > 1:
        unsupported(
            op,
            f'expected no split= any more, got "{schedule}"; '
            "run share-sums on tensors first",
        )
    strides: list[Strides] = []
    operands: list[Flat] = []
    for operand, map_ in zip((op.a, op.b, op.c, *op.extras), op.maps, strict=True):
        forms = forms_of(map_)
        if forms is None:
            unsupported(
                op, f"expected sums of iterators in an indexing map, got {map_}"
            )
        type_ = memref_type(operand)
        known = strided_type(
            type_.element_type, type_.get_shape(), type_.get_strides() or (), 0
        )
        strides.append(strides_of(forms, static_strides(op, known)[0]))
        operands.append(flat(op, operand))
    edges = edges_of(table.a, memref_type(op.a).get_shape(), table.extents)
    grid = Grid(op, table, schedule, strides, operands, edges)
    if schedule.block is None:
        grid.elements()
    else:
        grid.blocks()


@dataclass(frozen=True)
class ConvertContractToGridPass(ModulePass):
    """Contractions on memrefs become kernels around `br.batch_reduce_gemm`."""

    name = "convert-contract-to-grid"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = gpu_of(op)
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if not isinstance(contract.c.type, MemRefType):
                unsupported(
                    contract, "expected memrefs, got tensors; run bufferize first"
                )
            with ImplicitBuilder(Builder(InsertPoint.before(contract))):
                lower(contract, target)
            contract.detach()
            contract.erase(safe_erase=False)
