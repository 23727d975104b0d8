"""How many floating-point operations per second this machine can reach: measured, by
fused multiply-adds on registers alone."""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor

from brdialect.target import Target
from runtime.jit import load

_SECONDS = 0.01  # one measurement: long against the clock's step and a timer interrupt
_TRIALS = 10


def fma_chains_ir(target: Target, element_bytes: int) -> tuple[str, int]:
    """LLVM IR of `double peak(i64 steps)` and its floating-point operations per step.

    Every step is one FMA for each of as many independent chains as registers allow:
    more than latency (4 or 5 cycles) times units (2), so that no chain waits.
    """
    chains = target.vector_registers - 4
    lanes = target.lanes(element_bytes)
    element = {4: "float", 8: "double"}[element_bytes]
    vector = f"<{lanes} x {element}>"
    fma = f"@llvm.fma.v{lanes}f{8 * element_bytes}"
    # x = x/2 + 1/2 stays at 1: neither overflow nor slow subnormal numbers
    half = f"splat ({element} 0.5)"
    phis = [
        f"  %x{i} = phi {vector} [ splat ({element} {i + 1}.0), %entry ], "
        f"[ %y{i}, %loop ]"
        for i in range(chains)
    ]
    steps = [
        f"  %y{i} = call {vector} {fma}({vector} %x{i}, {vector} {half}, "
        f"{vector} {half})"
        for i in range(chains)
    ]
    sums = [
        f"  %s{i} = fadd {vector} %s{i - 1}, %y{i}"
        if i
        else f"  %s0 = fadd {vector} %y0, %y0"
        for i in range(chains)
    ]
    lines = [
        f"declare {vector} {fma}({vector}, {vector}, {vector})",
        "define void @peak(i64 %steps, ptr %out) {",
        "entry:",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *phis,
        *steps,
        "  %next = add i64 %i, 1",
        "  %more = icmp ult i64 %next, %steps",
        "  br i1 %more, label %loop, label %done",
        "done:",
        *sums,
        f"  store {vector} %s{chains - 1}, ptr %out, align 4",
        "  ret void",
        "}",
    ]
    return "\n".join(lines) + "\n", 2 * chains * lanes


def measure_peak(target: Target, element_bytes: int = 4) -> float:
    """Operations per second of `target.threads` threads at once, the best of several
    measurements."""
    text, flops = fma_chains_ir(target, element_bytes)
    code = load(text, target, ["peak"])
    peak = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(code.address("peak"))

    def rate(steps: int) -> float:
        out = ctypes.create_string_buffer(target.vector_bytes)
        start = time.perf_counter()
        peak(steps, out)  # without Python's lock: threads run side by side
        return flops * steps / (time.perf_counter() - start)

    steps = int(rate(10_000) * _SECONDS / flops)
    with ThreadPoolExecutor(target.threads) as pool:
        return max(
            sum(pool.map(rate, [steps] * target.threads)) for _ in range(_TRIALS)
        )
