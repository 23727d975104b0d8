"""What the command lines br-run and br-compile share: options, and files that are
written whole or not at all."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from brdialect.mistake import BrError
from brdialect.targets import TARGETS


class Parser(argparse.ArgumentParser):
    """Reports a wrong option like any other mistake: one message, exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise BrError(f"{message}; {self.prog} --help explains the options")


def parser(prog: str, description: str, examples: str) -> Parser:
    """A parser with the options of both tools. Options have one spelling each: no
    abbreviations, so that a new one breaks no script."""
    made = Parser(
        prog,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "file", type=Path, metavar="FILE", help="MLIR: linalg on tensors; - is stdin"
    )
    made.add_argument(
        "--entry",
        metavar="NAME",
        help="the function; may be left out if there is one, or one named main",
    )
    made.add_argument(
        "--target",
        default="host",
        metavar="T",
        help=f"host (the default), {', '.join(TARGETS)}",
    )
    return made


@contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """A temporary path beside `path`, renamed to it once the body succeeded."""
    if path.is_dir():
        raise BrError(f"{path}: expected a file to write, got a folder")
    try:
        number, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", path.parent)
    except OSError as e:
        raise BrError(f"{path}: cannot be written: {e.strerror}") from e
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp's files are for their owner alone
        temporary.replace(path)
    except OSError as e:
        raise BrError(f"{path}: cannot be written: {e.strerror}") from e
    finally:
        temporary.unlink(missing_ok=True)
