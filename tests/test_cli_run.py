"""br-run as a user meets it: as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import brdialect
from runtime.debug import LEVELS

MATMUL = """
func.func @main(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) -> tensor<4x3xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x3xf32>) -> tensor<4x3xf32>
  %c = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x3xf32>)
                     outs(%f : tensor<4x3xf32>) -> tensor<4x3xf32>
  return %c : tensor<4x3xf32>
}
"""
DYNAMIC = """
func.func @main(%a: tensor<?x8xf32>, %b: tensor<8x3xf32>) -> tensor<?x3xf32> {
  %zero = arith.constant 0.0 : f32
  %i = arith.constant 0 : index
  %n = tensor.dim %a, %i : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  %c = linalg.matmul ins(%a, %b : tensor<?x8xf32>, tensor<8x3xf32>)
                     outs(%f : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %c : tensor<?x3xf32>
}
"""


@pytest.fixture
def matmul(tmp_path: Path) -> Path:
    """A file with one matmul, 4x8 by 8x3."""
    path = tmp_path / "matmul.mlir"
    path.write_text(MATMUL)
    return path


def br_run(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs br-run to its end."""
    command = [sys.executable, "-m", "runtime.cli.run", *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


def refused(*arguments: object) -> str:
    """The message of a run that must fail as a user's mistake does."""
    done = br_run(*arguments)
    assert done.returncode == 1, done
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert "internal fault" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def test_values_in_results_out(matmul: Path):
    done = br_run(matmul, "--input=4x8xf32=1", "--input=8x3xf32=0.5")
    assert done.returncode == 0, done.stderr
    assert "result 0: 4x3xfloat32\n[[4. 4. 4.]" in done.stdout


def test_files_in_archive_out(matmul: Path, tmp_path: Path):
    random = np.random.default_rng(1)
    a = random.standard_normal((4, 8), np.float32)
    b = random.standard_normal((8, 3), np.float32)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", np.asfortranarray(b))
    np.save(tmp_path / "c.npy", a @ b)
    inputs = (f"--input=@{tmp_path}/a.npy", f"--input=8x3xf32=@{tmp_path}/b.npy")
    output = tmp_path / "out.npz"
    done = br_run(
        matmul, *inputs, f"--output={output}", f"--expected-output=@{tmp_path}/c.npy"
    )
    assert done.returncode == 0, done
    assert "result 0 against expected output: ok: largest error" in done.stdout
    assert_allclose(np.load(output)["result0"], a @ b, rtol=1e-5, atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    wrong = br_run(matmul, *inputs, "--expected-output=4x3xf32=7")
    assert wrong.returncode == 1
    assert "result 0 against expected output: WRONG: largest error" in wrong.stdout


def test_random_inputs_are_the_same_for_a_seed(matmul: Path):
    first, second = br_run(matmul), br_run(matmul, "--seed=0")
    assert first.returncode == 0 and first.stdout == second.stdout
    assert br_run(matmul, "--seed=1").stdout != first.stdout


def test_verify_and_benchmark_as_json(matmul: Path):
    done = br_run(matmul, "--verify", "--benchmark", "--json", "--threads=1")
    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    assert found["ok"] and found["threads"] == 1 and found["entry"] == "main"
    assert found["numpy_reference"][0]["relative"] < 1e-6
    times = found["benchmark"]
    assert 0 < times["min"] <= times["median"] <= times["p90"] <= times["p99"]
    assert times["flops"] == 2 * 4 * 8 * 3
    assert 0 < times["percent_of_peak"] < 100


def test_benchmark_for_people(matmul: Path):
    done = br_run(matmul, "--benchmark")
    assert done.returncode == 0, done
    for word in ("median", "p90", "GFLOP/s", "% of this machine's measured peak"):
        assert word in done.stdout


def test_verify_passes_nan_and_infinity(matmul: Path):
    values = ",".join(["nan", "inf", *["1"] * 22])
    done = br_run(matmul, "--input=4x8xf32=1", f"--input=8x3xf32={values}", "--verify")
    assert done.returncode == 0, done
    done = br_run(
        matmul,
        "--input=4x8xf32=1",
        f"--input=8x3xf32={values}",
        "--expected-output=4x3xf32=8",
    )
    assert (
        done.returncode == 1 and "NaN in only one of the two at [0, 0]" in done.stdout
    )


def test_open_sizes_are_bound_by_inputs(tmp_path: Path):
    path = tmp_path / "open.mlir"
    path.write_text(DYNAMIC)
    done = br_run(path, "--input=5x8xf32", "--input=8x3xf32", "--verify")
    assert done.returncode == 0, done
    assert "expected --input for argument 0, whose sizes ?x8xfloat32 are open" in (
        refused(path)
    )


def test_standard_input():
    done = br_run("-", "--verify", stdin=MATMUL)
    assert done.returncode == 0, done


def test_a_memref_is_written_in_place(tmp_path: Path):
    path = tmp_path / "memref.mlir"
    path.write_text(
        """func.func @kernel(%a: memref<6x5xf32>, %b: memref<5x16xf32>,
                             %c: memref<6x16xf32>) {
          br.batch_reduce_gemm ins(%a, %b : memref<6x5xf32>, memref<5x16xf32>)
                               outs(%c : memref<6x16xf32>)
          return
        }"""
    )
    done = br_run(path, "--verify")
    assert done.returncode == 0, done
    assert "result 2 against numpy reference: ok" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input=4x8xf32"], "expected 2 arguments (4x8xfloat32, 8x3xfloat32), got 1"),
        (
            ["--input=4x8xf64", "--input=8x3xf32"],
            "argument 0: expected 4x8xfloat32, got 4x8xfloat64",
        ),
        (
            ["--input=4x8xf32", "--input=3x8xf32"],
            "argument 1: expected 8x3xfloat32, got 3x8xfloat32",
        ),
        (["--input=@none.npy", "--input=8x3xf32"], "none.npy: No such file"),
        (["--entry=other"], "@other"),
        (["--target=aarch64"], "aarch64"),
        (["--target=vax"], "expected a target out of x86-64-v3"),
        (["--threads=0"], "expected a number of threads from 1"),
        (["--threads=-3"], "expected a number of threads from 1"),
        (["--threads=100000"], "expected a number of threads from 1"),
        (["--threads=many"], "invalid int value: 'many'"),
        (["--seed=-1"], "--seed: expected 0 or more"),
        (["--rtol=nan"], "--rtol: expected 0 or more"),
        (["--output=y.txt"], "--output: expected a file named *.npz, got y.txt"),
        (["--output=/no/such/folder/y.npz"], "y.npz: cannot be written"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--expected-output=4x3xf32", "--expected-output=4xf32"], "2 results, got 1"),
    ],
)
def test_mistakes(matmul: Path, arguments: list[str], message: str):
    assert message in refused(matmul, *arguments)


def test_bad_files(tmp_path: Path):
    assert "none.mlir: cannot read: No such file" in refused(tmp_path / "none.mlir")
    assert "Is a directory" in refused(tmp_path)
    bad = tmp_path / "bad.mlir"
    bad.write_bytes(b"\xff\xfe\x00")
    assert "bad.mlir" in refused(bad)
    bad.write_text("func.func @main() {\n  nonsense.op\n}")
    assert "bad.mlir:2" in refused(bad)
    bad.write_text("")
    refused(bad)


def test_what_cannot_be_lowered_is_named(tmp_path: Path):
    path = tmp_path / "odd.mlir"
    path.write_text(
        """func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
          %b = "test.op"(%a) : (tensor<4xf32>) -> tensor<4xf32>
          return %b : tensor<4xf32>
        }"""
    )
    assert "odd.mlir:2" in refused(path)


@pytest.mark.parametrize("type_", ["tensor<4xbf16>", "tensor<4xi7>", "tensor<*xf32>"])
def test_types_that_numpy_lacks_are_named(tmp_path: Path, type_: str):
    path = tmp_path / "odd.mlir"
    path.write_text(
        f"func.func @main(%a: {type_}) -> {type_} {{\n  return %a : {type_}\n}}"
    )
    assert "argument 0" in refused(path)


def test_sizes_beyond_memory(tmp_path: Path):
    path = tmp_path / "huge.mlir"
    path.write_text(MATMUL.replace("4x", "99999999999x").replace("x3", "x99999999999"))
    assert "GiB of memory" in refused(path)


def test_raw_llvm_is_refused_before_llvm_sees_it(tmp_path: Path):
    path = tmp_path / "raw.mlir"
    path.write_text(
        """func.func @main(%a: memref<4xf32>) {
          %c = arith.constant 0 : i32
          "llvm.call_intrinsic"(%c) <{intrin = "llvm.aarch64.hint",
            fastmathFlags = #llvm.fastmath<none>, op_bundle_sizes = array<i32>,
            operandSegmentSizes = array<i32: 1, 0>}> : (i32) -> ()
          return
        }"""
    )
    assert "raw.mlir:3" in refused(path)


@pytest.mark.parametrize("sizes", [(0, 8, 3), (4, 8, 0), (4, 0, 3)], ids=str)
def test_empty_sizes(tmp_path: Path, sizes: tuple[int, int, int]):
    m, k, n = sizes
    path = tmp_path / "empty.mlir"
    text = MATMUL.replace("4x8", f"{m}x{k}").replace("8x3", f"{k}x{n}")
    path.write_text(text.replace("4x3", f"{m}x{n}"))
    done = br_run(path, "--verify")
    assert done.returncode == 0, done


def test_negative_sizes_are_refused(tmp_path: Path):
    path = tmp_path / "negative.mlir"
    path.write_text(MATMUL.replace("4x", "-4x"))
    assert "negative.mlir:2" in refused(path)


def hears_interrupts() -> None:
    """What runs in the background is started with the interrupt key ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupt_is_quiet(matmul: Path):
    command = [sys.executable, "-m", "runtime.cli.run", str(matmul), "--benchmark"]
    told = os.environ | {"BR_DEBUG": "1"}
    process = subprocess.Popen(
        command, stdout=-1, stderr=-1, text=True, env=told, preexec_fn=hears_interrupts
    )
    assert process.stderr is not None
    assert "parse" in process.stderr.readline()  # it is under way
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("level", ["yes", "5", "-1"])
def test_wrong_debug_level(matmul: Path, monkeypatch: pytest.MonkeyPatch, level: str):
    monkeypatch.setenv("BR_DEBUG", level)
    told = f"BR_DEBUG: expected {LEVELS}, got '{level}'"
    assert told in refused(matmul)
    with pytest.raises(brdialect.BrError, match=re.escape(told)):
        brdialect.compile(matmul)


def test_empty_debug_level(matmul: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BR_DEBUG", "")
    done = br_run(matmul)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_has_examples():
    done = br_run("--help")
    assert done.returncode == 0
    assert "br-run mlp.mlir --verify" in done.stdout
