"""How many floating-point operations per second this machine can reach: measured, by
fused multiply-adds on registers alone."""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor

from brdialect.targets import Target
from runtime.jit import load

_SECONDS = 0.01  # one measurement: long against the clock's step and a timer interrupt
_TRIALS = 10


def fma_chains_ir(target: Target, element_bytes: int) -> tuple[str, int]:
    """LLVM IR of `void peak(i64 steps, ptr chains)`, and its floating-point operations
    per step.

    Every step is one FMA for each of as many independent chains as registers allow:
    more than latency (4 or 5 cycles) times units (2), so that no chain waits. They come
    from memory and go back there, so that the optimiser can drop none of them.
    """
    count = target.vector_registers - 4
    lanes = target.lanes(element_bytes)
    element = {4: "float", 8: "double"}[element_bytes]
    vector = f"<{lanes} x {element}>"
    fma = f"@llvm.fma.v{lanes}f{8 * element_bytes}"
    # x = x/2 + 1/2 tends to 1: neither overflow nor slow subnormal numbers
    half = f"{vector} splat ({element} 0.5)"
    chains = range(count)
    lines = [
        f"declare {vector} {fma}({vector}, {vector}, {vector})",
        "define void @peak(i64 %steps, ptr %chains) {",
        "entry:",
        *(f"  %p{i} = getelementptr {vector}, ptr %chains, i64 {i}" for i in chains),
        *(f"  %x{i} = load {vector}, ptr %p{i}, align 8" for i in chains),
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *(
            f"  %y{i} = phi {vector} [ %x{i}, %entry ], [ %z{i}, %loop ]"
            for i in chains
        ),
        *(
            f"  %z{i} = call {vector} {fma}({vector} %y{i}, {half}, {half})"
            for i in chains
        ),
        "  %next = add i64 %i, 1",
        "  %more = icmp ult i64 %next, %steps",
        "  br i1 %more, label %loop, label %done",
        "done:",
        *(f"  store {vector} %z{i}, ptr %p{i}, align 8" for i in chains),
        "  ret void",
        "}",
    ]
    return "\n".join(lines) + "\n", 2 * count * lanes


class PeakMeter:
    """Samples the rate at which `target.threads` threads at once multiply and add."""

    def __init__(self, target: Target, element_bytes: int = 4):
        text, self._flops = fma_chains_ir(target, element_bytes)
        self._code = load(text, target, ["peak"])
        # without Python's lock: threads run side by side
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)
        self._peak = function(self._code.address("peak"))
        self._target = target
        self._steps = int(self._rate(10_000) * _SECONDS / self._flops)

    def _rate(self, steps: int) -> float:
        size = self._target.vector_bytes * self._target.vector_registers
        chains = ctypes.create_string_buffer(size)
        start = time.perf_counter()
        self._peak(steps, chains)
        return self._flops * steps / (time.perf_counter() - start)

    def sample(self) -> float:
        """Operations per second in one measurement of a hundredth of a second."""
        threads = self._target.threads
        if threads == 1:  # on the thread that asks, whose core is awake
            return self._rate(self._steps)
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(self._rate, [self._steps] * threads))


def measure_peak(target: Target, element_bytes: int = 4) -> float:
    """Operations per second, the best of several measurements."""
    meter = PeakMeter(target, element_bytes)
    return max(meter.sample() for _ in range(_TRIALS))
