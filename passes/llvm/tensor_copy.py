"""br.* of tensor_copy_ops.py -> PTX in inline assembly.

br.tensor_copy %map[%c, %w, %h, %n] offset[%s, %r] to %shared[%i]
  counted by %barriers[%j] {box = 64}
->
cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes
  [shared], [map, {c, w, h, n}], [barrier], {s, r};

and without offsets the tiled mode, which need not be named.
"""

from __future__ import annotations

from xdsl.dialects import llvm
from xdsl.dialects.builtin import i16, i32, i64
from xdsl.ir import Operation, SSAValue

from brdialect.block_tile import BARRIER_BYTES
from brdialect.tensor_copy_ops import (
    MAP_BYTES,
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
    TensorCopyOp,
)
from passes.llvm.lowering import FunctionLowering, Handler
from passes.llvm.memory import indices_of
from passes.llvm.warpgroup import inline_asm
from passes.shared.build import memref_type

_EFFECTS = "~{memory}"


def place(
    low: FunctionLowering, source: SSAValue, index: SSAValue | None, op: Operation
) -> SSAValue:
    """An address as a number: in shared memory, that in its window."""
    view = low.view(source, op)
    start = low.address(view, indices_of(low, () if index is None else (index,)))
    return low.compute(llvm.PtrToIntOp, (start,), i64)


def acquire_map(low: FunctionLowering, op: Operation) -> None:
    """br.acquire_map"""
    assert isinstance(op, AcquireMapOp)
    text = f"fence.proxy.tensormap::generic.acquire.sys [$0], {MAP_BYTES};"
    inline_asm(low, text, f"l,{_EFFECTS}", [first_byte(low, op.map, op)], None)


def first_byte(low: FunctionLowering, source: SSAValue, op: Operation) -> SSAValue:
    """Where a tensor map lies, as a generic address."""
    start = low.address(low.view(source, op), [low.int64(0)])
    return low.compute(llvm.PtrToIntOp, (start,), i64)


def mbarrier_init(low: FunctionLowering, op: Operation) -> None:
    """br.mbarrier_init; the fence makes them seen by the copies."""
    assert isinstance(op, MbarrierInitOp)
    (count,) = memref_type(op.barriers).get_shape()
    start = low.address(low.view(op.barriers, op), [low.int64(0)])
    lines = [
        f"mbarrier.init.shared::cta.b64 [$0+{BARRIER_BYTES * i}], 1;"
        for i in range(count)
    ]
    text = "\n".join([*lines, "fence.proxy.async.shared::cta;"])
    address = low.compute(llvm.PtrToIntOp, (start,), i64)
    inline_asm(low, text, f"l,{_EFFECTS}", [address], None)


def mbarrier_expect(low: FunctionLowering, op: Operation) -> None:
    """br.mbarrier_expect"""
    assert isinstance(op, MbarrierExpectOp)
    bytes_ = op.bytes.value.data
    text = f"mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], {bytes_};"
    address = place(low, op.barriers, op.index, op)
    inline_asm(low, text, f"l,{_EFFECTS}", [address], None)


def mbarrier_wait(low: FunctionLowering, op: Operation) -> None:
    """br.mbarrier_wait: a try may come back before the phase is over."""
    assert isinstance(op, MbarrierWaitOp)
    text = "\n".join(
        (
            "{",
            ".reg .pred p;",
            "again:",
            "mbarrier.try_wait.parity.shared::cta.b64 p, [$0], $1;",
            "@!p bra again;",
            "}",
        )
    )
    operands = [place(low, op.barriers, op.index, op), low.value(op.parity)]
    inline_asm(low, text, f"l,r,{_EFFECTS}", operands, None)


def tensor_copy(low: FunctionLowering, op: Operation) -> None:
    """br.tensor_copy"""
    assert isinstance(op, TensorCopyOp)
    rank, window = len(op.coordinates), len(op.offsets)
    operands = [
        place(low, op.target, op.target_index, op),
        first_byte(low, op.map, op),
        place(low, op.barriers, op.index, op),
        *(low.compute(llvm.TruncOp, (low.value(x),), i32) for x in op.coordinates),
        *(low.compute(llvm.TruncOp, (low.value(x),), i16) for x in op.offsets),
    ]
    names = [f"${i}" for i in range(3, len(operands))]
    at, offsets = ", ".join(names[:rank]), ", ".join(names[rank:])
    mode, end = (".im2col", f", {{{offsets}}}") if window else ("", "")
    text = (
        f"cp.async.bulk.tensor.{rank}d.shared::cluster.global{mode}"
        f".mbarrier::complete_tx::bytes [$0], [$1, {{{at}}}], [$2]{end};"
    )
    words = [*"lll", *"r" * rank, *"h" * window, _EFFECTS]
    inline_asm(low, text, ",".join(words), operands, None)


HANDLERS: dict[str, Handler] = {
    "br.acquire_map": acquire_map,
    "br.mbarrier_expect": mbarrier_expect,
    "br.mbarrier_init": mbarrier_init,
    "br.mbarrier_wait": mbarrier_wait,
    "br.tensor_copy": tensor_copy,
}
