"""The commands as the system starts them: until a command's modules are imported, the
interrupt key ends it in silence, as one that has done nothing yet."""

from __future__ import annotations

import signal
from importlib import import_module


def br_opt() -> int:
    return _start("runtime.cli.opt")


def br_run() -> int:
    return _start("runtime.cli.run")


def br_compile() -> int:
    return _start("runtime.cli.compile")


def br_tune() -> int:
    return _start("runtime.cli.tune")


def br_bench() -> int:
    return _start("runtime.cli.bench.command")


def _start(module: str) -> int:
    """The exit code of the command in `module`, whose `main` listens to the key."""
    before = signal.getsignal(signal.SIGINT)
    listens = before is signal.default_int_handler
    if listens:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    main = import_module(module).main
    if listens:
        signal.signal(signal.SIGINT, before)
    return main()
