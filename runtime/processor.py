"""What LLVM says of this processor: asked once, and remembered from run to run, because
a program that is compiled already runs without LLVM being loaded."""

from __future__ import annotations

import platform
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from runtime.code_cache import key_of, open_cache
from runtime.source_digest import compiler_digest

_READ = 16 << 10
"""Bytes of /proc/cpuinfo: its first processor. On large machines it has hundreds."""

_IDENTITY = re.compile(
    r"^(vendor_id|cpu family|model|model name|stepping|flags|Features|CPU \w+)\s*:.*",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Processor:
    """This processor in LLVM's terms."""

    triple: str
    name: str
    features: dict[str, bool]
    """Each feature that LLVM knows of this architecture, and whether it is here.

    Asked of the processor: in a virtual machine a processor's *name* promises
    features (AMX, bf16) that may be switched off.
    """


@cache
def processor() -> Processor:
    """The processor that this process runs on."""
    known_by = _identity()
    cache = open_cache() if known_by else None
    key = key_of("processor", compiler_digest(), known_by)
    found = cache.get(key) if cache is not None else None
    if found is not None:
        return Processor(**found.description)
    answer = _ask_llvm()
    if cache is not None:
        cache.put(key, asdict(answer))
    return answer


def _identity() -> str:
    """What the system says of the processor; empty where it says nothing."""
    try:
        with Path("/proc/cpuinfo").open("rb") as file:
            text = file.read(_READ).decode(errors="replace")
    except OSError:
        return ""
    lines = dict.fromkeys(match[0] for match in _IDENTITY.finditer(text))
    return "\n".join([*lines, platform.release(), platform.machine()] if lines else [])


def _ask_llvm() -> Processor:
    import llvmlite.binding as llvm

    features: dict[str, bool] = {}
    with suppress(RuntimeError):  # LLVM cannot ask some architectures
        features.update(llvm.get_host_cpu_features())
    return Processor(llvm.get_process_triple(), llvm.get_host_cpu_name(), features)
