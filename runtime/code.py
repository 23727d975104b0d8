"""Machine code in this process: loads objects, finds their functions' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from brdialect.targets import Target
from runtime.debug import show
from runtime.elf import ElfCode, UnknownObjectError
from runtime.threads import SYMBOLS, openmp_symbols


class Code(Protocol):
    """One loaded object. Its functions live as long as it does."""

    def address(self, name: str) -> int:
        """Where an exported function starts."""
        ...


def link(image: bytes, exports: Iterable[str], imports: Mapping[str, int]) -> Code:
    """Loads an object file's bytes; `imports` are addresses that it may ask for.

    LLVM is asked for what our own loader has no rule for.
    """
    try:
        return ElfCode(image, imports)
    except UnknownObjectError as e:
        show(1, "load", f"{e}; LLVM loads it")
        from runtime.jit import LinkedCode

        return LinkedCode(image, exports, imports)


def load_object(image: bytes, target: Target, exports: Iterable[str]) -> Code:
    """Loads an object file's bytes, with the thread team where it may need one."""
    team: Mapping[str, int] = {}
    if any(name.encode() in image for name in SYMBOLS):
        team = openmp_symbols()
        if not team:  # LLVM makes one
            from runtime.jit import serial_team

            team = serial_team(target)
    return link(image, exports, team)
