"""br.* of gpu_ops.py -> NVVM's intrinsics: threads, shared memory, tensor cores.

%c = br.mma %a, %b, %acc {kind = "tf32"}
->
two calls of llvm.nvvm.mma.m16n8k8.row.col.tf32, one for each half of the columns
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    Float16Type,
    IntAttr,
    IntegerAttr,
    IntegerType,
    SymbolRefAttr,
    VectorType,
    f32,
    i8,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue

from brdialect.gpu_ops import SHARED_SPACE
from brdialect.llvm_ops import AddrSpaceCastOp, ExtractElementOp, PoisonOp
from passes.llvm.lowering import FunctionLowering, Handler, View
from passes.llvm.memory import bytes_of, emit_store, indices_of
from passes.llvm.types import check_memref, number
from passes.llvm.views import type_of
from passes.shared.build import int64s

NVVM = "llvm.nvvm."
SHARED = llvm.LLVMPointerType(IntAttr(SHARED_SPACE.value.data))
GLOBAL = llvm.LLVMPointerType(IntAttr(1))
SYMBOL = "br_shared_memory"
"""The block's shared memory, whose size is given at the launch."""

ALIGNMENT = 1024
"""Of shared memory: a period of the swizzles, 8 rows of 128 bytes."""

_FOUR_WORDS = llvm.LLVMStructType.from_type_list([i32] * 4)
_FOUR_SUMS = llvm.LLVMStructType.from_type_list([f32] * 4)
_HALVES = VectorType(Float16Type(), (2,))


def shared_symbol() -> llvm.GlobalOp:
    """The declaration of the block's shared memory."""
    return llvm.GlobalOp(
        llvm.LLVMArrayType(0, i8),
        SYMBOL,
        "external",
        addr_space=SHARED_SPACE.value.data,
        alignment=ALIGNMENT,
    )


def _number(op: Operation, name: str) -> int:
    attribute = op.properties[name]
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def _special_register(name: str) -> Handler:
    def handler(low: FunctionLowering, op: Operation) -> None:
        found = low.intrinsic(f"{NVVM}read.ptx.sreg.{name}", (), i32).results[0]
        low.replace(op, low.compute(llvm.ZExtOp, (found,), i64))

    return handler


def shared_memory(low: FunctionLowering, op: Operation) -> None:
    """br.shared_memory -> llvm.mlir.addressof and a step of some bytes"""
    type_ = type_of(op.results[0], op)
    element = check_memref(type_, op, shared=True)
    low.extra_globals[SYMBOL] = shared_symbol
    base = low.compute(
        llvm.AddressOfOp, (), SHARED, {"global_name": SymbolRefAttr(SYMBOL)}
    )
    start = low.step(i8, base, _number(op, "offset"))
    sizes = tuple(type_.get_shape())
    low.views[op.results[0]] = View(
        element, start, 0, sizes, low.row_major(sizes), start
    )


def async_copy(low: FunctionLowering, op: Operation) -> None:
    """br.async_copy -> llvm.nvvm.cp.async, which fills up with zeros"""
    source, at, target, to, valid = op.operands
    view = low.view(source, op)
    bytes_ = _number(op, "elements") * bytes_of(view.element, op)
    start = low.address(view, indices_of(low, (at,)), inbounds=False)
    from_ = low.compute(AddrSpaceCastOp, (start,), GLOBAL)
    into = low.address(low.view(target, op), indices_of(low, (to,)))
    # the longest copy goes past the L1, which has no use for what is used once
    path = "cg" if bytes_ == 16 else "ca"
    name = f"{NVVM}cp.async.{path}.shared.global.{bytes_}"
    condition = low.known.get(valid)
    if isinstance(condition, IntegerAttr) and condition.value.data:
        low.intrinsic(name, (into, from_), None)
        return
    size = low.compute(llvm.ZExtOp, (low.value(valid),), i32)
    shift = low.constant(IntegerAttr(bytes_.bit_length() - 1, i32), i32)
    size = low.compute(
        llvm.ShlOp, (size, shift), i32, {"overflowFlags": IntegerAttr(0, i32)}
    )
    low.intrinsic(f"{name}.s", (into, from_, size), None)


def async_commit(low: FunctionLowering, op: Operation) -> None:
    """br.async_commit"""
    low.intrinsic(f"{NVVM}cp.async.commit.group", (), None)


def async_wait(low: FunctionLowering, op: Operation) -> None:
    """br.async_wait"""
    pending = low.constant(IntegerAttr(_number(op, "pending"), i32), i32)
    low.intrinsic(f"{NVVM}cp.async.wait.group", (pending,), None)


def barrier(low: FunctionLowering, op: Operation) -> None:
    """br.barrier"""
    zero = low.constant(IntegerAttr(0, i32), i32)
    low.intrinsic(f"{NVVM}barrier.cta.sync.aligned.all", (zero,), None)


def load_matrices(low: FunctionLowering, op: Operation) -> None:
    """br.load_matrices -> llvm.nvvm.ldmatrix"""
    source, index = op.operands
    pointer = low.address(low.view(source, op), indices_of(low, (index,)))
    trans = ".trans" if "transpose" in op.properties else ""
    name = f"{NVVM}ldmatrix.sync.aligned.m8n8.x4{trans}.b16"
    found = low.intrinsic(name, (pointer,), _FOUR_WORDS).results[0]
    low.replace(op, gathered(low, unpacked(low, found, i32, 4), i32))


