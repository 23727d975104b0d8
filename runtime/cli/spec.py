"""What stands behind `--input=` and `--expected-output=`, as iree-run-module spells it.

1x3x224x224xf32              seeded random values
1x3x224x224xf32=@image.npy   a file, whose shape and type must be these
@image.npy                   a file
@net.safetensors:conv.weight the array of that name in a file; .npz too
4xf32=@four.bin              16 raw bytes
4xf32=1,2,3,4                values; brackets may show the nesting
2x2xi32=[[1,2],[3,4]]
16x16xf32=0.5                one value for all elements
f32=2                        a scalar
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np

from brdialect.mistake import BrError
from runtime.arguments import Array, Parameter, aligned_empty, describe
from runtime.cli.options import check_constants, constants_of

_DTYPES = {
    "i1": np.bool_,
    **{f"{s}i{bits}": f"i{bits // 8}" for s in ("", "s") for bits in (8, 16, 32, 64)},
    **{f"ui{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "index": np.int64,
}


def parse_spec(text: str, random: np.random.Generator) -> Array:
    """The array that a SPEC says."""
    if text.startswith("@"):
        return _load(text[1:])
    type_text, equals, value = text.partition("=")
    parameter = _parse_type(type_text, text)
    shape = tuple(size for size in parameter.shape if size is not None)
    if not equals:
        return random_array(shape, parameter.dtype, random)
    if not value.startswith("@"):
        return _parse_values(value, shape, parameter.dtype, text)
    path = Path(value[1:])
    if path.suffix != ".npy" and not _member(value[1:]):
        return _load_raw(path, shape, parameter.dtype)
    array = _load(value[1:])
    if array.shape != shape or array.dtype != parameter.dtype:
        raise BrError(f"{value[1:]}: expected {parameter}, got {describe(array)}")
    return array


def constant_arrays(constants: str, specs: Sequence[str]) -> dict[int, Array]:
    """The arrays of those SPECs that --constants names, which have to say values."""
    numbers = constants_of(constants)
    check_constants(numbers, len(specs), "arguments with an --input,")
    for i in numbers:
        if "=" not in specs[i] and not specs[i].startswith("@"):
            raise BrError(
                f"--constants: expected the values of argument {i}, such as "
                f"--input={specs[i]}=@w.npy, got its type"
            )
    random = np.random.default_rng(0)  # nothing is left to it
    return {i: parse_spec(specs[i], random) for i in numbers}


def shape_of_spec(text: str) -> tuple[int, ...]:
    """The shape that a SPEC says, of which the values do not matter."""
    if text.startswith("@"):
        return _load(text[1:]).shape
    shape = _parse_type(text.partition("=")[0], text).shape
    return tuple(size for size in shape if size is not None)


def random_array(
    shape: tuple[int, ...], dtype: np.dtype[Any], random: np.random.Generator
) -> Array:
    """Floats of the standard normal distribution, integers from 0 to 7."""
    array = aligned_empty(shape, dtype, "a random argument")
    try:
        if dtype.kind == "f":
            array[...] = random.standard_normal(shape)
        else:
            array[...] = random.integers(0, 2 if dtype.kind == "b" else 8, shape)
    except MemoryError as e:
        raise BrError(f"expected memory to draw {describe(array)}, got none") from e
    return array


def _parse_type(text: str, spec: str) -> Parameter:
    *sizes, element = text.strip().split("x") if text.strip() != "index" else ["index"]
    if text.strip().endswith("xindex"):  # which has an x of its own
        sizes, element = text.strip().removesuffix("xindex").split("x"), "index"
    if element not in _DTYPES or not all(re.fullmatch(r"\d+", s) for s in sizes):
        raise BrError(
            "expected a SPEC such as 4x8xf32, 4xf32=1,2,3,4, f32=2, 4x8xf32=@x.npy or "
            f"@x.npy with a type out of {', '.join(_DTYPES)}, got '{spec}'"
        )
    dtype = np.dtype(_DTYPES[element])
    return Parameter(tuple(map(int, sizes)), dtype, scalar=not sizes)


def _parse_values(
    text: str, shape: tuple[int, ...], dtype: np.dtype[Any], spec: str
) -> Array:
    words = re.sub(r"[\[\],]", " ", text).split()
    count = math.prod(shape)
    if len(words) not in (1, count):
        raise BrError(
            f"expected 1 or {count} values in '{_short(spec)}', got {len(words)}"
        )
    try:
        values = np.array([_parse_value(word, dtype) for word in words], dtype)
    except (ValueError, OverflowError) as e:
        raise BrError(
            f"expected values of type {dtype} in '{_short(spec)}': {e}"
        ) from e
    array: Array = aligned_empty(shape, dtype, f"'{_short(spec)}'")
    array[...] = values.reshape(shape) if len(words) == count else values[0]
    return array


def _parse_value(word: str, dtype: np.dtype[Any]) -> float | int | bool:
    if dtype.kind == "f":
        return float(word)
    if dtype.kind == "b":
        if word not in ("0", "1", "true", "false"):
            raise ValueError(f"'{word}' is not 0, 1, true or false")
        return word in ("1", "true")
    return int(word, 0)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _member(text: str) -> tuple[Path, str] | None:
    """The archive and the name in it that `net.npz:w` says; None of other files."""
    found = re.fullmatch(r"(.+\.(?:npz|safetensors)):(.+)", text)
    return None if found is None else (Path(found[1]), found[2])


def _load(text: str) -> Array:
    """The array of a file, or of a name in it."""
    if (member := _member(text)) is None:
        return _load_npy(Path(text))
    path, name = member
    if path.suffix == ".npz":
        return _load_numpy(path, name)
    from runtime.training.checkpoint import load

    return _named(load(path), path, name)


def _named(arrays: Mapping[str, Array], path: Path, name: str) -> Array:
    if name not in arrays:
        names = ", ".join(arrays) or "none"
        raise BrError(f"{path}: expected an array called '{name}', got {names}")
    return arrays[name]


def _load_numpy(path: Path, name: str | None = None) -> Array:
    """The array in a file of numpy's, or the one called `name`."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return _named({}, path, name) if name else cast(Array, found)
        with found as archive:
            if name:
                return _named(archive, path, name)
            raise BrError(
                f"{path}: expected one array (.npy), got an archive of several, "
                f"{', '.join(archive)}; @FILE.npz:NAME is one of them"
            )
    except OSError as e:
        raise BrError(f"{path}: {e.strerror or e}") from e
    except (ValueError, EOFError, MemoryError, BadZipFile) as e:
        # what numpy says of a file that is none of its own: unpickle it if you dare
        reason = "it is none" if "pickle" in str(e) else e
        raise BrError(
            f"{path}: expected an array of numbers as numpy.save writes it: {reason}"
        ) from e


def _load_npy(path: Path) -> Array:
    if path.suffix == ".safetensors":
        raise BrError(f"{path}: expected the name of an array, as in @{path}:NAME")
    return _load_numpy(path)


def _load_raw(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    want = math.prod(shape) * dtype.itemsize
    try:
        data = path.read_bytes()
    except OSError as e:
        raise BrError(f"{path}: {e.strerror}") from e
    if len(data) != want:
        raise BrError(f"{path}: expected {want} bytes of raw values, got {len(data)}")
    return np.frombuffer(data, dtype).reshape(shape)
