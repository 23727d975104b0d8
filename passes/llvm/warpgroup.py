"""br.* of warpgroup_ops.py -> PTX in inline assembly: LLVM has no intrinsics of wgmma.

%c:4 = br.warpgroup_mma %a[%i], %b[%j], %c0, %c1, %c2, %c3 {kind = "bf16"} ..
->
wgmma.fence.sync.aligned;
wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {32 sums}, a, b, 1, 1, 1, 0, 0;
...for each 32 bytes of a line...
wgmma.commit_group.sync.aligned;

br.warpgroup_wait
->
wgmma.wait_group.sync.aligned 0;

Each piece of assembly takes and gives the sums in the same registers, so that nothing
touches them in between: ptxas would wait after each instruction then, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import llvm
from xdsl.dialects.builtin import IntegerAttr, StringAttr, UnitAttr, f32, i64
from xdsl.ir import Operation, SSAValue

from brdialect.warpgroup_ops import LINE, WarpgroupMmaOp, WarpgroupWaitOp
from passes.llvm.gpu import gathered, lanes, unpacked
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.memory import bytes_of, indices_of

STEP = 32
"""Bytes along the sum that one instruction takes."""

GROUP = 8 * LINE
"""Bytes of 8 lines, after which the swizzle repeats: the stride offset."""

_UNIT = 16
"""Bytes in which a descriptor counts."""

_SWIZZLE_128 = 1 << 62


@dataclass(frozen=True)
class Offsets:
    """Bytes of a descriptor: from 64 elements to the next 64 across the sum (along it
    nobody looks at that), from 8 lines to the next 8; and from one instruction's part
    of the sum to the next."""

    leading: int
    stride: int
    step: int


def offsets(across: bool, element_bytes: int) -> Offsets:
    """Of a slice that lies across or along the sum."""
    if not across:
        return Offsets(_UNIT, GROUP, STEP)
    return Offsets(LINE // element_bytes * LINE, GROUP, STEP // element_bytes * LINE)


def inline_asm(
    low: FunctionLowering,
    text: str,
    constraints: str,
    operands: list[SSAValue],
    result: llvm.LLVMStructType | None,
) -> Operation:
    """A piece of PTX with effects that LLVM does not see."""
    return low.emit(
        llvm.InlineAsmOp,
        operands,
        () if result is None else (result,),
        {
            "asm_string": StringAttr(text),
            "constraints": StringAttr(constraints),
            "has_side_effects": UnitAttr(),
            "tail_call_kind": llvm.TailCallKindAttr(llvm.TailCallKind.NONE),
        },
    )


def proxy_fence(low: FunctionLowering, op: Operation) -> None:
    """br.proxy_fence"""
    inline_asm(low, "fence.proxy.async.shared::cta;", "~{memory}", [], None)


def descriptor(
    low: FunctionLowering,
    source: SSAValue,
    index: SSAValue,
    across: bool,
    op: Operation,
) -> SSAValue:
    """The matrix descriptor of a slice (PTX ISA, "Matrix descriptor format"): bits 0-13
    where it begins, 16-29 the leading and 32-45 the stride offset, in units of 16
    bytes, and the swizzle on top."""
    view = low.view(source, op)
    start = low.address(view, indices_of(low, (index,)))
    known = offsets(across, bytes_of(view.element, op))
    rest = _SWIZZLE_128 | known.stride // _UNIT << 32 | known.leading // _UNIT << 16

    def combined(kind: type[Operation], x: SSAValue, y: int) -> SSAValue:
        number = low.constant(IntegerAttr(y, i64), i64)
        return low.compute(kind, (x, number), i64)

    address = low.compute(llvm.PtrToIntOp, (start,), i64)
    units = combined(llvm.LShrOp, combined(llvm.AndOp, address, 0x3FFFF), 4)
    return combined(llvm.OrOp, units, rest)


def assembly(op: WarpgroupMmaOp, element_bytes: int) -> str:
    """The instructions; operands are the sums twice, then the descriptors."""
    kind, sums = op.kind.data, 8 * len(op.sums)
    steps = LINE // STEP
    k = STEP // element_bytes
    registers = ", ".join(f"${i}" for i in range(sums))
    major = "" if kind == "tf32" else "".join(f", {int(x)}" for x in op.across)
    shape = f"m64n{op.columns}k{k}.f32.{kind}.{kind}"
    lines = ["{", ".reg .pred p;", ".reg .b64 a, b;", "setp.eq.u32 p, 0, 0;"]
    lines.append("wgmma.fence.sync.aligned;")
    for step in range(steps):
        for name, number, across in zip("ab", (0, 1), op.across, strict=True):
            far = step * offsets(across, element_bytes).step // _UNIT
            lines.append(f"add.s64 {name}, ${2 * sums + number}, {far};")
        lines.append(
            f"wgmma.mma_async.sync.aligned.{shape} {{{registers}}}, a, b, p, 1, 1"
            f"{major};"
        )
    return "\n".join([*lines, "wgmma.commit_group.sync.aligned;", "}"])


def on_sums(
    low: FunctionLowering,
    op: Operation,
    sums: Sequence[SSAValue],
    text: str,
    *more: SSAValue,
) -> None:
    """Assembly that changes all sums, each in the register where it is; the operands
    behind them are `more`."""
    given = [x for v in sums for x in lanes(low, low.value(v), f32, range(8))]
    count = len(given)
    words = [*["=f"] * count, *map(str, range(count)), *["l"] * len(more), "~{memory}"]
    struct = llvm.LLVMStructType.from_type_list([f32] * count)
    found = inline_asm(low, text, ",".join(words), [*given, *more], struct)
    new = unpacked(low, found.results[0], f32, count)
    vectors = [gathered(low, new[i : i + 8], f32) for i in range(0, count, 8)]
    low.replace(op, *vectors)


def warpgroup_mma(low: FunctionLowering, op: Operation) -> None:
    """br.warpgroup_mma"""
    assert isinstance(op, WarpgroupMmaOp)
    a, b = (
        descriptor(low, v, index, across, op)
        for v, index, across in (
            (op.a, op.a_index, op.across[0]),
            (op.b, op.b_index, op.across[1]),
        )
    )
    text = assembly(op, bytes_of(low.view(op.a, op).element, op))
    on_sums(low, op, op.sums, text, a, b)


def warpgroup_wait(low: FunctionLowering, op: Operation) -> None:
    """br.warpgroup_wait"""
    assert isinstance(op, WarpgroupWaitOp)
    pending = op.pending.value.data
    on_sums(low, op, op.operands, f"wgmma.wait_group.sync.aligned {pending};")


HANDLERS: dict[str, Handler] = {
    "br.proxy_fence": proxy_fence,
    "br.warpgroup_mma": warpgroup_mma,
    "br.warpgroup_wait": warpgroup_wait,
}
