"""The memory of a recurrence while its loops are emitted: its operands, the areas of
its scratch, and vectors in and out of them. Everything emits into the enclosing
`ImplicitBuilder`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, AnyFloat, IndexType, MemRefType
from xdsl.ir import Block, SSAValue

from brdialect.destination_op import shaped
from brdialect.errors import unsupported
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.target import Target
from passes.memory.buffers import element_bytes
from passes.recurrent.recurrence_scratch import Areas, Needs, scratch_areas
from passes.schedule.choose_schedule import AHEAD_ROWS
from passes.shared.build import (
    Index,
    add,
    for_loop,
    memref_type,
    minimum,
    mul,
    remainder,
    shape_of,
    strided_type,
    value,
)
from passes.shared.vectorise import (
    as_vector,
    iota,
    load_vector,
    store_vector,
    vectorise_body,
)


def needs_of(op: RecurrenceOp) -> Needs:
    """What the scratch has to hold."""
    return Needs(
        states=len(op.initial),
        chunk=op.blocks[0],
        element_bytes=element_bytes(shaped(op.y).element_type),
        apart=op.apart is not None,
        reset=op.reset is not None,
        gathers_x=op.batch_first is not None and op.sizes.batch > 1,
    )


SHARE = 0.4


class Work:
    """The scratch of one recurrence, and how its loops read and write memory."""

    def __init__(
        self,
        op: RecurrenceOp | RecurrenceBackwardOp,
        target: Target,
        areas: Areas,
    ):
        self.target, self.sizes = target, op.sizes
        element = shaped(op.y).element_type
        assert isinstance(element, AnyFloat)
        self.element = element
        self.lanes = target.lanes(element_bytes(element))
        places, size = areas
        got = memref_type(op.scratch).get_shape()[0]
        if got < size:
            unsupported(op, f"expected {size} bytes of scratch, got {got}")
        self.areas = {
            name: memref.ViewOp(
                op.scratch, value(area.offset), (), MemRefType(element, area.shape)
            ).result
            for name, area in places.items()
        }

    def load(self, source: SSAValue, *at: Index) -> SSAValue:
        """A vector."""
        return load_vector(source, [value(i) for i in at], self.lanes)

    def store(self, x: SSAValue, target: SSAValue, *at: Index) -> None:
        """The counterpart of `load`."""
        store_vector(x, target, [value(i) for i in at])

    def view(
        self,
        source: SSAValue,
        offset: Index,
        shape: Sequence[int],
        strides: Sequence[int],
    ) -> SSAValue:
        """A strided view from `offset` on, in elements."""
        known = offset if isinstance(offset, int) else None
        type_ = strided_type(self.element, shape, strides, known)
        return memref.ReinterpretCastOp.from_dynamic(
            source, [offset], list(shape), list(strides), type_
        ).result

    def fetches_ahead(self, weights: SSAValue, rows: int) -> bool:
        """Whether the panel of the weights that comes next should be asked for: they
        come from behind the L2 each time (half of it is theirs, since W, R and what the
        cell reads take turns), and there is work meanwhile."""
        size = prod(shape_of(weights)) * element_bytes(self.element)
        return rows >= AHEAD_ROWS and size > self.target.l2 // 2

    def ahead(
        self, weights: SSAValue, at: Index, size: int, rows: int
    ) -> list[SSAValue]:
        """What the product of some rows should ask for: the part of the weights that
        comes next (2048 units, 168 sequences: 1.16 times as fast)."""
        if not self.fetches_ahead(weights, rows):
            return []
        place = minimum(at, prod(shape_of(weights)) - size)
        return [self.view(weights, place, (size,), (1,))]

    def apply(self, block: Block, values: Sequence[SSAValue]) -> list[SSAValue]:
        """A region on vectors."""
        arguments = dict[SSAValue, SSAValue](zip(block.args, values, strict=False))
        return vectorise_body(block, arguments, self.lanes)

    def is_running(self, lengths: SSAValue, row: Index, time: Index) -> SSAValue:
        """Whether the sequence of a row has not ended at a time."""
        length = memref.LoadOp.get(lengths, [value(row)]).res
        steps = arith.IndexCastOp(length, IndexType()).result
        return arith.CmpiOp(value(time), steps, "slt").result

    def valid(self, unit: Index) -> SSAValue:
        """Which lanes from a unit on are units at all."""
        bound = as_vector(value(self.sizes.units), self.lanes)
        lanes = iota(value(unit), self.lanes)
        return arith.CmpiOp(lanes, bound, "slt").result


class Memory(Work):
    """What the loops of one recurrence read and write."""

    def __init__(self, op: RecurrenceOp, target: Target):
        self.op = op
        super().__init__(op, target, scratch_areas(op.sizes, needs_of(op)))

    @cached_property
    def steps(self) -> Index:
        """T."""
        if self.sizes.steps != DYNAMIC_INDEX:
            return self.sizes.steps
        dim = 0 if self.op.batch_first is None else 1
        return memref.DimOp(self.op.x, value(dim)).result

    @property
    def states(self) -> list[SSAValue]:
        """The states, h first."""
        others = [self.areas[f"state {i}"] for i in range(1, len(self.op.initial))]
        return [self.areas["h"], *others]

    def copy_states(self, first: Index, rows: int, into_scratch: bool) -> None:
        """Some rows of the initial states in, or of the final ones out."""
        outside = self.op.initial if into_scratch else self.op.finals
        buffer: Index = 0 if into_scratch else remainder(self.steps, 2)

        def row(n: Index) -> Sequence[SSAValue]:
            n = add(first, n)
            for own, other in zip(self.states, outside, strict=True):
                place = [buffer, n] if len(shape_of(own)) == 3 else [n]
                ends = (other, [n]), (own, place)
                (source, at), (target, to) = ends if into_scratch else ends[::-1]
                self.copy_row(source, at, target, to, self.sizes.units)
            return ()

        for_loop(0, rows, 1, row)

    def copy_row(
        self,
        source: SSAValue,
        at: Sequence[Index],
        target: SSAValue,
        to: Sequence[Index],
        size: int,
    ) -> None:
        """`target[to.., :size] = source[at.., :size]`."""

        def move(j: Index, valid: int | None = None) -> Sequence[SSAValue]:
            x = load_vector(source, [value(i) for i in (*at, j)], self.lanes, valid)
            store_vector(x, target, [value(i) for i in (*to, j)], valid)
            return ()

        rest = size % self.lanes
        for_loop(0, size - rest, self.lanes, move)
        if rest:
            move(size - rest, rest)

    def input_rows(self, time: Index, steps: int, first: Index, rows: int) -> SSAValue:
        """x of some steps and rows of the batch as `[steps, rows, C]`."""
        s = self.sizes
        if "x" in self.areas:
            source, begin, start = self.areas["x"], 0, 0
            strides: Sequence[int] = (s.batch * s.inputs, s.inputs, 1)
            self.gather(time, steps, first, rows)
        else:
            source, begin = self.op.x, time
            strides, start = self.x_strides()
        offset = add(start, mul(begin, strides[0]), mul(first, strides[1]))
        return self.view(source, offset, (steps, rows, s.inputs), strides)

    def x_strides(self) -> tuple[Sequence[int], int]:
        """Of x as `[T, N, C]`, which may be a slice of a larger tensor, and the offset,
        in elements. Sequences that lie together are one here (others are gathered): how
        far they lie apart, which nobody knows where T is open, does not matter."""
        type_ = memref_type(self.op.x)
        known, offset = list(type_.get_strides() or [None]), type_.get_offset()
        if self.op.batch_first is not None:
            known[:2] = [known[1], known[1]]
        strides = [n for n in known if n is not None]
        if len(strides) < len(known) or offset is None:
            unsupported(self.op, f"expected known strides of x, got {type_}")
        return strides, offset

    def gather(self, time: Index, steps: int, first: Index, rows: int) -> None:
        """Copies x of sequences that lie together to where time comes first."""
        s = self.sizes

        def sequence(n: Index) -> Sequence[SSAValue]:
            n = add(first, n)

            def step(t: Index) -> Sequence[SSAValue]:
                to = [add(mul(t, s.batch), n)]
                at = [n, add(time, t)]
                self.copy_row(self.op.x, at, self.areas["x"], to, s.inputs)
                return ()

            for_loop(0, steps, 1, step)
            return ()

        for_loop(0, rows, 1, sequence)
