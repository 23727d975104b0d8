"""How the command lines tell a user of a mistake: one message, exit code 1."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from brdialect.mistake import BrError
from runtime.debug import debug_level

# Deep nests of regions are walked recursively; Python's default of 1000 frames ends
# at about 100 levels.
_RECURSION_LIMIT = 10_000


@contextmanager
def about(file: object) -> Generator[None]:
    """Lets what goes wrong inside name the file that it is about."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as e:
        text = message(e)
        if str(file) in text:
            raise
        raise BrError(f"{file}: {text}") from e


def run_tool(tool: Callable[[], int | None]) -> int:
    """The exit code of `tool`: its own, or 1 after a message on standard error.

    A user's mistake reads `error: file:line:col: what was expected, got, to do`. Any
    other exception is a fault of this program and says so. `BR_DEBUG=2` shows the
    traceback of either.
    """
    sys.setrecursionlimit(_RECURSION_LIMIT)
    warnings.formatwarning = _as_one_line
    try:
        debug_level()  # a mistake in it is told before anything is done
        code = tool()
        sys.stdout.flush()
        return code or 0
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. What Python still holds for it
        # must go nowhere, or the interpreter complains while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit:
        raise
    except BaseException as e:  # xDSL has exceptions that are no Exception
        sys.stdout.flush()
        print(_explained(e), file=sys.stderr)
        return 1


def _as_one_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning as the command lines print it: without a place in our own code."""
    return f"warning: {message}\n"


def run_apart(tool: Callable[[], int | None], file: object) -> int:
    """The exit code of `tool` in a process of its own, so that its crash is one
    message: machine code does what the program says, such as reading beyond an array
    or dividing integers by zero."""
    if not hasattr(os, "fork"):
        return run_tool(tool)
    sys.stdout.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _end_with(parent)
        try:
            code = run_tool(tool)
        except KeyboardInterrupt:  # a second one
            code = 130
        os._exit(code)
    while True:
        try:
            _, status = os.waitpid(child, 0)
            break
        except KeyboardInterrupt:
            os.kill(child, signal.SIGINT)
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    name = signal.Signals(os.WTERMSIG(status)).name
    reason = _ENDED.get(name, "it was ended by")
    print(f"error: {file}: {reason} {name}", file=sys.stderr)
    return 1


_ENDED = {
    "SIGSEGV": "the compiled program reads or writes beyond its arrays:",
    "SIGBUS": "the compiled program reads or writes beyond its arrays:",
    "SIGFPE": "the compiled program divides an integer by zero:",
    "SIGILL": "the compiled program uses an instruction that this machine lacks:",
    "SIGKILL": "it was ended from outside, most likely for want of memory:",
}


def _end_with(parent: int) -> None:
    """Makes the system end this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def _explained(e: BaseException) -> str:
    more = "note: BR_DEBUG=2 shows where this program stopped"
    with suppress(BrError):  # it may be what the message is about
        if debug_level() >= 2:
            more = "".join(traceback.format_exception(e)).rstrip()
    return f"error: {message(e)}\n{more}"


def message(e: BaseException) -> str:
    """What a person needs to know of an exception, without a traceback."""
    if (told := _told_by_xdsl(e)) is not None:
        return told
    match e:
        case BrError():
            return str(e).rstrip()
        case OSError(strerror=str(reason)):
            return f"{e.filename}: {reason}" if e.filename is not None else reason
        case MemoryError():
            return "expected the program's data to fit in memory, but it does not"
        case RecursionError():
            return f"expected a nest of at most about {_RECURSION_LIMIT // 10} levels"
        case _:
            return f"internal fault, please report it: {type(e).__name__}: {e}"


def _told_by_xdsl(e: BaseException) -> str | None:
    """The message of a mistake that xDSL found. It is not loaded for this: where it is
    not there, it cannot have found one."""
    if "xdsl.utils.exceptions" not in sys.modules:
        return None
    from xdsl.utils.exceptions import (
        ArgSpecParseError,
        DiagnosticException,
        ParseError,
    )

    match e:
        case ParseError():
            place, *context = e.span.print_with_context().rstrip().split("\n")
            return "\n".join((f"{place}: {e.msg.strip()}", *context))
        case DiagnosticException() | ArgSpecParseError():
            return str(e).rstrip()
        case _:
            return None
