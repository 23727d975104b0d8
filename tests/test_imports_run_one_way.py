"""Imports run one way: brdialect <- passes <- runtime, brdialect <- frontends."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "brdialect": {"brdialect"},
    "passes": {"brdialect", "passes"},
    "runtime": {"brdialect", "passes", "runtime"},
    "runtime/cli": {"brdialect", "passes", "runtime", "frontends"},
    "frontends": {"brdialect", "frontends"},
}

PARTS = (
    *("shared", "math", "llvm", "program"),
    *("normalise", "fuse", "layout", "raising", "memory", "schedule"),
    *("gradients", "training", "loops", "parallel", "kernel", "recurrent", "gpu"),
)
"""The folders of passes/: each may import those before it."""

SOURCES = sorted(
    path.relative_to(ROOT)
    for package in ("brdialect", "passes", "runtime", "frontends")
    for path in (ROOT / package).rglob("*.py")
)


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that the code in `tree` imports, wherever it does so."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.split(".")[0]
            case _:
                pass


def package_of(path: Path) -> str:
    return "runtime/cli" if path.parts[:2] == ("runtime", "cli") else path.parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_import_runs_back(path: Path):
    tree = ast.parse((ROOT / path).read_text())
    ours = set(imported(tree)) & {"brdialect", "passes", "runtime", "frontends"}
    assert ours <= MAY_IMPORT[package_of(path)]


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_passes_import_one_way(part: str):
    before = PARTS[: PARTS.index(part) + 1]
    for path in (ROOT / "passes" / part).rglob("*.py"):
        for module in re.findall(r"^\s*from passes\.(\w+)", path.read_text(), re.M):
            assert module in (*before, "pipelines"), f"{path.name} imports {module}"


def test_all_parts_of_passes_are_known():
    folders = {p.parent.name for p in (ROOT / "passes").glob("*/__init__.py")}
    assert folders == set(PARTS)


def named(tree: ast.AST) -> Iterator[str]:
    """The packages of modules that are named in strings, to be imported by name."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if re.fullmatch(r"\w+(\.\w+)+", text):
                yield text.split(".")[0]
            case _:
                pass


HANDED_ON = {Path("brdialect/__init__.py"), Path("brdialect/readers.py")}
"""Tables of names that are imported when they are asked for: the public face, and the
readers of other files than MLIR."""


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_name_in_a_string_runs_back(path: Path):
    ours = set(named(ast.parse((ROOT / path).read_text())))
    if path not in HANDED_ON:
        ours &= {"brdialect", "passes", "runtime", "frontends"}
        assert ours <= MAY_IMPORT[package_of(path)]


def test_no_relative_imports():
    """They would be invisible to the check above, and to a reader's search."""
    for path in SOURCES:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


def test_the_check_sees_an_arrow_that_runs_back():
    tree = ast.parse(
        "def f():\n    from runtime.jit import compile\n    import passes.x"
    )
    assert set(imported(tree)) == {"runtime", "passes"}
