"""Operands of a kernel as flat memory and offsets into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import memref, vector
from xdsl.dialects.builtin import IntegerAttr, i1, i64
from xdsl.ir import Attribute, Operation, SSAValue

from brdialect.errors import unsupported
from passes.memory.buffers import element_bytes
from passes.shared.build import (
    Index,
    memref_type,
    shape_of,
    static_strides,
    strided_type,
    value,
    vector_of,
)
from passes.shared.vectorise import load_vector, store_vector

BASE_ALIGNMENT = 16
"""Bytes: where every array that a kernel is given begins at a multiple of."""


@dataclass(frozen=True)
class Flat:
    """An operand: its memory as an array, where in it the operand begins, in elements,
    and what it is known to begin at a multiple of, in bytes."""

    memory: SSAValue
    offset: Index
    alignment: int

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


def placed(op: Operation, operand: SSAValue) -> tuple[SSAValue, Index, int]:
    """The memory an operand lies in, where it begins in it, in elements, and its
    alignment in bytes."""
    alignment = element_bytes(memref_type(operand).element_type)
    if isinstance(assumed := operand.owner, memref.AssumeAlignmentOp):
        alignment, operand = assumed.alignment.value.data, assumed.memref
    cast, type_ = operand.owner, memref_type(operand)
    offset = type_.get_offset()
    if isinstance(cast, memref.ReinterpretCastOp):
        return cast.source, cast.offsets[0] if offset is None else offset, alignment
    if offset is None:
        unsupported(op, f"expected a memref of known offset, got {type_}")
    return operand, offset, alignment


def flat(op: Operation, operand: SSAValue) -> Flat:
    """An operand of `op` as flat memory."""
    memory, offset, alignment = placed(op, operand)
    type_ = memref_type(memory)
    strides, start = static_strides(op, type_)
    reach = [(n - 1) * s for n, s in zip(type_.get_shape(), strides, strict=True)]
    if min(reach, default=0) < 0:
        unsupported(op, f"expected memory of at least one element, got {type_}")
    size = 1 + start + sum(reach)
    if tuple(strides) == (1,) and start == 0:
        return Flat(memory, offset, alignment)
    array = memref.ReinterpretCastOp.from_dynamic(
        memory, (0,), (size,), (1,), strided_type(type_.element_type, (size,), (1,), 0)
    ).result
    return Flat(array, offset, alignment)


def sizes_and_strides(op: Operation, operand: SSAValue) -> tuple[Sequence[int], ...]:
    """Of a memref, all of which must be known but for where it begins."""
    type_ = memref_type(operand)
    known = strided_type(
        type_.element_type, type_.get_shape(), type_.get_strides() or (), 0
    )
    return shape_of(operand), static_strides(op, known)[0]
