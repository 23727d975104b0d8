"""Compiled code on disk: a folder of entries, each one file that is written once.

    head          magic, checksum, sizes
    description   JSON
    code          the bytes of an object file
    buffers       each at a multiple of 64 bytes: packed weights, never changed

An entry appears whole, by a rename, and its buffers are mapped, not read: the system
loads what is used. The checksum covers the description, the code and one line of 64
bytes of each page of the buffers; that shows a file that was cut, overwritten or never
reached the disk, without reading hundreds of megabytes.

Entries are code that will run, so the folder belongs to the user alone. When the folder
outgrows `BR_CACHE_MIB` (2048), the entries that were not used for longest go.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from brdialect.arrays import Array
from runtime.arguments import ALIGNMENT
from runtime.cache_folder import cache_folder

_MAGIC = b"brcode01"
_HEAD = struct.Struct("<8s16sQQQ")
"""Magic, checksum, bytes of the description, of the code and of the whole file."""

_CHECKED_FROM = 24  # behind the checksum
_PAGE = 4096
_RUN = 4096
"""So many pages are mapped at a time while a checksum is taken: 16 MiB."""

_DEFAULT_MIB = 2048
_ABANDONED = 3600.0
"""Seconds after which a file that was never finished has lost its writer."""


@dataclass(frozen=True)
class Entry:
    """What was stored."""

    description: dict[str, Any]
    code: bytes
    buffers: list[Array]
    """Bytes, which cannot be written."""


def key_of(*parts: object) -> str:
    """The name of an entry: the same for equal parts, which are JSON values."""
    return blake2b(json.dumps(parts).encode(), digest_size=20).hexdigest()


def open_cache() -> CodeCache | None:
    """The user's cache; None where there is none or another user could write to it."""
    folder = cache_folder()
    if folder is None:
        if os.environ.get("BR_CACHE_DIR") != "":
            warn(
                "compiled code is not kept: no cache folder can be made (BR_CACHE_DIR)"
            )
        return None
    return _opened(folder / "code", _limit())


@cache
def _opened(folder: Path, limit: int) -> CodeCache | None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except OSError as e:
        warn(f"compiled code is not kept: {folder}: {e.strerror}")
        return None
    if hasattr(os, "geteuid") and (
        found.st_uid != os.geteuid() or found.st_mode & 0o022
    ):
        warn(
            f"compiled code is not kept: expected {folder} to be yours and writable by "
            "you alone; BR_CACHE_DIR can name another folder"
        )
        return None
    return CodeCache(folder, limit)


def _limit() -> int:
    """How many bytes the folder may hold."""
    text = os.environ.get("BR_CACHE_MIB", str(_DEFAULT_MIB))
    if text.isdecimal():
        return int(text) << 20
    warn(f"expected BR_CACHE_MIB to be a number, got '{text}'; {_DEFAULT_MIB} it is")
    return _DEFAULT_MIB << 20


@cache
def warn(message: str) -> None:
    """Tells the user once: what is wrong with a cache never stops a compile."""
    warnings.warn(message, RuntimeWarning, stacklevel=3)


@dataclass(frozen=True)
class CodeCache:
    """One folder of entries."""

    folder: Path
    limit: int
    """Bytes."""

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where there is none, or none that can be used."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                # what is mapped stays, even if the entry is removed or replaced
                mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as e:  # the latter: an empty file
            warn(f"compiled code is not taken from {path}: {e}")
            return None
        entry = _read(mapped)
        if entry is None:
            warn(f"{path} is damaged, so the program is compiled anew")
            return None
        with suppress(OSError):
            os.utime(path)  # used now
        return entry

    def put(
        self,
        key: str,
        description: Mapping[str, Any],
        code: bytes = b"",
        buffers: Sequence[Array] = (),
    ) -> None:
        """Stores an entry in place of one that may be there."""
        text = json.dumps(
            {"given": description, "buffers": [b.nbytes for b in buffers]}
        ).encode()
        total = _end(_HEAD.size + len(text) + len(code), [b.nbytes for b in buffers])
        if total > self.limit:
            return
        try:
            number, name = tempfile.mkstemp(".part", "new-", self.folder)
            try:
                with os.fdopen(number, "r+b") as file:
                    file.write(_HEAD.pack(_MAGIC, b"", len(text), len(code), total))
                    file.write(text + code)
                    for buffer in buffers:
                        file.write(bytes(-file.tell() % ALIGNMENT))
                        file.write(buffer.data)
                    file.flush()
                    written = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                    checked = _HEAD.size + len(text) + len(code)
                    file.seek(len(_MAGIC))
                    file.write(_checksum(written, checked))
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room()
        except OSError as e:
            warn(f"compiled code is not kept: {self.folder}: {e.strerror}")

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.entry"

    def _make_room(self) -> None:
        """Removes what was not used for longest, until the rest is within the limit."""
        found: list[tuple[float, int, str]] = []
        with os.scandir(self.folder) as files:
            for file in files:
                try:
                    status = file.stat()
                except FileNotFoundError:  # another process was faster
                    continue
                if not file.name.endswith(".part"):
                    found.append((status.st_mtime, status.st_size, file.path))
                elif status.st_mtime < time.time() - _ABANDONED:
                    Path(file.path).unlink(missing_ok=True)
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit:
                break
            Path(path).unlink(missing_ok=True)
            total -= size


def _end(position: int, sizes: Sequence[int]) -> int:
    """Where the last of some buffers ends that start behind `position`."""
    for size in sizes:
        position += -position % ALIGNMENT + size
    return position


def _checksum(mapped: mmap.mmap, checked: int) -> bytes:
    """Of everything behind itself up to `checked`, and a line of each page after.

    What was looked at is given back: else all the weights would count as memory of a
    process that has only stored them."""
    file = np.frombuffer(mapped, np.uint8)
    digest = blake2b(file[_CHECKED_FROM:checked].data, digest_size=16)
    pages = file[: len(file) // _PAGE * _PAGE].reshape(-1, _PAGE)
    first = checked // _PAGE + 1
    for start in range(0, len(pages), _RUN):
        lines = pages[max(start, first) : start + _RUN, :ALIGNMENT]
        digest.update(lines.tobytes())
        if hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_DONTNEED, start * _PAGE, _RUN * _PAGE)
    digest.update(file[max(checked, len(file) - ALIGNMENT) :].data)
    return digest.digest()


def _read(mapped: mmap.mmap) -> Entry | None:
    """The entry that a file's bytes are; None where they are none."""
    file = np.frombuffer(mapped, np.uint8)
    if len(file) < _HEAD.size:
        return None
    magic, checksum, described, coded, total = _HEAD.unpack_from(file.data)
    checked = _HEAD.size + described + coded
    if magic != _MAGIC or total != len(file) or checked > total:
        return None
    if _checksum(mapped, checked) != checksum:
        return None
    text = file[_HEAD.size : _HEAD.size + described].tobytes()
    description = json.loads(text)
    position, buffers = checked, list[Array]()
    for size in description["buffers"]:
        position += -position % ALIGNMENT
        buffers.append(file[position : position + size])
        position += size
    code = file[_HEAD.size + described : checked].tobytes()
    return Entry(description["given"], code, buffers)
