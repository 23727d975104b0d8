"""The model files of the CPU compile for GPUs, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from gpu import SM_80, SM_90

from brdialect.target import target_named
from runtime.program import load_program

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*.mlir"))
NETWORKS = ("squeezenet", "resnet50", "shufflenet")
"""With concatenations, residuals and batch norms, and with groups and shuffles."""


def entries(path: Path, target: str) -> tuple[int, int]:
    """Kernels in the PTX of a program whose open sizes are 4, and in its plan."""
    program = load_program(path, None, target_named(target))
    shapes = tuple(
        tuple(
            4 if size is None else size for size in program.signature.arguments[i].shape
        )
        for i in program.signature.free
    )
    code = program.device_code(shapes)
    return code.ptx.count(".visible .entry"), len(code.plan.kernels)


@pytest.mark.parametrize("target", [SM_80, SM_90])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples(path: Path, target: str):
    found, planned = entries(path, target)
    assert found == planned >= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str):
    onnx = pytest.importorskip("onnx")
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    path = folder / f"light_{name}.onnx"
    if not path.exists():
        pytest.skip(f"needs {path.name} of the onnx package")
    found, planned = entries(path, SM_90)
    assert found == planned > 50
