"""Which tensors share memory, and where in the arena it lies: plain bookkeeping.

Every tensor value lives in a buffer. A buffer is an argument, a result (an argument of
the lowered function), a constant, or a piece of the arena that is reused when its last
reader is through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from xdsl.dialects import memref, scf, tensor
from xdsl.dialects.builtin import IndexType, IntegerType, MemRefType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from brdialect.errors import BrError
from passes.llvm.types import FLOATS
from passes.shared.build import add, mul, value

_WIDTHS = (1, 8, 16, 32, 64)

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""

ARENA = "br.arena"
"""Marks the argument that is the arena: of open size, as `array<i64: bytes, bytes of
each step of time>`."""

RESULT = "br.result"
"""Marks the arguments that a result is written to."""

VIEWS = (
    tensor.ExpandShapeOp,
    tensor.CollapseShapeOp,
    tensor.CastOp,
    tensor.ExtractSliceOp,
    tensor.ReshapeOp,
)
"""Ops whose result shows (part of) their source's memory."""

CONTROL = (scf.ForOp, scf.IfOp, scf.WhileOp)
"""Ops whose regions work on tensors, in an order that they decide."""


def is_strided(v: SSAValue) -> bool:
    """Whether the value may be a part of its buffer with gaps."""
    owner = v.owner
    if isinstance(owner, tensor.ExtractSliceOp):
        return True
    return isinstance(owner, tensor.CastOp) and is_strided(owner.source)


class Kind(Enum):
    """Who owns a buffer."""

    ARGUMENT = "argument"
    RESULT = "result"
    CONSTANT = "constant"
    ARENA = "arena"


@dataclass(eq=False)
class Trips:
    """The memory of a loop whose trips are shared among threads: a part for each."""

    whole: Buffer
    count: int
    bytes: int = 0
    """Of a part."""

    memory: SSAValue | None = None
    """All parts, as bytes."""

    trip: SSAValue | None = None
    """Its number."""


@dataclass(eq=False)
class Buffer:
    """One piece of memory and the tensor values that live in it: `size` bytes, or if it
    `grows`, as many for each step of time."""

    kind: Kind
    size: int
    grows: bool
    start: int
    values: list[SSAValue] = field(default_factory=list[SSAValue])
    end: int = 0
    offset: int = 0
    memory: SSAValue | None = None
    trips: Trips | None = None
    """Of the loop in whose trips each has its own."""

    @property
    def writable(self) -> bool:
        """Whether a later op may overwrite it."""
        return self.kind in (Kind.ARENA, Kind.RESULT)


@dataclass(frozen=True)
class Arena:
    """A function's arena. Buffers of known size lie in its `fixed` bytes; behind them
    those that grow, each at `steps` times its offset."""

    memory: SSAValue
    fixed: int
    steps: SSAValue | None

    def piece(self, buffer: Buffer, want: MemRefType) -> SSAValue:
        """The memref of a buffer."""
        if (trips := buffer.trips) is not None:
            assert trips.memory is not None and trips.trip is not None
            start = value(add(mul(trips.trip, trips.bytes), buffer.offset))
            return memref.ViewOp(trips.memory, start, (), want).result
        if not buffer.grows:
            return memref.ViewOp(self.memory, value(buffer.offset), (), want).result
        assert self.steps is not None
        start = value(add(mul(self.steps, buffer.offset), self.fixed))
        return memref.ViewOp(self.memory, start, (self.steps,), want).result


class Liveness:
    """When each tensor value of a function is read for the last time, views included.

    Ops are numbered in the order of the text, those in loops and branches, too. What is
    read in a region that it was not made in is read until the region's op is through: a
    loop may come back to it.
    """

    def __init__(self, block: Block):
        self.index: dict[Operation, int] = {}
        self.ends: dict[Operation, int] = {}
        """The number of the last op inside, or of the op itself."""
        self._last: dict[SSAValue, int] = {}
        self._number(block, 0)

    def _number(self, block: Block, number: int) -> int:
        """Numbers the ops of a block from `number` on; the next number."""
        for op in block.ops:
            self.index[op] = self.ends[op] = number
            number += 1
            if isinstance(op, CONTROL):
                for region in op.regions:
                    for inner in region.blocks:
                        number = self._number(inner, number)
                self.ends[op] = number
                number += 1
        return number

    def position(self, op: Operation, value: SSAValue) -> int:
        """When `op`, which uses the value, is through with it."""
        owner = value.owner
        block = owner if isinstance(owner, Block) else owner.parent
        current = op
        while current.parent is not block:
            parent = current.parent_op()
            assert parent is not None
            current = parent
        # what a loop begins with is read when it begins
        return self.index[op] if current is op else self.ends[current]

    def last_use(self, value: SSAValue) -> int:
        """The position of the last op that reads the value or a view of it."""
        if value not in self._last:
            last = -1
            for use in value.uses:
                last = max(last, self.position(use.operation, value))
                if isinstance(use.operation, VIEWS):
                    last = max(last, self.last_use(use.operation.results[0]))
            self._last[value] = last
        return self._last[value]

    def free_after(self, buffer: Buffer, position: int) -> bool:
        """Whether nothing after `position` reads what the buffer holds now."""
        return all(self.last_use(v) <= position for v in buffer.values)


def plan_arena(buffers: Iterable[Buffer]) -> tuple[int, int]:
    """Gives each arena buffer an offset such that buffers alive together do not
    overlap; returns the bytes of those of known size, and behind these, for each step
    of time, the bytes of those that grow."""
    arena = [b for b in buffers if b.kind is Kind.ARENA and b.size]
    inside: dict[Trips, list[Buffer]] = {}
    for buffer in arena:
        if buffer.trips is not None:
            inside.setdefault(buffer.trips, []).append(buffer)
    for trips, own in inside.items():
        trips.bytes = _plan(own)
        trips.whole.size = trips.count * trips.bytes
    arena = [b for b in arena if b.trips is None]
    arena += [trips.whole for trips in inside]
    return (
        _plan([b for b in arena if not b.grows]),
        _plan([b for b in arena if b.grows]),
    )


def _plan(buffers: Sequence[Buffer]) -> int:
    """Largest first into the lowest gap; returns the bytes needed."""
    placed: list[Buffer] = []
    total = 0
    for buffer in sorted(buffers, key=lambda b: (-b.size, b.start)):
        together = sorted(
            (p for p in placed if p.start <= buffer.end and buffer.start <= p.end),
            key=lambda p: p.offset,
        )
        offset = 0
        for other in together:
            if offset + buffer.size <= other.offset:
                break
            offset = max(offset, _round_up(other.offset + other.size))
        buffer.offset = offset
        placed.append(buffer)
        total = max(total, _round_up(offset + buffer.size))
    return total


def _round_up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def element_bytes(element: Attribute) -> int:
    """The bytes of one element in memory; an i1 takes a byte, an index eight."""
    if isinstance(element, IndexType):
        return 8
    if isinstance(element, IntegerType) and element.width.data in _WIDTHS:
        return max(1, element.width.data // 8)
    if isinstance(element, FLOATS):
        return element.size
    raise BrError(
        "expected tensors of f16, bf16, f32, f64, index, i1, i8, i16, i32 or i64, got "
        f"elements {element}"
    )
