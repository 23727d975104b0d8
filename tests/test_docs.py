"""The documentation is true: what it shows is what the programs print and do."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brdialect.source import parse_module

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TOOLS = Path(sys.executable).parent
TOOL_NAMES = ("br-opt", "br-run", "br-tune", "br-bench")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def commands(page: Path) -> list[str]:
    """The commands of ours that a page shows, but for those that write code."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", "")
    return [line for line in text.splitlines() if line.startswith(TOOL_NAMES)]


PAGES = (
    ROOT / "README.md",
    *(
        DOCS / name
        for name in ("pipeline.md", "differentiate.md", "training.md", "gpu.md")
    ),
)
COMMANDS = [c for page in PAGES for c in commands(page)]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, tmp_path: Path):
    """With the files that they name, in a folder of their own."""
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    np.save(tmp_path / "x.npy", np.ones((1, 58, 58, 64), np.float32))
    tool, *words = shlex.split(command, comments=True)
    done = subprocess.run(
        (TOOLS / tool, *words),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or "--output" in words


def test_schedules(tmp_path: Path):
    """The commands of the page, one after another: they use each other's files."""
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for command in commands(DOCS / "schedules.md"):
        tool, *words = shlex.split(command, comments=True)
        done = subprocess.run(
            (TOOLS / tool, *words),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "BR_CACHE_DIR": str(tmp_path / "cache")},
        )
        assert done.returncode == 0, done.stderr


def test_there_are_commands():
    assert len(COMMANDS) >= 8


def test_pipeline_is_what_its_script_writes():
    page = runpy.run_path(str(DOCS / "make_pipeline.py"))["page"]()
    assert (DOCS / "pipeline.md").read_text() == page, (
        "run python docs/make_pipeline.py"
    )


def test_gradients_are_what_their_script_writes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT)
    page = runpy.run_module("docs.make_differentiate")["page"]()
    assert (DOCS / "differentiate.md").read_text() == page, (
        "run python -m docs.make_differentiate"
    )


CONTRACTS = {
    "batch_reduce_gemm.md": {
        "a": "memref<3x28x192xf32, strided<[1920, 64, 1]>>",
        "b": "memref<3x192x16xf32>",
        "c": "memref<28x16xf32, strided<[64, 1]>>",
        "bias": "memref<28x16xf32, strided<[0, 1]>>",
        "zero": "f32",
    },
    "recurrent_ops.md": {
        "x": "tensor<?x8x64xf32>",
        "w": "tensor<1x128x64xf32>",
        "r": "tensor<1x128x32xf32>",
        "b": "tensor<1x128xf32>",
        "rb": "tensor<1x128xf32>",
        "h0": "tensor<1x8x32xf32>",
        "c0": "tensor<1x8x32xf32>",
        "n": "tensor<8xi32>",
    },
}
"""The types of what the operation on each page takes."""


def test_training_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    (program,) = blocks(DOCS / "training.md", "python")
    values: dict[str, object] = {}
    exec(compile(program, "training.md", "exec"), values)
    losses = values["losses"]
    assert isinstance(losses, list) and losses[-1] < 0.2 < 2 < losses[0]
    assert (tmp_path / "mlp.safetensors").exists() and (tmp_path / "loss.png").exists()


@pytest.mark.parametrize("page", CONTRACTS)
def test_contract_page_runs(page: str):
    (program,) = blocks(DOCS / page, "python")
    exec(compile(program, page, "exec"), {})


@pytest.mark.parametrize("page", CONTRACTS)
def test_contract_page_parses(page: str):
    (op,) = blocks(DOCS / page, "mlir")
    arguments = ", ".join(
        f"%{name}: {type_}" for name, type_ in CONTRACTS[page].items()
    )
    parse_module(f"func.func @f({arguments}) {{\n{op}\nfunc.return\n}}")


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(
            f"docs/{name}.md"
            for name in ("pipeline", "differentiate", "training", "gpu")
        ),
    ],
)
def test_links_lead_somewhere(page: str):
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    local = [link for link in links if "://" not in link]
    assert local
    assert [
        link for link in local if not (ROOT / page).parent.joinpath(link).exists()
    ] == []
