"""`brdialect.compile`, the Python interface."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import brdialect
from brdialect.errors import BrError
from brdialect.reference.values import Array
from runtime.codegen import emit_object
from runtime.compiler import Compiled, compile
from runtime.host import cpus, host_target
from runtime.model import Model
from runtime.program import load_program
from runtime.threads import SYMBOLS

MATMUL = """
func.func @main(%a: tensor<{m}x8xf32>, %b: tensor<8x40xf32>) -> tensor<{m}x40xf32> {{
  %zero = arith.constant 0.0 : f32
  %i = arith.constant 0 : index
  %n = tensor.dim %a, %i : tensor<{m}x8xf32>
  %e = {empty} : tensor<{m}x40xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<{m}x40xf32>) -> tensor<{m}x40xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x8xf32>, tensor<8x40xf32>)
                     outs(%f : tensor<{m}x40xf32>) -> tensor<{m}x40xf32>
  return %c : tensor<{m}x40xf32>
}}
"""
STATIC = MATMUL.format(m=6, empty="tensor.empty()")
OPEN = MATMUL.format(m="?", empty="tensor.empty(%n)")


def random(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def close(got: object, want: Array) -> None:
    assert isinstance(got, np.ndarray)
    assert_allclose(got, want, rtol=1e-5, atol=1e-5)  # pyright: ignore


def test_the_face_hands_on_its_names():
    assert brdialect.compile is compile and brdialect.Compiled is Compiled
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = brdialect.nothing


def test_sources(tmp_path: Path):
    (tmp_path / "m.mlir").write_text(STATIC)
    a, b = random(6, 8), random(8, 40)
    for source in (STATIC, tmp_path / "m.mlir", str(tmp_path / "m.mlir")):
        close(compile(source, threads=1)(a, b), a @ b)


def test_results_are_fresh_and_aligned():
    f = compile(STATIC, threads=1)
    a, b = random(6, 8), random(8, 40)
    first = f(a, b)
    second = f(2 * a, b)
    close(first, a @ b)
    close(second, 2 * a @ b)
    assert isinstance(first, np.ndarray) and first.ctypes.data % 64 == 0


def test_strided_arguments_are_copied():
    a, b = random(8, 6).T, random(8, 80)[:, ::2]
    close(compile(STATIC, threads=1)(a, b), a @ b)


def test_each_shape_is_compiled_once(monkeypatch: pytest.MonkeyPatch):
    f = compile(OPEN, threads=1)
    built: list[Any] = []
    build = Model.executable

    def count(self: Model, shapes: Any) -> Any:
        built.append(shapes)
        return build(self, shapes)

    monkeypatch.setattr(Model, "executable", count)
    b = random(8, 40)
    for rows in (5, 1, 5, 7, 1):
        a = random(rows, 8)
        close(f(a, b), a @ b)
    assert [shapes[0][0] for shapes in built] == [5, 1, 7]


@pytest.mark.parametrize("source", [STATIC, OPEN], ids=["static", "open"])
@pytest.mark.parametrize("bound", [0, 1])
def test_constants_are_given_once(source: str, bound: int):
    arrays = [random(6, 8), random(8, 40)]
    kept = arrays[bound].copy()
    f = compile(source, threads=1, constants={bound: kept})
    kept[...] = np.nan if source is STATIC else kept  # packed already
    assert len(f.parameters) == 1
    close(f(arrays[1 - bound]), arrays[0] @ arrays[1])


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        (
            {2: random(8, 40)},
            "expected constants for arguments 0 to 1, got one",
        ),
        ({-1: random(8, 40)}, "got one for argument -1"),
        ({1: random(40, 8)}, "constant 1: expected 8x40xfloat32, got 40x8xfloat32"),
        ({1: random(8, 40).astype(float)}, "expected 8x40xfloat32, got 8x40xfloat64"),
    ],
)
def test_bad_constants(constants: dict[int, Array], message: str):
    with pytest.raises(BrError, match=message):
        compile(STATIC, constants=constants)


def test_a_bound_argument_is_given():
    marked = STATIC.replace("8x40xf32>)", "8x40xf32> {br.bound = 1 : i64})", 1)
    assert marked != STATIC
    a, b = random(6, 8), random(8, 40)
    close(compile(marked, constants={1: b})(a), a @ b)
    with pytest.raises(BrError, match=r"argument 1 of @\w+: .*constants=\{1: array\}"):
        compile(marked)


def test_bad_calls():
    f = compile(STATIC, threads=1)
    with pytest.raises(BrError, match=r"expected 2 arguments .*, got 1"):
        f(random(6, 8))
    with pytest.raises(BrError, match="argument 1: expected 8x40xfloat32, got 8x4x"):
        f(random(6, 8), random(8, 4))


def test_memrefs_are_row_major():
    """Machine code takes the strides of any other from arguments that no array has."""
    for layout in ("strided<[8, 1]>", "strided<[?, 1], offset: ?>"):
        text = f"func.func @main(%x: memref<2x3xf32, {layout}>) {{ return }}"
        with pytest.raises(BrError, match="argument 0: expected a row-major memref"):
            compile(text, threads=1)


def test_bad_sources():
    with pytest.raises(BrError, match=r"none\.mlir"):
        compile("none.mlir")
    with pytest.raises(BrError, match=":2:"):
        compile("func.func @main() {\n  oh no\n}")
    with pytest.raises(BrError, match="@other"):
        compile(STATIC, entry="other")
    with pytest.raises(BrError, match="aarch64"):
        compile(STATIC, target="aarch64" if is_x86() else "x86-64-v3")


def is_x86() -> bool:
    return host_target(1).triple.startswith("x86_64")


def test_a_target_below_the_host_runs():
    target = "x86-64-v3" if is_x86() else "aarch64"
    a, b = random(6, 8), random(8, 40)
    close(compile(STATIC, target=target, threads=1)(a, b), a @ b)


def test_python_threads_may_call_at_once():
    f = compile("examples/digits_cnn.mlir", threads=1)
    images = np.load("examples/digits_test.npz")["images"][:8]
    want = f(images)
    barrier = threading.Barrier(4)

    def call(_: int) -> bool:
        barrier.wait()
        return all(np.array_equal(f(images), want) for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(4)))


def test_what_was_made_can_be_seen():
    f = compile(STATIC, threads=1)
    assert f.ir() == f.ir("input") and "linalg.matmul" in f.ir()
    assert "br.contract" in f.ir("normalise-contractions")
    assert "br.batch_reduce_gemm" in f.ir("convert-linalg-to-br")
    assert "llvm.func" in f.ir("llvm") and "define" in f.llvm_ir()
    assert "main:" in f.assembly()
    with pytest.raises(
        BrError, match=r"expected a stage out of input, .*got 'mincing'"
    ):
        f.ir("mincing")


def test_open_shapes_have_no_code_before_a_call():
    f = compile(OPEN, threads=1)
    with pytest.raises(BrError, match="expected a call first"):
        f.assembly()
    f(random(3, 8), random(8, 40))
    assert "main:" in f.assembly()


def test_debug_levels(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    compile(STATIC, threads=1)
    assert capsys.readouterr().err == ""
    for level, word in (("1", "bufferize: "), ("3", "define "), ("4", "main:")):
        monkeypatch.setenv("BR_DEBUG", level)
        compile(STATIC, threads=1)
        assert word in capsys.readouterr().err


def test_a_call_allocates_nothing_and_starts_no_thread():
    f = compile("examples/digits_cnn.mlir", threads=min(2, cpus()))
    x = random(1, 1, 8, 8)
    f(x)
    executable = f.executable((x.shape,))
    results = executable.results([x])
    call = executable.bind([x], results, executable.workspace([x]))
    call()
    # the functions that the code calls: the thread team's, and LLVM's intrinsics
    called = re.findall(r"^declare .*@\"?([\w.]+)", f.llvm_ir(), re.MULTILINE)
    assert {n for n in called if not n.startswith("llvm.")} <= set(SYMBOLS)
    tasks = Path("/proc/self/task")
    before = set(tasks.iterdir())
    for _ in range(3):
        call()
    assert set(tasks.iterdir()) == before
    np.testing.assert_array_equal(results[0], np.asarray(f(x)))


FATAL = """
declare void @llvm.aarch64.hint(i32)
declare void @llvm.x86.sse2.pause()
define void @f() {
  call void @llvm.aarch64.hint(i32 0)
  call void @llvm.x86.sse2.pause()
  ret void
}
"""
"""One of the two has no code on any machine, which ends LLVM's process."""


