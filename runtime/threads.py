"""The thread team: an OpenMP runtime that is already there.

Parallel loops call `GOMP_parallel(function, context, threads, flags)`, an entry that
GCC's libgomp, LLVM's libomp and Intel's libiomp5 all offer. The one that this process
has loaded comes first (two teams would fight for the same cores), then the system's,
then that of the wheel `intel-openmp`. Without any, loops run on one thread.
"""

from __future__ import annotations

import ctypes
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

SYMBOLS = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")

_NAME = re.compile(r"lib(gomp|omp|iomp5)(-[0-9a-f]+)?\.so[.\d]*")

# The same three entries for a team of one.
SERIAL_TEAM = """
define void @GOMP_parallel(ptr %function, ptr %context, i32 %threads, i32 %flags) {
  call void %function(ptr %context)
  ret void
}
define i32 @omp_get_thread_num() {
  ret i32 0
}
define i32 @omp_get_num_threads() {
  ret i32 1
}
"""


def loaded_libraries(maps: str) -> list[str]:
    """The OpenMP runtimes in the text of /proc/self/maps, each path once."""
    paths = (line.split(maxsplit=5)[5:] for line in maps.splitlines())
    found = (path for (path,) in filter(None, paths))
    return list(dict.fromkeys(p for p in found if _NAME.fullmatch(Path(p).name)))


def _candidates() -> Iterator[str]:
    maps = Path("/proc/self/maps")
    if maps.exists():
        yield from loaded_libraries(maps.read_text())
    yield "libgomp.so.1"
    # pip puts the wheel's libraries beside the packages: PREFIX/lib/libiomp5.so
    yield str(Path(sys.prefix) / "lib" / "libiomp5.so")


@cache
def openmp_symbols() -> Mapping[str, int]:
    """The addresses of `SYMBOLS`, found once; empty where there is no runtime."""
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            entries = [getattr(library, name) for name in SYMBOLS]
        except (OSError, AttributeError):
            continue
        addresses = [ctypes.cast(entry, ctypes.c_void_p).value for entry in entries]
        return {n: a for n, a in zip(SYMBOLS, addresses, strict=True) if a is not None}
    warnings.warn(
        "no OpenMP runtime found, so parallel loops run on one thread; install the "
        "system's libgomp (Debian: libgomp1) or `pip install intel-openmp`",
        RuntimeWarning,
        stacklevel=2,
    )
    return {}
