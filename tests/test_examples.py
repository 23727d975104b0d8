"""The examples do what they say, run as a user runs them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TOOLS = Path(sys.executable).parent


def output_of(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", ["digits.py", "digits_lstm.py"])
def test_digits(script: str, tmp_path: Path):
    text = output_of(sys.executable, EXAMPLES / script, cwd=tmp_path)
    ours, theirs = (line for line in text.splitlines() if line.endswith("% right"))
    assert ours.split(":")[1] == theirs.split(":")[1]


@pytest.mark.parametrize(
    "network, steps, floor", [("mlp", 60, 85), ("cnn", 60, 85), ("lstm", 100, 80)]
)
def test_training(network: str, steps: int, floor: float, tmp_path: Path):
    """A short form of it, in two pieces."""
    script = EXAMPLES / "train_digits.py"
    for done in (steps // 2, steps):
        flags = [f"--steps={done}", "--checkpoint=run.safetensors", "--picture=l.png"]
        text = output_of(sys.executable, script, network, *flags, cwd=tmp_path)
    assert float(text.split()[-2].rstrip("%")) > floor
    assert (tmp_path / "l.png").exists()


@pytest.mark.parametrize(
    "name, inputs",
    [
        ("matmul", []),
        ("mlp", []),
        ("conv", ["2x58x58x64xf32", "3x3x64x64xf32", "64xf32"]),
        ("digits_cnn", ["7x1x8x8xf32"]),
        ("digits_lstm", ["7x8x8xf32"]),
    ],
)
def test_programs_agree_with_the_reference(
    name: str, inputs: list[str], tmp_path: Path
):
    given = [f"--input={spec}" for spec in inputs]
    output_of(
        TOOLS / "br-run", EXAMPLES / f"{name}.mlir", *given, "--verify", cwd=tmp_path
    )


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_call_from_c(tmp_path: Path):
    output_of(TOOLS / "br-compile", EXAMPLES / "mlp.mlir", "-o", "mlp.so", cwd=tmp_path)
    main = EXAMPLES / "call_from_c" / "main.c"
    output_of("cc", "-I.", main, "./mlp.so", "-o", "xor", cwd=tmp_path)
    assert output_of("./xor", cwd=tmp_path) == (
        "0 xor 0 = 0\n0 xor 1 = 1\n1 xor 0 = 1\n1 xor 1 = 0\n"
    )