def test_a_fatal_error_of_llvm_is_a_message():
    program = load_program(STATIC, None, host_target(1), guard=True)
    with pytest.raises(BrError, match="LLVM could not generate code"):
        program.generate(emit_object, FATAL)


@pytest.mark.parametrize(
    ("body", "guarded"),
    [("", False), ("%v = vector.load %a[%i] : memref<8xf32>, vector<8xf32>", True)],
)
def test_only_raw_operations_are_compiled_apart(body: str, guarded: bool):
    text = f"""func.func @main(%a: memref<8xf32>) {{
      %i = arith.constant 0 : index
      {body}
      return
    }}"""
    assert load_program(text, None, host_target(1)).guarded is guarded


@pytest.mark.parametrize("bound", [False, True])
def test_more_arguments_than_ctypes_passes(bound: bool):
    """Given in each call, or once, when the program is loaded."""
    count, read = 1100, (0, 1023, 1024, 1099)
    names = [f"%a{i}: tensor<3xf32>" for i in range(count)]
    text = f"func.func @main({', '.join(names)}) -> tensor<12xf32> {{\n" + (
        f"%c = tensor.concat dim(0) {', '.join(f'%a{i}' for i in read)} : "
        f"({', '.join(['tensor<3xf32>'] * 4)}) -> tensor<12xf32>\n"
        "return %c : tensor<12xf32>\n}"
    )
    arrays = {i: random(3) + np.float32(i) for i in range(count)}
    want = np.concatenate([arrays[i] for i in read])
    if bound:
        close(compile(text, threads=1, constants=arrays, cache=False)(), want)
    else:
        close(compile(text, threads=1, cache=False)(*arrays.values()), want)


