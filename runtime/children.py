"""Work in copies of this process: at the same time, and safe from its crashes."""

from __future__ import annotations

import ctypes
import os
import pickle
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Generic, ParamSpec, Self, TypeVar

from brdialect.mistake import BrError

P = ParamSpec("P")
R = TypeVar("R")


class Child(Generic[R]):
    """A job in a copy of this process, which sees everything as it is now. What the job
    returns or raises comes back, so both have to be such that pickle takes them.

    A copy has none of the other threads, and the locks that they hold stay locked.
    """

    def __init__(self, job: Callable[[], R]):
        read, write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 and later warn of threads; of those that run, such as numpy's,
            # the job asks for nothing
            warnings.simplefilter("ignore", DeprecationWarning)
            self._number = os.fork()
        if self._number == 0:
            try:
                _skip_exit_handlers()
                os.close(read)
                with os.fdopen(write, "wb") as pipe:
                    pipe.write(pickle.dumps(_outcome(job)))
            finally:
                os._exit(0)  # nothing of what the parent has to do at its end
        os.close(write)
        self._pipe = os.fdopen(read, "rb")

    def result(self) -> R:
        """Waits for the job."""
        outcome = self._pipe.read()
        if not outcome:
            raise BrError(
                "LLVM could not generate code and ended its process; its own message, "
                "if any, stands above. -t llvmir shows what it was given"
            )
        result, error = pickle.loads(outcome)
        if error is not None:
            raise error
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        with suppress(ChildProcessError):  # the system waits, where signals are ignored
            os.waitpid(self._number, 0)


def _skip_exit_handlers() -> None:
    """Lets a call of C's `exit`, with which LLVM ends its process, end it at once.

    What libraries of the parent have registered may wait for threads that are not here:
    onnxruntime's handler does so for ever. The one registered last runs first.
    """
    c = ctypes.CDLL(None)
    c.__cxa_atexit(c._exit, ctypes.c_void_p(1), None)


def _outcome(job: Callable[[], R]) -> tuple[R | None, Exception | None]:
    try:
        return job(), None
    except Exception as error:
        return None, error


def in_children(jobs: list[Callable[[], R]]) -> list[R]:
    """What the jobs return, each run in a process of its own at the same time."""
    if not hasattr(os, "fork"):
        return [job() for job in jobs]
    with ExitStack() as stack:
        children = [stack.enter_context(Child(job)) for job in jobs]
        return [child.result() for child in children]


def in_child(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `function` in another process, for input that nobody has checked.

    A fatal error of LLVM ends the process that it happens in. Costs some ms.
    """
    return in_children([partial(function, *args, **kwargs)])[0]
