"""The commands begin in `runtime.cli.start`, where the interrupt key is silent."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
SCRIPTS: dict[str, str] = PROJECT["project"]["scripts"]


def script(name: str, instead: str) -> subprocess.CompletedProcess[str]:
    """Starts a command in a process where `instead` stands for the import of its
    modules."""
    module, function = SCRIPTS[name].split(":")
    text = (
        "import importlib, os, signal, sys\n"
        f"import {module} as start\n"
        f"start.import_module = lambda module: {instead}\n"
        f"raise SystemExit(start.{function}())"
    )
    return subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        check=False,
        # not as a shell leaves it for jobs in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_key_while_modules_are_imported(name: str) -> None:
    done = script(name, "os.kill(os.getpid(), signal.SIGINT)")
    assert done.returncode == -signal.SIGINT
    assert done.stdout == done.stderr == ""


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_command_is_there(name: str) -> None:
    done = script(name, "sys.exit(module)")
    assert callable(import_module(done.stderr.strip()).main)


def test_the_key_is_heard_again() -> None:
    heard = "sys.exit(str(signal.getsignal(signal.SIGINT)))"
    stand_in = f"type('', (), {{'main': lambda: {heard}}})"
    assert "default_int_handler" in script("br-run", stand_in).stderr
