"""Compiled code on disk, as processes find it: at once, and without the compiler."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = """
func.func @main(%a: tensor<6x8xf32>) -> tensor<6x40xf32> {
  %b = arith.constant dense<0.5> : tensor<8x40xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x40xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<6x40xf32>) -> tensor<6x40xf32>
  %c = linalg.matmul ins(%a, %b : tensor<6x8xf32>, tensor<8x40xf32>)
                     outs(%f : tensor<6x40xf32>) -> tensor<6x40xf32>
  return %c : tensor<6x40xf32>
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an empty cache."""
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "code"


COMMAND = (sys.executable, "-X", "importtime", "-m", "runtime.cli.run")


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[str, set[str]]:
    """What it printed, and the packages it imported."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    names = re.findall(r"^import time:.*\| +([\w.]+)$", errors, re.MULTILINE)
    return output, {name.split(".")[0] for name in names}


def test_a_warm_start_imports_no_compiler(folder: Path, tmp_path: Path):
    path = tmp_path / "m.mlir"
    path.write_text(TEXT)
    cold, imported = finished(start(path, "--json"))
    assert {"xdsl", "llvmlite", "passes"} <= imported
    for options in ([], ["--json"], [f"--output={tmp_path}/y.npz"]):
        _, imported = finished(start(path, *options))
        assert not {"xdsl", "llvmlite", "passes"} & imported
    _, imported = finished(start(path, "--no-cache"))
    assert "xdsl" in imported
    assert json.loads(cold)["ok"]


def test_two_processes_at_once(folder: Path, tmp_path: Path):
    path = tmp_path / "m.mlir"
    path.write_text(TEXT)
    first, second = [finished(p)[0] for p in [start(path), start(path)]]
    assert first == second
    third, imported = finished(start(path))
    assert third == first and "xdsl" not in imported
    assert not list(folder.glob("*.part"))
