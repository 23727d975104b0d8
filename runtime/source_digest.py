"""What stands for a program's text in the key of its compiled code."""

from __future__ import annotations

import hashlib
import importlib.util
import mmap
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from brdialect.readers import is_foreign
from runtime.code_cache import CodeCache, key_of

_SETTLED = 2.0
"""Seconds. The times of a file tell two contents apart only where they are not those
of this very moment: a clock's steps are long for a computer. git, too, looks at the
content of files that are younger."""


@dataclass(frozen=True)
class SourceDigest:
    """The digest of a text, and the file in which it stood."""

    digest: str
    path: Path | None = None
    status: tuple[int, ...] = ()

    def is_current(self) -> bool:
        """Whether the file is still what it was when the digest was taken."""
        try:
            return self.path is None or _status(self.path.stat()) == self.status
        except OSError:
            return False


def is_text(source: str) -> bool:
    """Whether a string is MLIR text: no path has a line break or a bracket."""
    return any(c in source for c in "\n{(")


def digest_of(source: object, cache: CodeCache) -> SourceDigest | None:
    """The digest of a program's text; None for a module, standard input and a file
    that cannot be read."""
    if isinstance(source, str) and is_text(source):
        return SourceDigest(_blake2b(source.encode()))
    if not isinstance(source, str | Path) or str(source) == "-":
        return None
    try:
        return _digest_of_file(Path(source), cache)
    except OSError:
        return None


def _digest_of_file(path: Path, cache: CodeCache) -> SourceDigest | None:
    """Of the file's bytes, which are read only if they may have changed since last
    time: hundreds of megabytes of weights would take longer than all else."""
    key = key_of("file", str(path.absolute()))
    known = cache.get(key)
    now = _status(path.stat())
    if known is not None and known.description["status"] == list(now):
        return SourceDigest(known.description["digest"], path, now)
    if is_foreign(path) and _names_other_files(path):
        return None  # which of them changed is not looked at
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20))
        after = os.fstat(file.fileno())
    status = _status(after)
    settled = time.time() - max(after.st_mtime, after.st_ctime) > _SETTLED
    if settled and status == _status(before):
        cache.put(key, {"status": status, "digest": digest.hexdigest()})
    return SourceDigest(digest.hexdigest(), path, status)


def _names_other_files(path: Path) -> bool:
    """Whether an ONNX model has weights in files of their own: an entry whose key, as
    protobuf writes it, is `location`."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(b"\n\x08location\x12") >= 0


def _status(found: os.stat_result) -> tuple[int, ...]:
    """Changes whenever the content of a file does: its ctime is set by the system."""
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


def _blake2b(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


@cache
def compiler_digest() -> str:
    """Of this compiler itself: of its sources, and of the packages that it calls."""
    root = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=20)
    for package in ("brdialect", "passes", "runtime", "frontends"):
        for folder, folders, files in os.walk(root / package):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                if name.endswith(".py"):
                    path = Path(folder, name)
                    digest.update(f"{path.relative_to(root)}\n".encode())
                    digest.update(path.read_bytes())
    for package in ("xdsl", "llvmlite", "onnx"):
        # An installation writes all files, and this finds the package unimported.
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found = Path(spec.origin).stat()
            digest.update(f"{spec.origin} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
