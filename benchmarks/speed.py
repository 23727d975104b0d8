"""The micro-kernel, and a matmul, against the FMA peak that the same run measures.

    python benchmarks/speed.py [--seconds S]

Samples of a kernel and of the peak take turns. Two shares are printed: of the best
sample in the best peak of that line's samples (on a machine that others use as well,
noise only ever takes time away), and the median share of a sample in the better one of
the two peaks beside it. What is computed is compared with numpy first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

import brdialect
from brdialect.targets import Target
from passes.schedule.register_block import default_register_block
from runtime.host import host_target
from runtime.peak import PeakMeter

KERNELS = [(64, 28, 64, batch) for batch in (1, 4, 9, 16)] + [
    (64, 64, 64, 1),
    (32, 6, 64, 1),
    (16, 28, 64, 1),
]
"""n x m x k, batch: the paper's blocks, all operands in cache."""


def panel_width(n: int, m: int, target: Target) -> int:
    """The columns of a panel of B: as many as the micro-kernel keeps in registers."""
    lanes = target.lanes(4)
    return min(n, lanes * default_register_block(m, n, lanes, target)[1])


def kernel_source(n: int, m: int, k: int, batch: int, width: int) -> str:
    """`reps` times one batch-reduce GEMM, B in panels of `width` columns as
    pack-operands lays out weights."""
    panels, panel = n // width, batch * k * width
    a, b, c = (
        f"memref<{'x'.join(map(str, shape))}xf32>"
        for shape in ((batch, m, k), (panels, batch, k, width), (m, n))
    )
    calls = ""
    for j in range(panels):
        b_layout = f"strided<[{k * width}, {width}, 1], offset: {j * panel}>"
        c_layout = f"strided<[{n}, 1], offset: {j * width}>"
        b_type = f"memref<{batch}x{k}x{width}xf32, {b_layout}>"
        c_type = f"memref<{m}x{width}xf32, {c_layout}>"
        calls += f"""
          %b{j} = memref.reinterpret_cast %b to offset: [{j * panel}],
            sizes: [{batch}, {k}, {width}], strides: [{k * width}, {width}, 1]
            : {b} to {b_type}
          %c{j} = memref.reinterpret_cast %c to offset: [{j * width}],
            sizes: [{m}, {width}], strides: [{n}, 1] : {c} to {c_type}
          br.batch_reduce_gemm ins(%a, %b{j} : {a}, {b_type}) outs(%c{j} : {c_type})
            {{beta = 0.0 : f64}}"""
    return f"""
      func.func @main(%a: {a}, %b: {b}, %c: {c}, %reps: index) {{
        %zero = arith.constant 0 : index
        %one = arith.constant 1 : index
        scf.for %i = %zero to %reps step %one {{{calls}
        }}
        func.return
      }}"""


def matmul_source(size: int) -> str:
    """A row-major linalg.matmul; packing is part of the call."""
    t = f"tensor<{size}x{size}xf32>"
    return f"""
      func.func @main(%a: {t}, %b: {t}) -> {t} {{
        %zero = arith.constant 0.0 : f32
        %empty = tensor.empty() : {t}
        %init = linalg.fill ins(%zero : f32) outs(%empty : {t}) -> {t}
        %c = linalg.matmul ins(%a, %b : {t}, {t}) outs(%init : {t}) -> {t}
        func.return %c : {t}
      }}"""


def share(
    call: Callable[[], object], flops: float, peak: PeakMeter, seconds: float
) -> str:
    """The best rate, its share of the best peak, and the median share of samples."""
    shares: list[float] = []
    best = top = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = peak.sample()
        start = time.perf_counter()
        call()
        rate = flops / (time.perf_counter() - start)
        beside = max(before, peak.sample())
        shares.append(rate / beside)
        best, top = max(best, rate), max(top, beside)
    return f"{best / 1e9:8.1f} {best / top:7.1%} {median(shares):7.1%}"


def check(got: np.ndarray, want: np.ndarray, what: str) -> None:
    """Stops where the numbers are wrong: their speed would mean nothing."""
    error = float(abs(got - want).max() / abs(want).max())
    if not error < 1e-5:
        raise SystemExit(f"{what}: relative error {error:.2e}")


def main() -> None:
    """One line for each kernel, then the matmul on one and two threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each line")
    seconds = parser.parse_args().seconds
    random = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, dtype=np.float32)

    one = PeakMeter(host_target(1))
    print(f"{'':28s} {'GFLOP/s':>8s} {'of peak':>7s} {'median':>7s}")
    for n, m, k, batch in KERNELS:
        width = panel_width(n, m, host_target(1))
        f = brdialect.compile(kernel_source(n, m, k, batch, width), threads=1)
        a, b, c = array(batch, m, k), array(batch, k, n), np.full((m, n), np.nan, "f4")
        panels = np.ascontiguousarray(
            b.reshape(batch, k, n // width, width).transpose(2, 0, 1, 3)
        )
        name = f"{n} x {m} x {k}, batch {batch}"
        f(a, panels, c, 1)
        check(c, np.einsum("bmk,bkn->mn", a, b, dtype=np.float64), name)
        flops = 2 * n * m * k * batch
        reps = int(2e8 / flops)
        call = partial(f, a, panels, c, reps)
        print(f"{name:28s} {share(call, flops * reps, one, seconds)}", flush=True)
    size = 1024
    a, b = array(size, size), array(size, size)
    for threads in (1, 2):
        meter = PeakMeter(host_target(threads))
        f = brdialect.compile(matmul_source(size), threads=threads)
        check(f(a, b), a.astype("f8") @ b, "matmul")
        name = f"matmul {size}^3, {threads} thread{'s' * (threads > 1)}"
        row = share(partial(f, a, b), 2 * size**3, meter, seconds)
        print(f"{name:28s} {row}", flush=True)


if __name__ == "__main__":
    main()
