"""memref -> llvm: views vanish into addresses, accesses are llvm.load and llvm.store.

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
from math import prod

from xdsl.dialects import llvm, memref
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    NoneAttr,
    StringAttr,
    UnitAttr,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from brdialect.errors import unsupported
from passes.llvm.block_emitter import Index
from passes.llvm.emitter import Emitter
from passes.llvm.lowering import FunctionLowering, Handler, View
from passes.llvm.types import (
    POINTER,
    check_memref,
    converted_constant,
    element_bytes,
    number,
)
from passes.llvm.views import fresh_sizes, fresh_view, type_of

_TRUE = IntegerAttr(1, i1)

ALIGNMENT = 64
"""Of allocations and globals: a cache line, and the widest vector register."""

LARGEST_ALLOCA = 1 << 20
"""Bytes. A thread's stack has 2 MiB or more."""

LARGEST_GLOBAL = (1 << 31) - 1
"""Bytes: how far position-independent code reaches."""


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
        return number(given.value.data)
    return number(element_bytes(element) or 1)


def indices_of(low: FunctionLowering, indices: Sequence[SSAValue]) -> list[Index]:
    """Indices, as numbers where they are constants."""
    return [low.index(i) for i in indices]


def emit_load(
    low: FunctionLowering, pointer: SSAValue, result: Attribute, alignment: IntegerAttr
) -> SSAValue:
    """llvm.load"""
    properties = {"ordering": number(0), "alignment": alignment}
    return low.compute(llvm.LoadOp, (pointer,), result, properties)


def emit_store(
    low: FunctionLowering,
    value: SSAValue,
    pointer: SSAValue,
    op: Operation,
    alignment: IntegerAttr,
) -> None:
    """llvm.store, non-temporal if `op` is"""
    properties: dict[str, Attribute] = {
        "ordering": number(0),
        "alignment": alignment,
    }
    if op.properties.get("nontemporal") == _TRUE:
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


def prefetch(low: FunctionLowering, op: Operation) -> None:
    """br.prefetch -> llvm.prefetch: a read, into all levels of cache (3) or those from
    the L2 on (2), of data"""
    view = low.view(op.operands[0], op)
    shifted = low.shifted(view, indices_of(low, op.operands[1:]))
    near = 2 if "far" in op.properties else 3
    hints = [low.constant(IntegerAttr(n, i32), i32) for n in (0, near, 1)]
    low.intrinsic("llvm.prefetch", (low.start(shifted), *hints), None)


# New memory


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
            f"argument with a dynamic offset, {op.operands[0].type}; free all of it",
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
    if (
        isinstance(count, int)
        and count
        and (count * bytes_of(element, op) > LARGEST_ALLOCA)
    ):
        unsupported(
            op,
            f"convert-to-llvm: expected at most {LARGEST_ALLOCA} bytes on the stack, "
            f"got {op.results[0].type}; use memref.alloc",
        )
    properties = {
        "elem_type": element,
        "alignment": number(allocation_alignment(op)),
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
    t = op.type
    element = check_memref(t, op)
    if prod(t.get_shape()) * bytes_of(element, op) > LARGEST_GLOBAL:
        unsupported(
            op,
            f"convert-to-llvm: expected a global of at most {LARGEST_GLOBAL} bytes, "
            f"got {t}; pass it as an argument",
        )
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
    for operand, view in zip(op.operands, (source, target), strict=True):
        row_major = isinstance(type_of(operand, op).layout, NoneAttr)
        if not row_major and not _is_contiguous(view):
            unsupported(
                op,
                "convert-to-llvm: expected contiguous memrefs, got sizes "
                f"{view.sizes} with strides {view.strides}; write the copy as a "
                "linalg.generic, which convert-linalg-to-vector lowers",
            )
    size = low.mul(low.product(source.sizes), bytes_of(source.element, op))
    no = low.constant(IntegerAttr(0, i1), i1)
    arguments = (low.start(target), low.start(source), low.int64(size), no)
    low.intrinsic("llvm.memcpy", arguments, None)


def _is_contiguous(view: View) -> bool:
    """Known to be contiguous: strides that are numbers, or that of one dimension."""
    expected: Index = 1
    for size, stride in reversed(list(zip(view.sizes, view.strides, strict=True))):
        if size == 1:
            continue
        if stride != expected:
            return False
        if isinstance(size, int) and isinstance(stride, int):
            expected = size * stride
        else:
            expected = -1  # unlike any stride of a dimension further out
    return True


HANDLERS: dict[str, Handler] = {
    "br.prefetch": prefetch,
    "memref.load": load,
    "memref.store": store,
    "memref.alloc": alloc,
    "memref.alloca": alloca,
    "memref.dealloc": dealloc,
    "memref.get_global": get_global,
    "memref.assume_alignment": assume_alignment,
    "memref.dim": dim,
    "memref.rank": rank,
    "memref.extract_aligned_pointer_as_index": pointer_as_index,
    "memref.copy": copy,
}
