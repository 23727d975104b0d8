"""Loops and branches that are decided when the program runs: scf on tensors.

    state, rows = Loop(b, trips=5).of([h], body)      # body(number, [h]) -> Trip
    y, = branch(b, condition, lambda: [x], lambda: [b.map(lambda x: -x, x)])

What a region builds stays in it; constants are made once, outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects import arith, scf, tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, IndexType, TensorType, i1, i64
from xdsl.ir import Block, Region, SSAValue

from brdialect.errors import BrError
from frontends.array_builder import Shape, Tensor
from frontends.array_sums import Builder
from frontends.elements import element_type


@dataclass(frozen=True)
class Trip:
    """What the body of a loop makes: whether to go on (None: always), the state of the
    next trip, and a row of each result that keeps all."""

    going: Tensor | None
    state: Sequence[Tensor]
    rows: Sequence[Tensor] = ()


Body = Callable[[SSAValue, Sequence[Tensor]], Trip]
"""(the trip's number, an index; the state) -> the trip"""


@dataclass(frozen=True)
class Rows:
    """How the rows of a result lie: along which axis, and whether the last is first."""

    axis: int = 0
    backwards: bool = False

    def of(self, row: Tensor) -> Rows:
        """With the axis counted from the front."""
        rank = row.rank + 1
        if not -rank <= self.axis < rank:
            raise BrError(f"expected an axis of {rank} dimensions, got {self.axis}")
        return Rows(self.axis % rank, self.backwards)


def type_of(x: Tensor) -> TensorType:
    """Its type in MLIR."""
    return TensorType(element_type(x.dtype), x.shape)


def number(b: Builder, x: Tensor) -> SSAValue:
    """The one element of a tensor, as a scalar."""
    return b.tensors.insert(
        tensor.ExtractOp(b.value(b.reshape(x, ())), [], element_type(x.dtype))
    )


def index(b: Builder, x: Tensor) -> SSAValue:
    """The one integer of a tensor, as an index."""
    return b.tensors.insert(arith.IndexCastOp(number(b, x), IndexType()))


def counter(b: Builder, at: SSAValue) -> Tensor:
    """An index as a tensor of one int64."""
    value = b.tensors.insert(arith.IndexCastOp(at, i64))
    type_ = TensorType(i64, ())
    made = b.tensors.insert(
        tensor.FromElementsOp.create(operands=[value], result_types=[type_])
    )
    return Tensor((), np.dtype(np.int64), made)


def row(b: Builder, x: Tensor, axis: int, at: SSAValue, backwards: bool) -> Tensor:
    """x at position `at` of an axis, counted from the end where it goes backwards."""
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    if 0 in shape:
        return Tensor(shape, x.dtype, b.tensors.empty(shape, element_type(x.dtype)))
    at = turned(b, at, x.shape[axis]) if backwards else at
    starts = [at if d == axis else 0 for d in range(x.rank)]
    sizes = [1 if d == axis else n for d, n in enumerate(x.shape)]
    type_ = TensorType(element_type(x.dtype), shape)
    made = b.tensors.insert(
        tensor.ExtractSliceOp(b.value(x), starts, sizes, [1] * x.rank, type_)
    )
    return Tensor(shape, x.dtype, made)


def turned(b: Builder, at: SSAValue, count: int) -> SSAValue:
    """count - 1 - at"""
    last = b.tensors.constant(count - 1, IndexType())
    return b.tensors.insert(arith.SubiOp(last, at))


def branch(
    b: Builder,
    condition: Tensor,
    then: Callable[[], Sequence[Tensor]],
    otherwise: Callable[[], Sequence[Tensor]],
) -> list[Tensor]:
    """The results of one of two functions, whichever the condition asks for."""
    chosen = number(b, condition)
    blocks = Block(), Block()
    found: list[Sequence[Tensor]] = []
    for block, make in zip(blocks, (then, otherwise), strict=True):
        with b.tensors.inside(block):
            found.append(make())
            b.tensors.append(scf.YieldOp(*(b.value(x) for x in found[-1])))
    for yes, no in zip(*found, strict=True):
        if (yes.shape, yes.dtype) != (no.shape, no.dtype):
            raise BrError(
                "expected branches with results of one shape and type, because the "
                f"condition is computed, got {yes} and {no}"
            )
    types = [type_of(x) for x in found[0]]
    op = scf.IfOp(chosen, types, Region(blocks[0]), Region(blocks[1]))
    b.tensors.append(op)
    return [
        Tensor(x.shape, x.dtype, made)
        for x, made in zip(found[0], op.results, strict=True)
    ]


@dataclass(frozen=True)
class Loop:
    """A loop of some trips, as long as conditions hold."""

    b: Builder
    trips: int | SSAValue | None
    """None: as many as conditions ask for."""
    start: Tensor | None = None
    """Whether there is a first trip; None: there is."""
    rows: Sequence[Rows] = field(default_factory=tuple[Rows])
    """Of those results that keep all rows: a loop of a known number of trips."""

    def of(
        self, state: Sequence[Tensor], body: Body
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The last state, and the results that keep the rows of all trips."""
        b = self.b
        block = Block(arg_types=[IndexType(), *map(type_of, state)])
        given = [
            Tensor(x.shape, x.dtype, argument)
            for x, argument in zip(state, block.args[1:], strict=True)
        ]
        with b.tensors.inside(block):
            trip = body(block.args[0], given)
        check_state(state, trip.state)
        kept = self.shapes(trip)
        if self.trips == 0:
            return list(state), [self.empty(x, shape) for x, shape in kept]
        starts = [self.empty(x, shape) for x, shape in kept]
        with b.tensors.inside(block):
            values = [b.value(x) for x in trip.state]
            for (x, shape), (_, how) in zip(kept, self.kept(trip), strict=True):
                into = block.insert_arg(
                    TensorType(element_type(x.dtype), shape), len(block.args)
                )
                values.append(self.put(x, into, block.args[0], how, shape))
        inits = [b.value(x) for x in (*state, *starts)]
        results = self.emit(block, inits, values, trip.going)
        made = [
            x if x.made is value else Tensor(x.shape, x.dtype, value)
            for x, value in zip((*state, *starts), results, strict=True)
        ]
        return made[: len(state)], made[len(state) :]

    def shapes(self, trip: Trip) -> list[tuple[Tensor, Shape]]:
        """A row of each result that keeps all, and the result's shape."""
        if not self.rows:
            return []
        if trip.going is not None or self.start is not None:
            raise BrError(
                "expected no results that keep a row of each trip, because the "
                "condition is computed and with it their size; only results of the "
                "last trip are supported then"
            )
        if not isinstance(self.trips, int):
            raise BrError(
                "expected a number of trips that is known when the model is compiled, "
                "because results keep a row of each trip, got a computed one"
            )
        return [
            (x, (*x.shape[: how.axis], self.trips, *x.shape[how.axis :]))
            for x, how in self.kept(trip)
        ]

    def kept(self, trip: Trip) -> list[tuple[Tensor, Rows]]:
        """The rows that are kept, and where."""
        return [(x, how.of(x)) for x, how in zip(trip.rows, self.rows, strict=True)]

    def empty(self, x: Tensor, shape: Shape) -> Tensor:
        """An unwritten tensor of x's elements."""
        made = self.b.tensors.empty(shape, element_type(x.dtype))
        return Tensor(shape, x.dtype, made)

    def put(
        self, x: Tensor, into: SSAValue, at: SSAValue, how: Rows, shape: Shape
    ) -> SSAValue:
        """A result with the row of this trip."""
        if 0 in x.shape:
            return into
        at = turned(self.b, at, shape[how.axis]) if how.backwards else at
        sizes = [1 if d == how.axis else n for d, n in enumerate(shape)]
        starts = [DYNAMIC_INDEX if d == how.axis else 0 for d in range(len(shape))]
        return self.b.tensors.insert(
            tensor.InsertSliceOp.get(
                self.b.value(x), into, sizes, starts, [1] * len(shape), [at]
            )
        )

    def emit(
        self,
        block: Block,
        inits: Sequence[SSAValue],
        values: Sequence[SSAValue],
        going: Tensor | None,
    ) -> Sequence[SSAValue]:
        """The loop; its results. What no trip changes is not carried."""
        same: dict[SSAValue, SSAValue] = {
            argument: init
            for argument, v, init in zip(block.args[1:], values, inits, strict=True)
            if v is argument
        }
        for argument in block.args[1:]:
            if argument in same:
                argument.replace_all_uses_with(same[argument])
                block.erase_arg(argument)
        new = [same.get(v, v) for v in values]
        changed = [i for i, v in enumerate(values) if v not in same]
        if going is not None and going.made is not None and going.made in same:
            going = Tensor(going.shape, going.dtype, same[going.made])
        carried = [inits[i] for i in changed], [new[i] for i in changed]
        if going is None and self.start is None and self.trips is not None:
            made = self.counted(block, *carried)
        else:
            made = self.conditional(block, *carried, going)
        results = list(inits)
        for i, value in zip(changed, made, strict=True):
            results[i] = value
        return results

    def counted(
        self, block: Block, inits: Sequence[SSAValue], values: Sequence[SSAValue]
    ) -> Sequence[SSAValue]:
        """scf.for"""
        assert self.trips is not None
        with self.b.tensors.inside(block):
            self.b.tensors.append(scf.YieldOp(*values))
        low, step = self.constant(0), self.constant(1)
        op = scf.ForOp(low, self.bound(), step, inits, Region(block))
        return self.b.tensors.append(op).results

    def conditional(
        self,
        block: Block,
        inits: Sequence[SSAValue],
        values: Sequence[SSAValue],
        going: Tensor | None,
    ) -> Sequence[SSAValue]:
        """scf.while over the trip's number, the condition and the state"""
        b = self.b
        types = [v.type for v in inits]
        bound = None if self.trips is None else self.bound()
        yes = b.tensors.constant(1, i1)
        first = yes if self.start is None else number(b, self.start)
        zero, one = self.constant(0), self.constant(1)
        test = Block(arg_types=[IndexType(), i1, *types])
        at, go, *state = test.args
        with b.tensors.inside(test):
            if bound is not None:
                more = b.tensors.insert(arith.CmpiOp(at, bound, "slt"))
                go = b.tensors.insert(arith.AndIOp(go, more))
            b.tensors.append(scf.ConditionOp(go, at, *state))
        with b.tensors.inside(block):
            following = b.tensors.insert(arith.AddiOp(block.args[0], one))
            on = yes if going is None else number(b, going)
            b.tensors.append(scf.YieldOp(following, on, *values))
        op = scf.WhileOp(
            [zero, first, *inits],
            [IndexType(), *types],
            Region(test),
            Region(block),
        )
        return b.tensors.append(op).results[1:]

    def bound(self) -> SSAValue:
        """The number of trips."""
        assert self.trips is not None
        return self.constant(self.trips) if isinstance(self.trips, int) else self.trips

    def constant(self, value: int) -> SSAValue:
        """An index."""
        return self.b.tensors.constant(value, IndexType())


def check_state(old: Sequence[Tensor], new: Sequence[Tensor]) -> None:
    """A tensor in memory does not grow from trip to trip."""
    for i, (x, y) in enumerate(zip(old, new, strict=True)):
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            raise BrError(
                "expected a state whose shapes and types are the same in each trip, "
                f"got {x} and then {y} for value {i}"
            )
