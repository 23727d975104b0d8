"""Checkpoints: named arrays in a file of safetensors that is whole at any time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError

_PART = ".part"
"""The end of a file's name while it is written."""


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as e:
        raise BrError(
            "checkpoints: expected safetensors, which is not installed; "
            "pip install 'brdialect[train]'"
        ) from e
    return safetensors.numpy


def save(path: Path, arrays: Mapping[str, Array]) -> None:
    """Writes the arrays under another name, then renames the file: whoever is killed
    in between leaves the file that was there before."""
    library = _safetensors()
    part = path.with_name(path.name + _PART)
    contiguous = {n: np.require(a, requirements="C") for n, a in arrays.items()}
    try:
        with part.open("wb") as file:
            file.write(library.save(contiguous))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as e:
        raise BrError(f"{path}: cannot write the checkpoint: {e.strerror}") from e


def load(path: Path) -> dict[str, Array]:
    """The arrays of a checkpoint."""
    library = _safetensors()
    try:
        data = path.read_bytes()
    except OSError as e:
        raise BrError(f"{path}: cannot read the checkpoint: {e.strerror}") from e
    from safetensors import SafetensorError

    try:
        return library.load(data)
    except SafetensorError as e:
        raise BrError(f"{path}: expected a checkpoint of safetensors: {e}") from e
