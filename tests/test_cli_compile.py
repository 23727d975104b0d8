"""br-compile as a user meets it: as a process, and its outputs from C."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MLP = """
func.func @{name}(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {{
  %w = arith.constant dense<0.5> : tensor<3x4xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x3xf32>, tensor<3x4xf32>)
                     outs(%f : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}}
"""
CALLER = """
#include <stdio.h>
#include "{name}.h"
int main(void) {{
  const float x[6] = {{1, 2, 3, 4, 5, 6}};
  float y[8];
  for (int i = 0; i < 2; ++i)
    if ({name}(x, y) != 0) return 1;
  printf("%g %g\\n", y[0], y[7]);
  return 0;
}}
"""
needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    """A file with one product by weights of its own."""
    path = tmp_path / "mlp.mlir"
    path.write_text(MLP.format(name="main"))
    return path


def br_compile(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs br-compile to its end."""
    command = [sys.executable, "-m", "runtime.cli.compile", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False
    )


def compiled(*arguments: object) -> None:
    """Runs br-compile, which must succeed without a word."""
    done = br_compile(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def refused(folder: Path, *arguments: object) -> str:
    """The message of a run that must fail and leave no file behind."""
    before = sorted(folder.iterdir())
    done = br_compile(*arguments)
    assert done.returncode == 1, done
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert "internal fault" not in done.stderr
    assert sorted(folder.iterdir()) == before
    return done.stderr


def call_from_c(folder: Path, name: str, library: Path) -> str:
    """What a C program prints that calls the library."""
    (folder / "caller.c").write_text(CALLER.format(name=name))
    command = ["cc", "-Wall", "-Werror", "-o", "caller", "caller.c", library]
    subprocess.run([*command, "-lm"], cwd=folder, check=True)
    done = subprocess.run(
        [folder / "caller"], capture_output=True, text=True, check=True
    )
    return done.stdout


@needs_cc
@pytest.mark.parametrize("suffix", [".so", ".o", ".s"])
@pytest.mark.parametrize("threads", [1, 2])
def test_c_calls_it(mlp: Path, tmp_path: Path, suffix: str, threads: int):
    if threads > 1 and suffix != ".so":
        pytest.skip("the caller would have to link an OpenMP runtime")
    compiled(mlp, "-o", tmp_path / f"mlp{suffix}", f"--threads={threads}")
    if suffix == ".s":  # which has no header of its own
        compiled(mlp, "-o", tmp_path / "mlp.o")
    assert call_from_c(tmp_path, "mlp", tmp_path / f"mlp{suffix}") == "3 7.5\n"


@needs_cc
def test_the_entry_names_the_function(tmp_path: Path):
    path = tmp_path / "two.mlir"
    path.write_text(MLP.format(name="first") + MLP.format(name="second"))
    compiled(path, "--entry=second", "-o", tmp_path / "out.so")
    header = (tmp_path / "out.h").read_text()
    assert "int second(const float *arg0, float *out0);" in header
    assert "arg0: 2 x 3 float32" in header and "out0: 2 x 4 float32" in header
    (tmp_path / "out.h").rename(tmp_path / "second.h")
    assert call_from_c(tmp_path, "second", tmp_path / "out.so") == "3 7.5\n"
    assert "@first, @second" in refused(tmp_path, path, "-o", tmp_path / "x.so")


def test_llvm_ir_holds_all(mlp: Path, tmp_path: Path):
    compiled(mlp, "-o", tmp_path / "mlp.ll")
    text = (tmp_path / "mlp.ll").read_text()
    assert "define i32 @mlp(ptr %arg0, ptr %out0)" in text
    assert not (tmp_path / "mlp.h").exists()


@pytest.mark.parametrize(
    ("target", "register"),
    [("x86-64-v3", "%ymm"), ("x86-64-v4", "%zmm"), ("aarch64", "fmla")],
)
def test_assembly_for_each_target(tmp_path: Path, target: str, register: str):
    path = tmp_path / "wide.mlir"
    path.write_text(MLP.format(name="main").replace("4xf32", "64xf32"))
    compiled(path, "-o", tmp_path / "out.s", f"--target={target}")
    assert register in (tmp_path / "out.s").read_text()
    compiled(path, "-o", tmp_path / "out.o", f"--target={target}")
    machine = {"aarch64": 183}.get(target, 62)  # ELF's numbers of the processors
    assert (tmp_path / "out.o").read_bytes()[18] == machine


@pytest.mark.skipif(
    not (shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-gcc")),
    reason="needs qemu-user and a cross compiler",
)
def test_neon_code_runs_under_qemu(mlp: Path, tmp_path: Path):
    compiled(mlp, "-o", tmp_path / "mlp.o", "--target=aarch64")
    (tmp_path / "caller.c").write_text(CALLER.format(name="mlp"))
    command = ["aarch64-linux-gnu-gcc", "-static", "-o", "caller", "caller.c", "mlp.o"]
    subprocess.run([*command, "-lm"], cwd=tmp_path, check=True)
    done = subprocess.run(
        ["qemu-aarch64", tmp_path / "caller"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "3 7.5\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "{}/out.txt"], "expected an output named *.ll, *.s, *.o, *.so"),
        (["-o", "{}/none/out.o"], "out.o: cannot be written"),
        (["-o", "{}/out.o", "--target=vax"], "expected a target out of"),
        (["-o", "{}/out.o", "--threads=0"], "expected a number of threads"),
        (["-o", "{}/out.o", "--target=aarch64", "--threads=-1"], "1 thread, got -1"),
        (["-o", "{}/out.o", "--entry=none"], "@none"),
        (["-o", "{}/main.o"], "whose name can be a C function's"),
        ([], "the following arguments are required: -o"),
    ],
)
def test_mistakes(mlp: Path, tmp_path: Path, arguments: list[str], message: str):
    given = [argument.format(tmp_path) for argument in arguments]
    assert message in refused(tmp_path, mlp, *given)


def test_open_sizes_are_refused(tmp_path: Path):
    path = tmp_path / "open.mlir"
    path.write_text(
        "func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {\n"
        "  return %a : tensor<?xf32>\n}"
    )
    message = refused(tmp_path, path, "-o", tmp_path / "open.o")
    assert "?xfloat32" in message and "give them, an --input=SPEC" in message


def test_without_a_linker_the_message_says_so(
    mlp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    assert "make an object (.o) instead" in refused(
        tmp_path, mlp, "-o", tmp_path / "mlp.so"
    )
    if platform.machine() != "aarch64":
        assert "expected aarch64-linux-gnu-gcc on the PATH" in refused(
            tmp_path, mlp, "-o", tmp_path / "mlp.so", "--target=aarch64"
        )
