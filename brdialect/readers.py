"""Programs in other forms than MLIR, told by the suffix of their file.

The readers stand in packages that import this one, so they are named here, not
imported, and found when a file of theirs is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from brdialect.arrays import Array
from brdialect.mistake import BrError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.ir import Attribute

READERS = {".onnx": "frontends.from_onnx"}
"""Suffix -> the module whose `read(path)` gives a module, or an `OpenProgram`. What it
needs beyond this package the extra installs that is named like the suffix."""


@dataclass(frozen=True)
class OpenArgument:
    """An argument, of which sizes may wait for the array given: None."""

    shape: Sequence[int | None]
    element: Attribute
    unsigned: bool = False
    """Whether its integers have no sign."""

    def __str__(self) -> str:
        sizes = ["?" if n is None else str(n) for n in self.shape]
        sign = "u" if self.unsigned else ""
        return "x".join([*sizes, f"{sign}{self.element}"])


@dataclass(frozen=True)
class OpenProgram:
    """A program that is no MLIR yet, because it waits for sizes of its arguments."""

    entry: str
    arguments: Sequence[OpenArgument]

    at: Callable[[Sequence[tuple[int, ...]], Mapping[int, Array]], ModuleOp]
    """The module for concrete shapes of the arguments, some of which are constants."""


def is_foreign(path: str | Path) -> bool:
    """Whether the file is read by a reader."""
    return Path(path).suffix in READERS


def read_foreign(path: Path) -> ModuleOp | OpenProgram:
    """What the file's reader makes of it."""
    try:
        reader = import_module(READERS[path.suffix])
    except ModuleNotFoundError as e:
        raise BrError(
            f"{path}: expected the package {e.name} to read a {path.suffix} file, got "
            f"none; pip install 'brdialect[{path.suffix[1:]}]'"
        ) from e
    return reader.read(path)
