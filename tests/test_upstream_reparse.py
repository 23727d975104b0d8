"""What br-opt prints is MLIR: upstream's parser and verifier accept all of it.

Every positive lit test is run again with `--print-op-generic`, and its output goes
through the MLIR inside the torch-mlir wheel. Upstream must know every operation but
those of our own dialect.
"""

import contextlib
import io
import re
import shlex
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.opt import BrOpt

pytestmark = pytest.mark.compare

FILES = Path(__file__).parent / "filecheck"
# Flags of commands that print something else than one program in MLIR
OTHER = {
    *("--verify-diagnostics", "--parsing-diagnostics"),
    *("--print-between-passes", "-t", "--target", ">/dev/null"),
}


def commands(text: str) -> list[list[str]]:
    """The br-opt commands of the RUN lines that print MLIR, as lists of words.

    // RUN: br-opt %s -p cse | filecheck %s   ->   [["%s", "-p", "cse"]]
    """
    lines = re.findall(r"^\s*// RUN: ?(.*)$", text, re.MULTILINE)
    found: list[list[str]] = []
    for line in "\n".join(lines).replace("\\\n", "").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
        lexer.whitespace_split = True
        for pipe, part in groupby(lexer, lambda word: word == "|"):
            tool, *words = part
            if not pipe and tool == "br-opt" and not OTHER & set(words):
                found.append(words)
    return found


CASES = [
    pytest.param(path, words, id=f"{path.relative_to(FILES)}-{i}")
    for path in sorted(FILES.rglob("*.mlir"))
    for i, words in enumerate(commands(path.read_text()))
    if "%s" in words
]


def printed(path: Path, words: list[str]) -> str:
    """What br-opt prints for the command, every operation in generic form."""
    arguments = [str(path) if word == "%s" else word for word in words]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        BrOpt([*arguments, "--print-op-generic"]).run()
    return output.getvalue()


def names(op: Any) -> set[str]:
    """The names of an upstream operation and all those inside it."""
    inner = (o.operation for region in op.regions for block in region for o in block)
    return {op.name}.union(*(names(o) for o in inner))


@pytest.mark.parametrize("path, words", CASES)
def test_upstream_accepts_what_we_print(path: Path, words: list[str]):
    ir = import_module("torch_mlir.ir")
    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        for chunk in printed(path, words).split("// -----\n"):
            module = ir.Module.parse(chunk)
            assert module.operation.verify()
            unknown = {
                name
                for name in names(module.operation)
                if not context.is_registered_operation(name)
            }
            # test.op is xDSL's own, for attributes that need some operation
            ours = {name for name in unknown if name.startswith("br.")} | {"test.op"}
            assert unknown <= ours


def test_it_looks_at_the_lit_tests():
    assert len(CASES) >= 40
