"""A `linalg.generic` under construction that walks the iterators of another one.

A backward generic runs over the iterators of its forward generic, which may have been
cut (windows.py). `Space` says how they correspond, `Walk` collects a body and the
operands that it turns out to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import AffineMapAttr, TensorType, i32
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.linalg.named_ops import iterator_types_of
from brdialect.roles import Linear, form_of
from passes.gradients.scalar_bodies import Values
from passes.shared.build import Index, add, mul, shape_of, tensor_type, value
from passes.shared.linalg_match import maps_of


class Tape(Protocol):
    """The backward function while it is written."""

    block: Block

    def forward(self, value: SSAValue) -> SSAValue:
        """What stands for a value of the forward function: recomputed or saved. Emits
        into the function, wherever it is called from."""
        ...

    def is_kept(self, op: Operation) -> bool:
        """Whether the results of an op of the forward function lie in memory."""
        ...

    def is_active(self, value: SSAValue) -> bool:
        """Whether the value depends on what the gradient is asked for."""
        ...

    def gradient(self, value: SSAValue) -> SSAValue | None:
        """The gradient of a value, once all that reads the value has added to it."""
        ...

    def add(self, value: SSAValue, gradient: SSAValue) -> None:
        """Adds a part to the gradient of a value."""
        ...


def reductions_of(op: linalg.GenericOp) -> list[int]:
    """The iterators that reduce."""
    types = enumerate(op.iterator_types)
    return [i for i, t in types if t.data is IteratorType.REDUCTION]


def extents_of(op: linalg.GenericOp) -> tuple[int, ...]:
    """How often each iterator runs: the size of a dimension that it indexes alone."""
    found: dict[int, int] = {}
    for operand, map_ in zip(op.operands, maps_of(op), strict=True):
        if isinstance(operand.type, TensorType):
            for expr, size in zip(map_.results, shape_of(operand), strict=True):
                if isinstance(expr, AffineDimExpr):
                    found.setdefault(expr.position, size)
    if missing := set(range(len(op.iterator_types))) - set(found):
        unsupported(op, f"expected an operand dimension indexed by d{min(missing)}")
    return tuple(found[i] for i in range(len(found)))


def linear(op: Operation, expr: AffineExpr, dims: int) -> Linear:
    """A result of an indexing map, as a sum of iterators."""
    form = form_of(expr, dims)
    if not isinstance(form, Linear):
        unsupported(op, f"expected sums of iterators in an indexing map, got {expr}")
    return form


Read = Callable[[SSAValue, AffineMap], tuple[SSAValue, AffineMap]]
"""The tensor and map by which a backward generic reads what the forward one reads."""


@dataclass(frozen=True)
class Space:
    """The iterators of a backward generic."""

    extents: tuple[int, ...]
    old: tuple[Linear, ...]
    """The position in each iterator of the forward generic."""

    written: AffineMap
    """Where the result is written."""

    shape: tuple[int, ...]
    """Of the result."""

    read: Read


def same_space(op: linalg.GenericOp, written: AffineMap, shape: Sequence[int]) -> Space:
    """The iterators of the forward generic as they are."""
    extents = extents_of(op)
    identity = AffineMap.identity(len(extents)).results
    old = tuple(linear(op, e, len(extents)) for e in identity)
    return Space(extents, old, written, tuple(shape), lambda v, m: (v, m))


class Walk:
    """The body and the operands of a generic over the iterators of `space`."""

    def __init__(self, tape: Tape, op: linalg.GenericOp, space: Space) -> None:
        self.tape, self.op, self.space = tape, op, space
        self.block = Block()
        self.inputs: list[tuple[SSAValue, AffineMap]] = []
        stored = self.results() if tape.is_kept(op) else {}
        self.values = Values(
            op.body.block, self.argument, self.index, tape.forward, stored
        )

    def results(self) -> dict[SSAValue, Callable[[], SSAValue]]:
        """What the body yields, as elements of the forward generic's results, if each
        iteration here is the same one there and yields its own."""
        op, count = self.op, len(self.op.inputs)
        same = all(form.plain == i for i, form in enumerate(self.space.old))
        last = op.body.block.last_op
        if not same or reductions_of(op) or last is None:
            return {}

        def read(k: int) -> Callable[[], SSAValue]:
            map_ = maps_of(op)[count + k]
            return lambda: self.element(self.tape.forward(op.res[k]), map_)

        return {v: read(k) for k, v in enumerate(last.operands)}

    def element(self, source: SSAValue, map_: AffineMap) -> SSAValue:
        """The element of a tensor that the forward generic reads by `map_`."""
        with ImplicitBuilder(self.tape.block):
            found = self.space.read(source, map_)
        if found in self.inputs:
            return self.block.args[self.inputs.index(found)]
        return self._operand(*found)

    def _operand(self, source: SSAValue, map_: AffineMap) -> SSAValue:
        self.inputs.append((source, map_))
        element = tensor_type(source).element_type
        return self.block.insert_arg(element, len(self.inputs) - 1)

    def argument(self, position: int) -> SSAValue:
        """The element of one of the forward generic's operands."""
        source = self.tape.forward(self.op.operands[position])
        if not isinstance(source.type, TensorType):
            return source
        return self.element(source, maps_of(self.op)[position])

    def index(self, iterator: int) -> SSAValue:
        """The position in an iterator of the forward generic."""
        form = self.space.old[iterator]
        terms: list[Index] = [form.constant]
        for i in form.iterators:
            terms.append(mul(linalg.IndexOp(i).result, form.coefficients[i]))
        return value(add(*terms))

    def iteration(self) -> SSAValue:
        """The number of the forward generic's iteration among its reductions: i32."""
        extents = extents_of(self.op)
        total: Index = 0
        for i in reductions_of(self.op):
            total = add(mul(total, extents[i]), self.index(i))
        return arith.IndexCastOp(value(total), i32).result

    def finish(
        self,
        element: Attribute,
        combine: Callable[[SSAValue], SSAValue],
        start: Callable[[TensorType], SSAValue],
    ) -> SSAValue:
        """The result. `combine` takes what is accumulated so far; `start` makes the
        destination."""
        self._know_extents()
        out = self.block.insert_arg(element, len(self.inputs))
        with ImplicitBuilder(self.block):
            linalg.YieldOp(combine(out))
        type_ = TensorType(element, self.space.shape)
        maps = [*(m for _, m in self.inputs), self.space.written]
        return linalg.GenericOp(
            [v for v, _ in self.inputs],
            [start(type_)],
            Region(self.block),
            [AffineMapAttr(m) for m in maps],
            iterator_types_of(maps),
            [type_],
        ).res[0]

    def _know_extents(self) -> None:
        """An empty tensor for the iterators whose extent no operand tells, as the
        window of a pooling."""
        maps = [*(m for _, m in self.inputs), self.space.written]
        seen = [e for m in maps for e in m.results if isinstance(e, AffineDimExpr)]
        known = {e.position for e in seen}
        count = len(self.space.extents)
        if missing := [i for i in range(count) if i not in known]:
            shape = [self.space.extents[i] for i in missing]
            type_ = TensorType(self.block.args[0].type, shape)
            dims = tuple(AffineExpr.dimension(i) for i in missing)
            self._operand(tensor.EmptyOp((), type_).tensor, AffineMap(count, 0, dims))
