"""Runs the command lines, each call in a process of its own.

The processes are forked from a server that has the tools imported already: a tenth of
the time that a fresh interpreter takes. A crash is the child's alone and shows as a
negative exit code.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

TOOLS = {
    "br-opt": "opt",
    "br-run": "run",
    "br-compile": "compile",
    "br-tune": "tune",
    "br-bench": "bench.command",
}
_SERVER = multiprocessing.get_context("forkserver")
_ROOT = Path(__file__).parent.parent
_PASSES = [p.relative_to(_ROOT) for p in (_ROOT / "passes").glob("[a-z]*/[a-z]*.py")]
_SERVER.set_forkserver_preload(
    [
        "runtime.universe",
        *(f"runtime.cli.{name}" for name in TOOLS.values()),
        *(".".join(path.with_suffix("").parts) for path in _PASSES),
    ]
)
_SECONDS = 120


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int | None
    """Its exit code; negative for a signal, None where it did not end in time."""

    output: str
    errors: str


def _child(
    tool: str,
    arguments: Sequence[str],
    folder: str,
    streams: str,
    variables: Mapping[str, str],
    memory: int | None,
) -> None:
    """What the forked process does."""
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for number, name in ((1, "output"), (2, "errors")):
        file = os.open(f"{streams}/{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.environ.clear()  # it is what the server was started with, by some other test
    os.environ.update(variables)
    sys.argv = [tool, *arguments]
    main = import_module(f"runtime.cli.{TOOLS[tool]}").main
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def call(
    tool: str,
    *arguments: object,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    memory: int | None = None,
) -> Done:
    """Runs `tool` in `folder` to its end, with these environment variables, in at most
    so many bytes of memory."""
    with tempfile.TemporaryDirectory() as streams:
        words = [str(a) for a in arguments]
        every = {**os.environ, **(variables or {})}
        given = (tool, words, str(folder), streams, every, memory)
        process = _SERVER.Process(target=_child, args=given)
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return Done(None, "", f"still running after {_SECONDS} s")
        output, errors = (
            (Path(streams) / name).read_text(errors="replace")
            for name in ("output", "errors")
        )
        return Done(process.exitcode, output, errors)
