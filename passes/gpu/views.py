"""Operands of a kernel as flat memory and offsets into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import memref, vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i1, i64
from xdsl.ir import Attribute, Operation, SSAValue

from brdialect.errors import unsupported
from brdialect.padded_view_op import PaddedViewOp
from passes.memory.buffers import element_bytes
from passes.shared.build import (
    Index,
    add,
    memref_type,
    mul,
    shape_of,
    static_strides,
    strided_type,
    value,
    vector_of,
)
from passes.shared.digits import NO_DIGITS, Digits
from passes.shared.vectorise import load_vector, store_vector

BASE_ALIGNMENT = 16
"""Bytes: where every array that a kernel is given begins at a multiple of."""


@dataclass(frozen=True)
class Flat:
    """An operand: its memory as an array, where in it the operand begins, in elements,
    and what it is known to begin at a multiple of, in bytes.

    That it is one of many, such as a matrix of a batch, is said by `position`, which
    counts through `outer` from `first` on."""

    memory: SSAValue
    offset: Index
    alignment: int
    first: Index = 0
    outer: Digits = NO_DIGITS
    position: tuple[Index, ...] = ()
    edges: tuple[tuple[Index, int], ...] = ()
    """Beyond which there are zeros: how far the operand begins from the first element
    between two of them, and how many elements that are."""

    @property
    def element(self) -> Attribute:
        """What it holds."""
        return memref_type(self.memory).element_type

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return element_bytes(self.element)

    def load(self, index: Index, lanes: int = 1) -> SSAValue:
        """Some elements from `index` on, which lie at a multiple of their size; those
        of i1 lie in bytes, and have no vector loads."""
        if lanes == 1:
            return memref.LoadOp.get(self.memory, [value(index)]).res
        if self.element == i1:
            return load_vector(self.memory, [value(index)], lanes)
        load = vector.LoadOp(
            self.memory, [value(index)], vector_of(self.element, lanes)
        )
        align(load, lanes * self.element_bytes)
        return load.result

    def store(self, values: SSAValue, index: Index, lanes: int = 1) -> None:
        """The counterpart of `load`."""
        if lanes == 1:
            memref.StoreOp.get(values, self.memory, [value(index)])
        elif self.element == i1:
            store_vector(values, self.memory, [value(index)])
        else:
            store = vector.StoreOp(values, self.memory, [value(index)])
            align(store, lanes * self.element_bytes)


def align(op: Operation, bytes_: int) -> None:
    """Says that an access is at a multiple of `bytes_`."""
    op.attributes["alignment"] = IntegerAttr(bytes_, i64)


def flat(op: Operation, operand: SSAValue) -> Flat:
    """An operand of `op` as flat memory: an argument of a kernel, or what
    convert-contract-to-grid makes of one."""
    alignment = element_bytes(memref_type(operand).element_type)
    if isinstance(assumed := operand.owner, memref.AssumeAlignmentOp):
        alignment, operand = assumed.alignment.value.data, assumed.memref
    outer, position = NO_DIGITS, tuple[Index, ...]()
    if isinstance(view := operand.owner, memref.SubviewOp):
        outer, position = one_of_many(op, view)
        operand = view.source
    cast, type_ = operand.owner, memref_type(operand)
    first: Index | None = type_.get_offset()
    shift, edges = 0, tuple[tuple[Index, int], ...]()
    if isinstance(cast, memref.ReinterpretCastOp):
        operand, first = cast.source, cast.offsets[0] if first is None else first
    elif isinstance(cast, PaddedViewOp):
        operand, first = cast.source, cast.offset if first is None else first
        shift = cast.shift.value.data
        edges = tuple(
            (add(x.start, *(map(mul, x.steps, position))), x.size) for x in cast.borders
        )
    if first is None:
        unsupported(op, f"expected a memref of known offset, got {type_}")
    steps = zip(position, outer.strides, strict=True)
    offset = add(first, shift, *(mul(x, stride) for x, stride in steps))
    memory = as_array(op, operand)
    return Flat(memory, offset, alignment, first, outer, position, edges)


def one_of_many(
    op: Operation, view: memref.SubviewOp
) -> tuple[Digits, tuple[Index, ...]]:
    """Which one a view takes along the dimensions that it drops, the first ones."""
    extents, strides = sizes_and_strides(op, view.source)
    kept = memref_type(view.result).get_num_dims()
    dropped = len(extents) - kept
    offsets, sizes = view.static_offsets.get_values(), view.static_sizes.get_values()
    every = (0,) * kept, extents[dropped:]
    if (tuple(offsets[dropped:]), tuple(sizes[dropped:])) != every:
        unsupported(op, f"expected a view of one of many, got {view.result.type}")
    left = iter(view.offsets)
    position = tuple(
        next(left) if x == DYNAMIC_INDEX else int(x) for x in offsets[:dropped]
    )
    return Digits(tuple(extents[:dropped]), tuple(strides[:dropped])), position


def one_of(memory: SSAValue, position: Sequence[Index]) -> SSAValue:
    """A view of what is at a position along the first dimensions, without these: the
    counterpart of `one_of_many`."""
    type_ = memref_type(memory)
    shape, strides = type_.get_shape(), type_.get_strides()
    count = len(position)
    assert strides is not None
    left = len(shape) - count
    result = strided_type(type_.element_type, shape[count:], strides[count:], None)
    return memref.SubviewOp.get(
        memory,
        [*map(value, position), *[0] * left],
        [*[1] * count, *shape[count:]],
        [1] * len(shape),
        result,
    ).result


def as_array(op: Operation, memory: SSAValue) -> SSAValue:
    """A memref as one of a single dimension, from the allocation's beginning on."""
    type_ = memref_type(memory)
    strides, start = static_strides(op, type_)
    reach = [(n - 1) * s for n, s in zip(type_.get_shape(), strides, strict=True)]
    if min(reach, default=0) < 0:
        unsupported(op, f"expected memory of at least one element, got {type_}")
    size = 1 + start + sum(reach)
    if tuple(strides) == (1,) and start == 0:
        return memory
    return memref.ReinterpretCastOp.from_dynamic(
        memory, (0,), (size,), (1,), strided_type(type_.element_type, (size,), (1,), 0)
    ).result


def sizes_and_strides(
    op: Operation, operand: SSAValue
) -> tuple[tuple[int, ...], Sequence[int]]:
    """Of a memref, all of which must be known but for where it begins."""
    type_ = memref_type(operand)
    known = strided_type(
        type_.element_type, type_.get_shape(), type_.get_strides() or (), 0
    )
    return shape_of(operand), static_strides(op, known)[0]
