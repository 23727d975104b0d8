"""memref -> llvm: views vanish into addresses, accesses become llvm.load and llvm.store.

%v = memref.subview %m[%i, 0] [4, 8] [1, 1] : memref<16x8xf32> to memref<4x8xf32, ..>
%x = memref.load %v[%j, %c3]
->
%p = llvm.getelementptr %m[%i * 8]
%q = llvm.getelementptr %p[%j * 8]
%r = llvm.getelementptr %q[3]
%x = llvm.load %r
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from xdsl.dialects import llvm, memref
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    MemRefType,
    NoneAttr,
    StringAttr,
    UnitAttr,
    i1,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from passes.llvm.arithmetic import Emitter
from passes.llvm.lowering import FunctionLowering, Handler, Index, View
from passes.llvm.types import (
    POINTER,
    check_memref,
    converted_constant,
    element_bytes,
    strides_of,
)

ALIGNMENT = 64
"""Of allocations and globals: a cache line, and the widest vector register."""


def type_of(value: SSAValue, op: Operation) -> MemRefType:
    """The type of a memref operand or result."""
    if not isa(value.type, MemRefType):
        unsupported(op, f"convert-to-llvm: expected a ranked memref, got {value.type}")
    return value.type


def bytes_of(element: Attribute, op: Operation) -> int:
    """The size of an element in memory."""
    if (size := element_bytes(element)) is None:
        unsupported(
            op,
            f"convert-to-llvm: expected elements of whole bytes, got {element}; "
            "extend them to i8",
        )
    return size


def alignment_of(op: Operation, element: Attribute) -> IntegerAttr:
    """The `alignment` attribute of an access, else that of its element."""
    given = op.properties.get("alignment", op.attributes.get("alignment"))
    if isinstance(given, IntegerAttr):
        return IntegerAttr(given.value.data, i64)
    return IntegerAttr(element_bytes(element) or 1, i64)


def indices_of(low: FunctionLowering, indices: Sequence[SSAValue]) -> list[Index]:
    """Indices, as numbers where they are constants."""
    return [low.index(i) for i in indices]


def emit_load(
    low: FunctionLowering, pointer: SSAValue, result: Attribute, alignment: IntegerAttr
) -> SSAValue:
    """llvm.load"""
    properties = {"ordering": IntegerAttr(0, i64), "alignment": alignment}
    return low.compute(llvm.LoadOp, (pointer,), result, properties)


def emit_store(
    low: FunctionLowering,
    value: SSAValue,
    pointer: SSAValue,
    op: Operation,
    alignment: IntegerAttr,
) -> None:
    """llvm.store, non-temporal if `op` is"""
    properties = {"ordering": IntegerAttr(0, i64), "alignment": alignment}
    if op.properties.get("nontemporal") == IntegerAttr(1, i1):
        properties["nontemporal"] = UnitAttr()
    low.emit(llvm.StoreOp, (value, pointer), properties=properties)


def load(low: FunctionLowering, op: Operation) -> None:
    """memref.load"""
    view = low.view(op.operands[0], op)
    pointer = low.address(view, indices_of(low, op.operands[1:]))
    alignment = alignment_of(op, view.element)
    low.replace(op, emit_load(low, pointer, view.element, alignment))


def store(low: FunctionLowering, op: Operation) -> None:
    """memref.store"""
    view = low.view(op.operands[1], op)
    pointer = low.address(view, indices_of(low, op.operands[2:]))
    value = low.value(op.operands[0])
    emit_store(low, value, pointer, op, alignment_of(op, view.element))


# New memory


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


def allocation_alignment(op: Operation) -> int:
    """64 bytes, or more where the operation asks for more."""
    given = op.properties.get("alignment")
    return max(ALIGNMENT, given.value.data if isinstance(given, IntegerAttr) else 0)


def alloc(low: FunctionLowering, op: Operation) -> None:
    """memref.alloc -> aligned_alloc(64, bytes rounded up to a multiple of 64)"""
    sizes, align = fresh_sizes(low, op), allocation_alignment(op)
    element = check_memref(type_of(op.results[0], op), op)
    size = low.mul(low.product(sizes), bytes_of(element, op))
    if isinstance(size, int):
        size = -(-size // align) * align
    else:
        up = low.int64(low.add(size, align - 1))
        e = Emitter(low, i64)
        size = e.binary(llvm.AndOp, up, e.constant(-align))
    call = low.library_call(
        "aligned_alloc", (low.int64(align), low.int64(size)), POINTER
    )
    fresh_view(low, op, call.results[0], sizes)


def dealloc(low: FunctionLowering, op: Operation) -> None:
    """memref.dealloc -> free"""
    view = low.view(op.operands[0], op)
    if view.root is None:
        unsupported(
            op,
            "convert-to-llvm: expected a memref whose allocation is known, got an "
            f"argument with a dynamic offset, {op.operands[0].type}; free the whole memref",
        )
    low.library_call("free", (view.root,), None)


def alloca(low: FunctionLowering, op: Operation) -> None:
    """memref.alloca -> llvm.alloca

    One of static size is moved to the entry of the function, so that a loop around it
    takes its stack space once.
    """
    sizes = fresh_sizes(low, op)
    element = check_memref(type_of(op.results[0], op), op)
    count = low.product(sizes)
    properties = {
        "elem_type": element,
        "alignment": IntegerAttr(allocation_alignment(op), i64),
    }
    new = llvm.AllocaOp.create(
        operands=(low.int64(count),), result_types=(POINTER,), properties=properties
    )
    if isinstance(count, int):
        low.at_entry(new)
    else:
        low.block.add_op(new)
    fresh_view(low, op, new.results[0], sizes)


def get_global(low: FunctionLowering, op: Operation) -> None:
    """memref.get_global -> llvm.mlir.addressof"""
    sizes = fresh_sizes(low, op)
    name = op.properties["name"]
    pointer = low.compute(llvm.AddressOfOp, (), POINTER, {"global_name": name})
    fresh_view(low, op, pointer, sizes)


def global_op(op: memref.GlobalOp) -> llvm.GlobalOp:
    """memref.global -> llvm.mlir.global, aligned to 64 bytes"""
    t = cast(MemRefType, op.type)
    element = check_memref(t, op)
    bytes_of(element, op)
    array = element
    for size in reversed(t.get_shape()):
        array = llvm.LLVMArrayType(size, array)
    private = op.sym_visibility == StringAttr("private")
    value = op.initial_value
    if isinstance(value, DenseIntOrFPElementsAttr):
        initial, body = converted_constant(value), None
    else:
        zero = llvm.ZeroOp.create(result_types=(array,))
        initial, body = None, Region(Block([zero, llvm.ReturnOp(zero.results[0])]))
    new = llvm.GlobalOp(
        array,
        op.sym_name,
        "internal" if private else "external",
        constant=op.constant is not None,
        value=initial,
        alignment=max(ALIGNMENT, op.alignment.value.data if op.alignment else 0),
        body=body,
    )
    new.location = op.location
    return new


# Views


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
            "convert-to-llvm: expected a source whose allocation is known, got an argument "
            f"with a dynamic offset, {op.source.type}; use memref.subview, or declare the "
            "argument without an offset",
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
        for i, j in zip(real, real[1:], strict=False):
            step, whole = view.strides[i], low.mul(view.sizes[j], view.strides[j])
            if isinstance(step, int) and isinstance(whole, int) and step != whole:
                unsupported(
                    op,
                    f"convert-to-llvm: expected dimensions {group} to be contiguous, got "
                    f"strides {view.strides}; copy the memref first",
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


def assume_alignment(low: FunctionLowering, op: Operation) -> None:
    """memref.assume_alignment -> llvm.assume((address & (alignment - 1)) == 0)"""
    assert isinstance(op, memref.AssumeAlignmentOp)
    view = low.views[op.result] = low.view(op.memref, op)
    e = Emitter(low, i64)
    address = low.compute(llvm.PtrToIntOp, (low.start(view),), i64)
    rest = e.binary(llvm.AndOp, address, e.constant(op.alignment.value.data - 1))
    low.intrinsic("llvm.assume", (e.compare("eq", rest, e.constant(0)),), None)


# Questions about memrefs


def dim(low: FunctionLowering, op: Operation) -> None:
    """memref.dim of a constant dimension"""
    view, which = low.view(op.operands[0], op), low.index(op.operands[1])
    if not isinstance(which, int) or not 0 <= which < len(view.sizes):
        unsupported(
            op,
            "convert-to-llvm: expected a constant dimension below "
            f"{len(view.sizes)}, got {which}",
        )
    low.replace(op, low.int64(view.sizes[which]))


def rank(low: FunctionLowering, op: Operation) -> None:
    """memref.rank"""
    low.replace(op, low.int64(len(low.view(op.operands[0], op).sizes)))


def pointer_as_index(low: FunctionLowering, op: Operation) -> None:
    """memref.extract_aligned_pointer_as_index: where the allocation starts"""
    view = low.view(op.operands[0], op)
    root = low.start(view) if view.root is None else view.root
    low.replace(op, low.compute(llvm.PtrToIntOp, (root,), i64))


def copy(low: FunctionLowering, op: Operation) -> None:
    """memref.copy of contiguous memrefs -> llvm.memcpy"""
    source, target = (low.view(operand, op) for operand in op.operands)
    for view in (source, target):
        if not _is_contiguous(view):
            unsupported(
                op,
                "convert-to-llvm: expected contiguous memrefs, got sizes "
                f"{view.sizes} with strides {view.strides}; run convert-linalg-to-vector, "
                "which copies strided memrefs in loops",
            )
    size = low.mul(low.product(source.sizes), bytes_of(source.element, op))
    no = low.constant(IntegerAttr(0, i1), i1)
    arguments = (low.start(target), low.start(source), low.int64(size), no)
    low.intrinsic("llvm.memcpy", arguments, None)


def _is_contiguous(view: View) -> bool:
    """Known to be contiguous: strides that are numbers, or the sizes' own products."""
    expected: Index | None = 1
    for size, stride in reversed(list(zip(view.sizes, view.strides, strict=True))):
        if size == 1:
            continue
        if expected is None or stride != expected:
            return False
        both = isinstance(size, int) and isinstance(stride, int)
        expected = size * stride if both else size if stride == 1 else None
    return True


HANDLERS: dict[str, Handler] = {
    "memref.load": load,
    "memref.store": store,
    "memref.alloc": alloc,
    "memref.alloca": alloca,
    "memref.dealloc": dealloc,
    "memref.get_global": get_global,
    "memref.subview": subview,
    "memref.reinterpret_cast": reinterpret_cast,
    "memref.cast": cast_op,
    "memref.view": view_op,
    "memref.collapse_shape": collapse_shape,
    "memref.expand_shape": expand_shape,
    "memref.assume_alignment": assume_alignment,
    "memref.dim": dim,
    "memref.rank": rank,
    "memref.extract_aligned_pointer_as_index": pointer_as_index,
    "memref.copy": copy,
}