NUMBERS = """
func.func @main(%x: tensor<2xf64>, %h: i8, %s: f32, %n: i64, %t: i1, %d: f64)
    -> tensor<5xf64> {
  %a = arith.sitofp %h : i8 to f64
  %b = arith.extf %s : f32 to f64
  %c = arith.sitofp %n : i64 to f64
  %e = arith.uitofp %t : i1 to f64
  %y = tensor.from_elements %a, %b, %c, %e, %d : tensor<5xf64>
  return %y : tensor<5xf64>
}
"""


def test_numbers_of_all_sizes_are_passed_whole():
    numbers = (np.int8(-3), np.float32(-0.5), np.int64(-(1 << 40)), np.bool_(True))
    got = compile(NUMBERS, threads=1)(np.zeros(2), *numbers, np.float64(1e300))
    np.testing.assert_array_equal(got, [-3.0, -0.5, -float(1 << 40), 1.0, 1e300])


def test_truth_values_that_are_constants():
    """They are bytes of 0 or 1 when the model is loaded, whatever they are in IR."""
    source = """
    func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %c = arith.constant dense<[[false], [false], [true]]> : tensor<3x1xi1>
      %e = tensor.empty() : tensor<3x4xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>,
          affine_map<(i, j) -> (i, 0)>, affine_map<(i, j) -> (i, j)>],
          iterator_types = ["parallel", "parallel"]}
          ins(%x, %c : tensor<3x4xf32>, tensor<3x1xi1>) outs(%e : tensor<3x4xf32>) {
      ^bb0(%a: f32, %b: i1, %o: f32):
        %k = arith.constant 10.0 : f32
        %s = arith.select %b, %k, %a : f32
        linalg.yield %s : f32
      } -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }"""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    got = compile(source, cache=False)(x)
    np.testing.assert_array_equal(got, np.vstack([x[:2], np.full((1, 4), 10.0)]))
