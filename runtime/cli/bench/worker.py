"""One contestant in a process of its own, which is stopped while others have their
turn: the threads of a library often spin for a while after their work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from brdialect.arrays import Array
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.peers.table import function_of, peer_named
from runtime.cli.bench.workloads import Workload
from runtime.debug import debug_level

_CALLS = (3, 2000)  # at least and at most in one sample


@dataclass(frozen=True)
class Refusal:
    """Why a contestant does not do a workload."""

    reason: str
    unsupported: bool
    """The library has no counterpart, in contrast to: it failed."""


class Contestant:
    """The parent's side: asks, and stops the process in between."""

    def __init__(self, name: str, threads: int, processors: Sequence[int]):
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(name, threads, theirs), daemon=True
        )
        with _environment(thread_settings(name, threads, processors)):
            # inherited: the key is the parent's, which ends this process
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._process.start()
            signal.signal(signal.SIGINT, before)
        theirs.close()

    def prepare(self, workload: Workload) -> list[Array] | Refusal:
        """Compiles and packs; the results of one call."""
        return self._ask(workload)

    def sample(self, seconds: float) -> float | Refusal:
        """The median seconds of one call, over calls for about `seconds`."""
        return self._ask(seconds)

    def _ask(self, question: object) -> Any:
        self._signal(signal.SIGCONT)
        try:
            self._connection.send(question)
            answer = self._connection.recv()
        except (EOFError, OSError):
            return Refusal("its process has ended", unsupported=False)
        self._signal(signal.SIGSTOP)
        return answer

    def _signal(self, number: int) -> None:
        if self._process.pid is not None and self._process.exitcode is None:
            os.kill(self._process.pid, number)

    def close(self) -> None:
        """Ends the process, which may be stopped: nothing gentler reaches it."""
        self._process.kill()
        self._process.join()


def thread_settings(
    name: str, threads: int, processors: Sequence[int]
) -> Mapping[str, str]:
    """Environment variables that fix the number of threads."""
    settings = {
        "OMP_NUM_THREADS": str(threads),
        "OMP_DYNAMIC": "false",
        "MKL_NUM_THREADS": str(threads),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    if peer_named(name).openmp:
        places = ",".join(f"{{{number}}}" for number in processors)
        settings |= {
            "OMP_WAIT_POLICY": "active",
            "OMP_PROC_BIND": "close",
            "OMP_PLACES": places,
        }
    return settings


@contextmanager
def _environment(settings: Mapping[str, str]) -> Generator[None]:
    """What a process started inside inherits."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(name: str, threads: int, connection: Connection) -> None:
    """The process: a workload is prepared, a number of seconds samples it."""
    if debug_level() < 2:
        with Path(os.devnull).open("w") as nowhere:  # a table is no place for warnings
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
    prepared = Prepared(int, list[Array])
    while True:
        try:
            question = cast("Workload | float", connection.recv())
        except EOFError:
            return
        try:
            if isinstance(question, Workload):
                inputs = question.inputs()
                prepared = function_of(name)(question, inputs, threads)
                prepared.run()
                answer = prepared.outputs()
            else:
                answer = sample(prepared.run, question)
        except NotImplementedError as e:
            answer = Refusal(str(e), unsupported=True)
        except Exception as e:
            answer = Refusal(f"{type(e).__name__}: {e}", unsupported=False)
        connection.send(answer)


def sample(run: Callable[[], object], seconds: float) -> float:
    """The median seconds of one call."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < _CALLS[0] or (
        len(times) < _CALLS[1] and time.perf_counter() < end
    ):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
