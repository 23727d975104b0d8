"""The operations of memref that only look at memory in another way.

They emit at most the address where the new view starts.

    subview          offsets add up, strides multiply
    reinterpret_cast all anew, from the start of the allocation
    view             an array at a byte of a buffer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

from xdsl.dialects import memref
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    IntegerAttr,
    MemRefType,
    NoneAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from passes.llvm.block_emitter import Index
from passes.llvm.lowering import FunctionLowering, Handler, View
from passes.llvm.types import check_memref, strides_of


def type_of(value: SSAValue, op: Operation) -> MemRefType:
    """The type of a memref operand or result."""
    if not isa(value.type, MemRefType):
        unsupported(op, f"convert-to-llvm: expected a ranked memref, got {value.type}")
    return value.type


def fresh_sizes(low: FunctionLowering, op: Operation) -> list[Index]:
    """The sizes of an allocation, whose layout must be the plain one."""
    t = type_of(op.results[0], op)
    if not isinstance(t.layout, NoneAttr):
        unsupported(
            op,
            f"convert-to-llvm: expected an allocation without a layout, got {t}; "
            "allocate a plain memref and take a subview",
        )
    dynamic = iter(op.operands)
    return [
        low.index(next(dynamic)) if size == DYNAMIC_INDEX else size
        for size in t.get_shape()
    ]


def fresh_view(
    low: FunctionLowering, op: Operation, pointer: SSAValue, sizes: Sequence[Index]
) -> None:
    """The result of `op` is new memory at `pointer`."""
    element = check_memref(type_of(op.results[0], op), op)
    strides = low.row_major(sizes)
    low.views[op.results[0]] = View(element, pointer, 0, tuple(sizes), strides, pointer)


def subview(low: FunctionLowering, op: Operation) -> None:
    """memref.subview: offsets add up, strides multiply, dropped sizes are 1"""
    assert isinstance(op, memref.SubviewOp)
    view = low.view(op.source, op)
    offsets = low.mixed(op.static_offsets, op.offsets)
    sizes = low.mixed(op.static_sizes, op.sizes)
    steps = low.mixed(op.static_strides, op.strides)
    moved = low.shifted(view, offsets)
    strides = [low.mul(a, b) for a, b in zip(view.strides, steps, strict=True)]
    kept = kept_dimensions(sizes, strides, type_of(op.result, op), op)
    low.views[op.result] = replace(
        moved,
        sizes=tuple(sizes[i] for i in kept),
        strides=tuple(strides[i] for i in kept),
    )


def kept_dimensions(
    sizes: Sequence[Index], strides: Sequence[Index], t: MemRefType, op: Operation
) -> list[int]:
    """Which dimensions of a subview its rank-reduced type `t` keeps.

    Sizes of 1 may be dropped. Where a choice is left, known strides decide.
    """
    shape, layout = t.get_shape(), strides_of(t)

    def fits(i: int, k: int) -> bool:
        size, stride, wanted = sizes[i], strides[i], layout[k]
        return (size if isinstance(size, int) else DYNAMIC_INDEX) == shape[k] and (
            wanted is None or not isinstance(stride, int) or stride == wanted
        )

    kept: list[int] = []
    for i, size in enumerate(sizes):
        missing, left = len(shape) - len(kept), len(sizes) - i
        if missing and (fits(i, len(kept)) or missing == left):
            kept.append(i)
        elif size != 1:
            break
    if len(kept) != len(shape):
        unsupported(
            op, f"convert-to-llvm: expected a subview of sizes {sizes}, got {t}"
        )
    return kept


def reinterpret_cast(low: FunctionLowering, op: Operation) -> None:
    """memref.reinterpret_cast: all anew, the offset counted from the allocation"""
    assert isinstance(op, memref.ReinterpretCastOp)
    view = low.view(op.source, op)
    if view.root is None:
        unsupported(
            op,
            "convert-to-llvm: expected a source whose allocation is known, got an "
            f"argument with a dynamic offset, {op.source.type}; use memref.subview, or "
            "declare the argument without an offset",
        )
    (offset,) = low.mixed(op.static_offsets, op.offsets)
    constant = offset if isinstance(offset, int) else 0
    pointer = low.step(
        view.element, view.root, 0 if isinstance(offset, int) else offset
    )
    low.views[op.result] = View(
        view.element,
        pointer,
        constant,
        low.mixed(op.static_sizes, op.sizes),
        low.mixed(op.static_strides, op.strides),
        view.root,
    )


def cast_op(low: FunctionLowering, op: Operation) -> None:
    """memref.cast: the same view; what was known stays known"""
    t = type_of(op.results[0], op)
    view = low.view(op.operands[0], op)
    if len(view.sizes) != len(t.get_shape()):
        unsupported(op, f"convert-to-llvm: expected a cast of equal ranks, got {t}")
    check_memref(t, op)
    low.views[op.results[0]] = view


def view_op(low: FunctionLowering, op: Operation) -> None:
    """memref.view: an array at a byte of a buffer"""
    assert isinstance(op, memref.ViewOp)
    source = low.view(op.source, op)
    pointer = low.start(low.shifted(source, [low.index(op.byte_shift)]))
    t = type_of(op.result, op)
    sizes = iter(op.sizes)
    fresh_view(
        low,
        op,
        pointer,
        [low.index(next(sizes)) if n == DYNAMIC_INDEX else n for n in t.get_shape()],
    )


def _groups(op: memref.CollapseShapeOp | memref.ExpandShapeOp) -> list[list[int]]:
    return [
        [cast(IntegerAttr, i).value.data for i in cast("ArrayAttr[Attribute]", group)]
        for group in op.reassociation
    ]


def collapse_shape(low: FunctionLowering, op: Operation) -> None:
    """memref.collapse_shape: the stride of a group is that of its last dimension"""
    assert isinstance(op, memref.CollapseShapeOp)
    view = low.view(op.src, op)
    sizes: list[Index] = []
    strides: list[Index] = []
    for group in _groups(op):
        real = [i for i in group if view.sizes[i] != 1] or group[-1:]
        for i, j in pairwise(real):
            step, whole = view.strides[i], low.mul(view.sizes[j], view.strides[j])
            if isinstance(step, int) and isinstance(whole, int) and step != whole:
                unsupported(
                    op,
                    f"convert-to-llvm: expected dimensions {group} to be contiguous, "
                    f"got strides {view.strides}; copy the memref first",
                )
        sizes.append(low.product([view.sizes[i] for i in group]))
        strides.append(view.strides[real[-1]])
    low.views[op.result] = replace(view, sizes=tuple(sizes), strides=tuple(strides))


def expand_shape(low: FunctionLowering, op: Operation) -> None:
    """memref.expand_shape: a dimension split into several, the last with its stride"""
    assert isinstance(op, memref.ExpandShapeOp)
    view = low.view(op.src, op)
    sizes = low.mixed(op.static_output_shape, op.output_shape)
    strides: list[Index] = []
    for group, stride in zip(_groups(op), view.strides, strict=True):
        inner = low.row_major([sizes[i] for i in group])
        strides.extend(low.mul(stride, each) for each in inner)
    low.views[op.result] = replace(view, sizes=sizes, strides=tuple(strides))


HANDLERS: dict[str, Handler] = {
    "memref.subview": subview,
    "memref.reinterpret_cast": reinterpret_cast,
    "memref.cast": cast_op,
    "memref.view": view_op,
    "memref.collapse_shape": collapse_shape,
    "memref.expand_shape": expand_shape,
}