def round_tf32(low: FunctionLowering, op: Operation) -> None:
    """br.round_tf32 -> llvm.nvvm.f2tf32.rna of each"""
    words: list[SSAValue] = []
    for word in lanes(low, low.value(op.operands[0]), i32, range(4)):
        number_ = low.compute(llvm.BitcastOp, (word,), f32)
        words.append(low.intrinsic(f"{NVVM}f2tf32.rna", (number_,), i32).results[0])
    low.replace(op, gathered(low, words, i32))


_MMA = {
    "tf32": "m16n8k8.row.col.tf32",
    "bf16": "m16n8k16.row.col.bf16",
    "f16": "m16n8k16.row.col.f32.f32",
}


def mma(low: FunctionLowering, op: Operation) -> None:
    """br.mma -> llvm.nvvm.mma of each half of the columns"""
    a, b, c = low.operands(op)
    kind = str(op.properties["kind"]).strip('"')
    words = [lanes(low, x, i32, range(4)) for x in (a, b)]
    if kind == "f16":
        words = [[low.compute(llvm.BitcastOp, (w,), _HALVES) for w in x] for x in words]
    sums: list[SSAValue] = []
    for half in range(2):
        columns = words[1][2 * half : 2 * half + 2]
        before = lanes(low, c, f32, range(4 * half, 4 * half + 4))
        operands = (*words[0], *columns, *before)
        found = low.intrinsic(f"{NVVM}mma.{_MMA[kind]}", operands, _FOUR_SUMS)
        sums += unpacked(low, found.results[0], f32, 4)
    low.replace(op, gathered(low, sums, f32))


def store_accumulators(low: FunctionLowering, op: Operation) -> None:
    """br.store_accumulators -> four stores of neighbours"""
    value, target, index = op.operands
    view, pitch = low.view(target, op), _number(op, "pitch")
    start = low.address(view, indices_of(low, (index,)))
    sums = lanes(low, low.value(value), f32, range(8))
    for half in range(2):
        for row in range(2):
            pair = sums[4 * half + 2 * row : 4 * half + 2 * row + 2]
            pointer = low.step(f32, start, 8 * row * pitch + 8 * half)
            emit_store(low, gathered(low, pair, f32), pointer, op, number(8))


def shuffle_xor(low: FunctionLowering, op: Operation) -> None:
    """br.shuffle_xor -> llvm.nvvm.shfl.sync.bfly, of all lanes: once for 16 or 32 bits,
    of each half for 64"""
    value, mask = low.value(op.operands[0]), _number(op, "mask")
    bits = 8 * bytes_of(value.type, op)
    if bits == 32:
        low.replace(op, shuffled(low, value, mask))
        return
    whole = IntegerType(bits)
    number_ = low.compute(llvm.BitcastOp, (value,), whole)
    if bits == 16:
        wide = low.compute(llvm.ZExtOp, (number_,), i32)
        found = low.compute(llvm.TruncOp, (shuffled(low, wide, mask),), whole)
    else:
        half = low.int64(32)
        upper = low.compute(llvm.LShrOp, (number_, half), i64)
        words = [
            low.compute(llvm.ZExtOp, (shuffled(low, word, mask),), i64)
            for word in (low.compute(llvm.TruncOp, (x,), i32) for x in (number_, upper))
        ]
        none = {"overflowFlags": IntegerAttr(0, i32)}
        upper = low.compute(llvm.ShlOp, (words[1], half), i64, none)
        found = low.compute(llvm.OrOp, (words[0], upper), i64)
    low.replace(op, low.compute(llvm.BitcastOp, (found,), value.type))


def shuffled(low: FunctionLowering, value: SSAValue, mask: int) -> SSAValue:
    """What the lane has whose number differs by `mask`, of 32 bits."""
    all_, by, width = (
        low.constant(IntegerAttr(number, i32), i32) for number in (-1, mask, 31)
    )
    name = f"{NVVM}shfl.sync.bfly.{value.type}"
    return low.intrinsic(name, (all_, value, by, width), value.type).results[0]


def lanes(
    low: FunctionLowering, vector: SSAValue, element: Attribute, which: Sequence[int]
) -> list[SSAValue]:
    """Some elements of a vector."""
    return [
        low.compute(ExtractElementOp, (vector, low.int64(i)), element) for i in which
    ]


def gathered(
    low: FunctionLowering, values: Sequence[SSAValue], element: Attribute
) -> SSAValue:
    """A vector of elements."""
    type_ = VectorType(element, (len(values),))
    result = low.compute(PoisonOp, (), type_)
    for i, value in enumerate(values):
        operands = (result, value, low.int64(i))
        result = low.compute(llvm.InsertElementOp, operands, type_)
    return result


def unpacked(
    low: FunctionLowering, struct: SSAValue, element: Attribute, count: int
) -> list[SSAValue]:
    """The members of a struct."""
    return [
        low.compute(llvm.ExtractValueOp, (struct,), element, {"position": int64s(i)})
        for i in range(count)
    ]


HANDLERS: dict[str, Handler] = {
    "br.thread_id": _special_register("tid.x"),
    "br.block_id": _special_register("ctaid.x"),
    "br.shared_memory": shared_memory,
    "br.async_copy": async_copy,
    "br.async_commit": async_commit,
    "br.async_wait": async_wait,
    "br.barrier": barrier,
    "br.load_matrices": load_matrices,
    "br.round_tf32": round_tf32,
    "br.mma": mma,
    "br.shuffle_xor": shuffle_xor,
    "br.store_accumulators": store_accumulators,
}
