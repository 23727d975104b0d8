"""Machine code in this process: loads objects, finds their functions' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from brdialect.arrays import Array
from brdialect.interface import Interface
from brdialect.targets import Target
from runtime.debug import show
from runtime.elf import ElfCode, UnknownObjectError
from runtime.threads import SYMBOLS, openmp_symbols


@dataclass(frozen=True)
class Objects:
    """What the compiler makes of one entry."""

    images: Sequence[bytes]
    """Object files, each of which may call functions of those before it."""

    interface: Interface
    weights: Sequence[Array]
    """What the load function takes."""


class Code(Protocol):
    """Loaded objects. Their functions live as long as it does."""

    def address(self, name: str) -> int:
        """Where an exported function starts."""
        ...


class _LoadedCode:
    """Objects that our own loader takes, one by one."""

    def __init__(self, images: Sequence[bytes], imports: Mapping[str, int]):
        self._functions = dict(imports)
        self._objects: list[ElfCode] = []
        for image in images:
            self._objects.append(ElfCode(image, self._functions))
            self._functions |= self._objects[-1].functions

    def address(self, name: str) -> int:
        """Where an exported function starts."""
        return self._functions[name]


def link(
    images: Sequence[bytes], exports: Iterable[str], imports: Mapping[str, int]
) -> Code:
    """Loads the bytes of object files, each of which may call functions of those before
    it; `imports` are further addresses that they may ask for.

    LLVM is asked for what our own loader has no rule for.
    """
    try:
        return _LoadedCode(images, imports)
    except UnknownObjectError as e:
        show(1, "load", f"{e}; LLVM loads it")
        from runtime.jit import LinkedCode

        return LinkedCode(images, exports, imports)


def load_objects(
    images: Sequence[bytes], target: Target, exports: Iterable[str]
) -> Code:
    """Loads the bytes of object files, each of which may call functions of those before
    it, with the thread team where they may need one."""
    team: Mapping[str, int] = {}
    if any(name.encode() in image for name in SYMBOLS for image in images):
        team = openmp_symbols()
        if not team:  # LLVM makes one
            from runtime.jit import serial_team

            team = serial_team(target)
    return link(images, exports, team)
