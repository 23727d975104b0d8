"""Loading and calling code: hand-written LLVM IR in place of a compiled program."""

from __future__ import annotations

import ctypes
import gc
import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import brdialect
from brdialect.errors import BrError
from runtime import code as loading
from runtime import jit, peak
from runtime.codegen import emit_assembly
from runtime.host import cpus, host_target
from runtime.peak import fma_chains_ir, measure_peak
from runtime.threads import openmp_symbols

ADD = """
define double @add(double %x, double %y) {
  %z = fadd double %x, %y
  ret double %z
}
"""
TEAM = """
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
define internal void @body(ptr %marks) {
  %n = call i32 @omp_get_thread_num()
  %team = call i32 @omp_get_num_threads()
  %p = getelementptr i32, ptr %marks, i32 %n
  store i32 %team, ptr %p
  ret void
}
define void @mark(ptr %marks, i32 %threads) {
  call void @GOMP_parallel(ptr @body, ptr %marks, i32 %threads, i32 0)
  ret void
}
"""


def test_functions_live_as_long_as_their_code():
    target = host_target(1)
    codes = [jit.load(ADD, target, ["add"]) for _ in range(3)]  # one name, three times
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    adds = [prototype(code.address("add")) for code in codes]
    del codes[1]
    gc.collect()
    assert adds[0](1, 2) == adds[2](1, 2) == 3


def test_a_missing_symbol_is_a_message():
    text = "declare void @no_such_function()\ndefine void @f() {\n"
    text += "  call void @no_such_function()\n  ret void\n}\n"
    with pytest.raises(BrError, match="cannot be loaded"):
        jit.load(text, host_target(1), ["f"])


def mark(threads: int) -> list[int]:
    """What each member of a team saw as its size."""
    code = jit.load(TEAM, host_target(1), ["mark"])
    marks = (ctypes.c_int32 * 4)()
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)(code.address("mark"))(
        ctypes.addressof(marks), threads
    )
    return list(marks)


@pytest.mark.skipif(not openmp_symbols(), reason="needs an OpenMP runtime")
def test_a_team_runs_side_by_side():
    size = min(2, cpus())
    assert mark(size) == [size] * size + [0] * (4 - size)


def test_the_serial_team_is_a_team_of_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loading, "openmp_symbols", dict)
    assert mark(2) == [1, 0, 0, 0]


def test_a_team_does_the_work_of_a_member_that_is_late(
    monkeypatch: pytest.MonkeyPatch,
):
    """Of two members the second never comes, or comes when all is done."""
    members: list[int] = []
    present: list[int] = []

    def run(function: int, context: int, _threads: int, _flags: int) -> None:
        for number in present:
            members.append(number)
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(function)(context)

    address, number = ctypes.c_void_p, ctypes.c_int32
    entries = {
        "GOMP_parallel": ctypes.CFUNCTYPE(None, address, address, number, number)(run),
        "omp_get_thread_num": ctypes.CFUNCTYPE(number)(lambda: members[-1]),
        "omp_get_num_threads": ctypes.CFUNCTYPE(number)(lambda: 2),
    }
    team = {name: ctypes.cast(f, address).value for name, f in entries.items()}
    monkeypatch.setattr(loading, "openmp_symbols", lambda: team)
    text = """
    func.func @main(%a: tensor<331x67xf32>, %b: tensor<67x129xf32>)
        -> tensor<331x129xf32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<331x129xf32>
      %0 = linalg.fill ins(%zero : f32) outs(%e : tensor<331x129xf32>)
        -> tensor<331x129xf32>
      %1 = linalg.matmul ins(%a, %b : tensor<331x67xf32>, tensor<67x129xf32>)
        outs(%0 : tensor<331x129xf32>) -> tensor<331x129xf32>
      func.return %1 : tensor<331x129xf32>
    }"""
    product = brdialect.compile(text, threads=2, cache=False)
    random = np.random.default_rng()
    a = random.standard_normal((331, 67), np.float32)
    b = random.standard_normal((67, 129), np.float32)
    results: list[np.ndarray] = []
    for present[:] in ([0], [1], [1, 0]):
        got = product(a, b)
        assert isinstance(got, np.ndarray)
        results.append(got)
        np.testing.assert_allclose(got, a @ b, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(got, results[0])
    assert members and set(members) == {0, 1}


def test_python_threads_call_the_same_code():
    code = jit.load(ADD, host_target(1), ["add"])
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    add = prototype(code.address("add"))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, range(100), range(100))) == [
            2.0 * i for i in range(100)
        ]


@pytest.mark.parametrize("size", [4, 8])
def test_the_peak_loop_is_nothing_but_fma(size: int):
    target = host_target(1)
    text, flops = fma_chains_ir(target, size)
    assembly = emit_assembly(text, target)
    assert flops == 2 * (target.vector_registers - 4) * target.lanes(size)
    if target.triple.startswith("x86_64"):
        body = assembly[assembly.index("peak:") :].splitlines()
        # each chain at least once a step, and as often in every unrolled copy
        products = [line for line in body if "\tvfmadd" in line]
        chains = Counter(line.split()[-1] for line in products)
        assert len(chains) == target.vector_registers - 4
        assert len(set(chains.values())) == 1
        assert not any("rsp" in line for line in body)  # no spills
        suffix = {4: "ps", 8: "pd"}[size]
        assert all(line.split()[0].endswith(suffix) for line in products)


@pytest.mark.parametrize("size", [4, 8])
def test_the_peak_is_operations_by_time(size: int, monkeypatch: pytest.MonkeyPatch):
    target = host_target(1)
    # each reading of this clock is a quarter of a second after the last: a ratio of
    # real times would judge the machine's neighbours
    clock = itertools.count(0, 0.25)
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(peak, "_SECONDS", 0.25)
    flops = fma_chains_ir(target, size)[1] * 10_000  # of the steps that set the pace
    assert measure_peak(target, size) == pytest.approx(flops / 0.25)
