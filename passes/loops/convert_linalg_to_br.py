"""`convert-linalg-to-br`: the macro-kernel, the one place where loops are made.

    br.contract ins(%a, %b) outs(%c)
      {schedule = #br.schedule<"A256 c256 b16 | m=a n=b k=c | ..">}
    ->
    scf.parallel %i = 0 to 1024 step 256 {                   // A256
      scf.for %l = 0 to 1024 step 256 {                      // c256
        scf.for %j = 0 to 1024 step 16 {                     // b16
          %x = memref.reinterpret_cast %a to offset: [..], sizes: [256, 256], ..
          %y = memref.reinterpret_cast %b ..
          %z = memref.reinterpret_cast %c ..
          br.batch_reduce_gemm ins(%x, %y) outs(%z)
      }}}

Every loop is a letter of the schedule. A convolution window is a strided view of the
image: its stride sits in the row stride of the view, its taps in the batch. Sizes that
do not divide end in a smaller call, chosen by `scf.if`, so that every kernel is static;
a reduction that is split over a loop starts from beta in its first step and applies the
epilogue in its last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.roles import (
    Contraction,
    Role,
    Strides,
    forms_of,
    iterators_in,
    strides_of,
)
from brdialect.schedule import Loop, Schedule
from passes.loops.nest_position import Position
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.check_schedule import check_schedule, shared_sum
from passes.shared.build import (
    Index,
    add,
    branch,
    ceil_divide,
    clone_block,
    compare,
    divide,
    for_loop,
    maximum,
    memref_type,
    minimum,
    mul,
    parallel_loop,
    remainder,
    shape_of,
    static_strides,
    strided_type,
    value,
)


@dataclass(frozen=True)
class Call:
    """One variant of the innermost call: its extents, and which ends it includes."""

    extents: dict[int, int]
    first: bool = True
    last: bool = True


@dataclass
class Nest:
    """Emits the loops of one contraction on memrefs."""

    op: ContractOp
    table: Contraction
    schedule: Schedule
    bases: Sequence[SSAValue]
    strides: Sequence[Strides]
    offsets: Sequence[Index]
    where: Position
    here: Sequence[Index] = ()

    def emit(self, loops: Sequence[Loop]) -> None:
        """The loops from the outside in, then the call."""
        if not loops:
            self.call()
        elif loops[0].parallel:
            run = parallel_run(loops)
            parallel_loop(
                [self.where.bound(loop) for loop in run],
                [loop.step for loop in run],
                lambda ivs: self.inside(run, ivs, loops[len(run) :]),
            )
        else:
            head, *rest = loops

            def body(iv: Index) -> Sequence[SSAValue]:
                self.inside([head], [iv], rest)
                return ()

            for_loop(0, self.where.bound(head), head.step, body)

    def inside(
        self, run: Sequence[Loop], ivs: Sequence[Index], rest: Sequence[Loop]
    ) -> None:
        """The body of a run of loops at `ivs`."""
        before, self.where = self.where, self.where.inside(run, ivs)
        self.emit(rest)
        self.where = before

    def call(self) -> None:
        """The batch-reduce GEMM at the current position, in as many variants as tails
        and the ends of a split reduction ask for."""
        inner = self.schedule.inner
        flags: list[tuple[SSAValue, Callable[[Call], Call]]] = []
        for i in inner:
            if tail := self.table.extents[i] % self.where.block(i):
                flags.append((self.where.reaches_end(i), _shorter(i, tail)))
        split = [i for i in self.table.having(Role.K) if self.where.is_split(i)]
        if split:
            if self.op.beta_value != 1.0:
                at_zero = [compare("eq", self.where.of(i), 0) for i in split]
                flags.append((_all(at_zero), lambda c: replace(c, first=True)))
            if self.op.epilogue is not None:
                ends = [self.where.reaches_end(i) for i in split]
                flags.append((_all(ends), lambda c: replace(c, last=True)))
        self.here = [self.offset(number) for number in range(len(self.strides))]
        whole = {i: self.where.block(i) for i in inner}
        self.dispatch(flags, Call(whole, not split, not split))

    def dispatch(
        self, flags: Sequence[tuple[SSAValue, Callable[[Call], Call]]], call: Call
    ) -> None:
        """`scf.if` over each flag around the call it chooses."""
        if not flags:
            self.gemm(call)
            return
        (condition, change), *rest = flags
        branch(
            condition,
            lambda: self.dispatch(rest, change(call)),
            lambda: self.dispatch(rest, call),
        )

    def gemm(self, call: Call) -> None:
        """The op on strided views of a, b, c and the extras."""
        s = self.schedule
        m, n = self.dimension(s.m, call), self.dimension(s.n, call)
        reduction = self.reduction(call)
        first, count = self.taps()
        in_a = [(size, step) for size, step, _ in reduction]
        in_b = [(size, step) for size, _, step in reduction]
        own = [n(0)] if self.table.column_role is Role.OUTER else []
        a = self.view(0, [*in_a[:-1], m(0), in_a[-1], *own], first)
        b = self.view(1, [*in_b, n(1)], first)
        c = self.view(2, [m(2), n(2)])
        epilogue = self.op.epilogue if call.last else None
        used = () if epilogue is None else self.op.extras
        extras = [self.view(i, [m(i), n(i)]) for i, _ in enumerate(used, start=3)]
        gemm = BatchReduceGemmOp(
            a,
            b,
            c,
            extras=extras,
            epilogue=None if epilogue is None else Region(clone_block(epilogue.block)),
            beta=self.op.beta_value if call.first else 1.0,
            count=None if count is None else value(count),
            next=self.next_of_b(prod(size for size, _ in [*in_b, n(1)])),
            register_block=s.tile,
        )
        gemm.location = self.op.location

    def taps(self) -> tuple[Index, Index | None]:
        """The first tap that the call at the current position takes, and how many, if
        it leaves out those that meet the zeros around a."""
        taps = self.schedule.skip
        window = None if taps is None else self.table.window(taps)
        if taps is None or window is None:
            return 0, None
        extent = self.table.extents[taps]
        size = shape_of(self.op.a)[window.dimension]
        place = mul(self.where.of(window.place), -window.stride)

        def taps_below(index: int) -> Index:
            """How many taps read before an index of a's dimension."""
            room = maximum(add(place, index - window.constant), 0)
            return minimum(ceil_divide(room, window.dilation), extent)

        first = taps_below(0)
        return first, add(taps_below(size), mul(first, -1))

    def next_of_b(self, used: int) -> list[SSAValue]:
        """What this call should ask for of the part of b that the loops come to next.
        All calls with one part of `used` elements share the next one among them."""
        if not self.schedule.prefetch_b:
            return []
        in_b = iterators_in(self.table.b)
        calls = 1
        shared: Index = 0
        step = used
        for loop in reversed(self.schedule.loops):
            i = loop.iterator
            if i in in_b:
                step = loop.step * _at(self.strides[1].jump, i)
                break
            outside = [s for s in self.schedule.steps(i) if s > loop.step]
            extent = min([self.table.extents[i], *outside])
            inside = self.where.of(i)
            if outside:
                inside = remainder(inside, extent)
            shared = add(shared, mul(divide(inside, loop.step), calls))
            calls *= -(-extent // loop.step)
        part = -(-used // calls)
        last = add(self.offsets[1], prod(shape_of(self.op.b)) - part)
        at = minimum(add(self.here[1], step, mul(shared, part)), last)
        known = at if isinstance(at, int) else None
        type_ = strided_type(memref_type(self.op.b).element_type, [part], [1], known)
        view = memref.ReinterpretCastOp.from_dynamic(
            self.bases[1], [at], [part], [1], type_
        )
        return [view.result]

    def dimension(
        self, iterator: int | None, call: Call
    ) -> Callable[[int], tuple[int, int]]:
        """(extent, stride in operand number) of the rows or columns."""
        if iterator is None:
            return lambda number: (1, 1)
        i = iterator
        return lambda number: (call.extents[i], _at(self.strides[number].step, i))

    def reduction(self, call: Call) -> list[tuple[int, int, int]]:
        """(extent, stride in a, stride in b) of the batch and k, outermost first;
        neighbours that lie end to end in both operands are one. Taps of which a call
        may leave out some come first, by themselves."""
        s = self.schedule
        its = [i for i in (*s.batch, s.k) if i is not None and i != s.skip]
        a, b = self.strides[0].step, self.strides[1].step
        dims = [(call.extents[i], _at(a, i), _at(b, i)) for i in its]
        merged: list[tuple[int, int, int]] = []
        for size, x, y in reversed([d for d in dims if d[0] != 1] or [(1, 1, 1)]):
            if (
                merged
                and x == merged[0][0] * merged[0][1]
                and (y == merged[0][0] * merged[0][2])
            ):
                merged[0] = (size * merged[0][0], *merged[0][1:])
            else:
                merged.insert(0, (size, x, y))
        if s.skip is not None:
            i = s.skip
            merged.insert(0, (self.table.extents[i], _at(a, i), _at(b, i)))
        return merged

    def offset(self, number: int) -> Index:
        """Where the current position lies in an operand, in elements."""
        strides = self.strides[number]
        terms: list[Index] = [self.offsets[number], strides.constant]
        for i in range(len(self.table.extents)):
            terms.append(self.distance(i, strides))
        return add(*terms)

    def distance(self, iterator: int, strides: Strides) -> Index:
        """How far an iterator has moved in an operand: in one that is packed along it,
        by whole panels, and where a call is smaller than a panel, inside one too."""
        position, jump = self.where.of(iterator), _at(strides.jump, iterator)
        panel = strides.block[iterator] if iterator < len(strides.block) else None
        if panel is None or self.where.block(iterator) % panel == 0:
            return mul(position, jump)
        return add(
            mul(divide(position, panel), jump * panel),
            mul(remainder(position, panel), strides.step[iterator]),
        )

    def view(
        self, number: int, shape: Sequence[tuple[int, int]], first: Index = 0
    ) -> SSAValue:
        """A strided view of an operand from the current position on, or from the
        `first` entry of its first dimension."""
        operand, offset = self.bases[number], self.here[number]
        offset = add(offset, mul(first, shape[0][1]))
        sizes = [size for size, _ in shape]
        steps = [stride for _, stride in shape]
        type_ = operand.type
        assert isa(type_, MemRefType)
        known = offset if isinstance(offset, int) else None
        result = strided_type(type_.element_type, sizes, steps, known)
        return memref.ReinterpretCastOp.from_dynamic(
            operand, [offset], sizes, steps, result
        ).result


def parallel_run(loops: Sequence[Loop]) -> list[Loop]:
    """The parallel loops that come first, each iterator once: one `scf.parallel`."""
    run: list[Loop] = []
    for loop in loops:
        if not loop.parallel or loop.iterator in {r.iterator for r in run}:
            break
        run.append(loop)
    return run


def _at(values: Sequence[int], i: int) -> int:
    return values[i] if i < len(values) else 0


def _shorter(iterator: int, tail: int) -> Callable[[Call], Call]:
    return lambda c: replace(c, extents={**c.extents, iterator: tail})


def _all(conditions: Sequence[SSAValue]) -> SSAValue:
    result = conditions[0]
    for c in conditions[1:]:
        result = arith.AndIOp(result, c).result
    return result


def placed(op: ContractOp, operand: SSAValue) -> tuple[SSAValue, list[int], Index]:
    """The memory an operand lies in, its strides there, and where it begins, which may
    be known at run time only."""
    type_, cast = memref_type(operand), operand.owner
    if type_.get_offset() is None and isinstance(cast, memref.ReinterpretCastOp):
        known = strided_type(
            type_.element_type, type_.get_shape(), type_.get_strides() or (), 0
        )
        return cast.source, static_strides(op, known)[0], cast.offsets[0]
    return operand, *static_strides(op, operand.type)


def lower(op: ContractOp) -> None:
    """Emits the nest of one contraction at the insertion point."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or op.schedule is None:
        unsupported(op, "expected a schedule; run choose-schedule first")
    schedule = op.schedule.data
    check_schedule(op, table, schedule)
    if shared_sum(table, schedule) is not None:
        unsupported(op, "expected no sum that threads share; run share-sums first")
    bases: list[SSAValue] = []
    strides: list[Strides] = []
    offsets: list[Index] = []
    for operand, map_ in zip((op.a, op.b, op.c, *op.extras), op.maps, strict=True):
        base, steps, offset = placed(op, operand)
        forms = forms_of(map_)
        if forms is None:
            unsupported(
                op, f"expected sums of iterators in an indexing map, got {map_}"
            )
        bases.append(base)
        strides.append(strides_of(forms, steps))
        offsets.append(offset)
    nest = Nest(op, table, schedule, bases, strides, offsets, Position(table))
    nest.emit(schedule.loops)


@dataclass(frozen=True)
class ConvertLinalgToBrPass(ModulePass):
    """Contractions on memrefs become loops around `br.batch_reduce_gemm`."""

    name = "convert-linalg-to-br"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if not isinstance(contract.c.type, MemRefType):
                unsupported(
                    contract, "expected memrefs, got tensors; run bufferize first"
                )
            with ImplicitBuilder(Builder(InsertPoint.before(contract))):
                lower(contract)
            contract.detach()
            contract.erase(safe_erase=False)
