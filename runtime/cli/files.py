"""Output files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from brdialect.mistake import BrError


@contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """A temporary path for the body to write; it becomes `path` once the body is done.

    It lies beside the file that `path` names, behind links, and is renamed to it. A
    device or a pipe, such as /dev/stdout, gets a copy of what was written.
    """
    if path.is_dir():
        raise BrError(f"{path}: expected a file to write, got a folder")
    try:
        special = path.exists() and not path.is_file()
        final = path if special else path.resolve()
        if final.is_file() and not os.access(final, os.W_OK):
            raise BrError(f"{path}: cannot be written: it is read-only")
        folder = None if special else final.parent
        number, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", folder)
    except OSError as e:
        raise BrError(f"{path}: cannot be written: {e.strerror}") from e
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        if special:
            with temporary.open("rb") as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        else:
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)  # mkstemp's are for their owner alone
            temporary.replace(final)
    except OSError as e:
        if e.filename not in (None, name, str(path)):
            raise  # the body's own trouble with another file
        raise BrError(f"{path}: cannot be written: {e.strerror}") from e
    finally:
        temporary.unlink(missing_ok=True)
