"""What this machine is, as a `Target`: its real features, caches and processors."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from brdialect.mistake import BrError
from brdialect.targets import TARGETS, Target, target_named
from runtime.processor import processor

# What a psABI level promises and our code may use, by the width of its vectors.
_X86_NEEDS: Mapping[int, tuple[str, ...]] = {
    32: ("avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"),
    64: ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}


def host_features() -> Mapping[str, bool]:
    """Each feature that LLVM knows of this architecture, and whether it is here."""
    return processor().features


def cpus() -> int:
    """How many processors this process may use: all its threads together, because an
    OpenMP team may have bound the one that asks to one of them."""
    if hasattr(os, "sched_getaffinity"):
        allowed = set(os.sched_getaffinity(0))
        for task in Path("/proc/self/task").glob("*"):
            try:
                allowed |= os.sched_getaffinity(int(task.name))
            except OSError:  # the thread has ended
                continue
        return len(allowed)
    return os.cpu_count() or 1


def check_threads(threads: int) -> int:
    """`threads`, if this machine has as many."""
    if type(threads) is not int or not 1 <= threads <= cpus():
        raise BrError(
            f"expected a number of threads from 1 to {cpus()} (the processors that "
            f"this process may use), got {threads!r}"
        )
    return threads


def _cache_bytes(level: int, fallback: int) -> int:
    """The size of the data cache of a level: from sysfs, else from the C library."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            number, kind, size = (
                (index / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        if number == str(level) and kind != "Instruction" and size.endswith("K"):
            return int(size[:-1]) << 10
    name = "SC_LEVEL1_DCACHE_SIZE" if level == 1 else f"SC_LEVEL{level}_CACHE_SIZE"
    try:
        return max(os.sysconf(name), 0) or fallback
    except (ValueError, OSError):
        return fallback


@cache
def _host_row() -> Target:
    """This machine on one thread."""
    features = host_features()
    if platform.machine() in ("aarch64", "arm64"):
        row = TARGETS["aarch64"]
    elif all(features.get(f, False) for f in _X86_NEEDS[64] + _X86_NEEDS[32]):
        row = TARGETS["x86-64-v4"]
    elif all(features.get(f, False) for f in _X86_NEEDS[32]):
        row = TARGETS["x86-64-v3"]
    else:
        raise BrError(
            "expected a processor with AVX2 and FMA (x86-64-v3) or NEON (aarch64), got "
            f"{platform.machine()} '{processor().name}' without them"
        )
    text = ",".join(f"{'+' if on else '-'}{f}" for f, on in sorted(features.items()))
    return replace(
        row,
        name="host",
        triple=processor().triple,
        cpu=processor().name,
        features=",".join(filter(None, (text, row.features))),
        l1=_cache_bytes(1, row.l1),
        l2=_cache_bytes(2, row.l2),
    )


def host_target(threads: int | None = None) -> Target:
    """This machine, with a team of `threads` (all processors where None)."""
    return replace(
        _host_row(), threads=cpus() if threads is None else check_threads(threads)
    )


def resolve_target(
    target: Target | str | None, threads: int | None, default_threads: int | None = None
) -> Target:
    """What a user's `target` and `threads` mean together.

    No target is this machine, no number of threads `default_threads`, or all
    processors where that is None too.
    """
    if isinstance(target, Target):
        return target if threads is None else replace(target, threads=threads)
    team = default_threads if threads is None else threads
    if target is None or target == "host":
        return host_target(team)
    return target_named(target, cpus() if team is None else team)


def exact_by_default() -> bool:
    """What the environment variable BR_EXACT says, 0 or 1."""
    text = os.environ.get("BR_EXACT") or "0"
    if text not in ("0", "1"):
        raise BrError(f"BR_EXACT: expected 0 or 1, got '{text}'")
    return text == "1"


def with_exact(target: Target, exact: bool) -> Target:
    """The target; if `exact` (or BR_EXACT=1), one where each product is multiplied and
    added as it is written."""
    return replace(target, exact=True) if exact or exact_by_default() else target


def architecture(target: Target) -> str:
    """`x86_64` or `aarch64`."""
    return target.triple.partition("-")[0]


def same_architecture(target: Target) -> bool:
    """Whether the target has this machine's kind of processor."""
    machine = platform.machine().lower()
    return architecture(target) == {"amd64": "x86_64", "arm64": "aarch64"}.get(
        machine, machine
    )


def missing_here(target: Target) -> list[str]:
    """What a program for `target` may use and this machine does not have."""
    arch = architecture(target)
    if not same_architecture(target):
        return [f"a processor of type {arch} (this one is {platform.machine()})"]
    features = host_features()
    needed = [f[1:] for f in target.features.split(",") if f.startswith("+")]
    if arch == "x86_64":
        for width, names in _X86_NEEDS.items():
            if width <= target.vector_bytes:
                needed += names
    return [f for f in dict.fromkeys(needed) if features and not features.get(f, False)]


def check_runs_here(target: Target) -> None:
    """Stops with what is missing where a program for `target` cannot run."""
    if target.is_gpu:
        from runtime.device import device_for

        device_for(target)
        return
    check_threads(target.threads)
    if missing := missing_here(target):
        raise BrError(
            f"expected a target that this machine can run, got '{target.name}', which "
            f"needs {', '.join(missing)}; br-compile can still compile for it"
        )
