"""The options that the command lines br-run and br-compile share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from brdialect.mistake import BrError
from brdialect.targets import TARGETS


class Parser(argparse.ArgumentParser):
    """Reports a wrong option like any other mistake: one message, exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise BrError(f"{message}; {self.prog} --help explains the options")


def add_constants(p: argparse.ArgumentParser) -> None:
    """The option --constants, which `constants_of` reads."""
    p.add_argument(
        "--constants",
        default="",
        metavar="I,J",
        help="arguments, counted from 0, that are given when the program is loaded, "
        "such as weights, which are packed then, or sizes that an .onnx model reads",
    )


def constants_of(text: str) -> list[int]:
    """The numbers of --constants."""
    words = [w for w in text.split(",") if w]
    if not all(w.isdecimal() for w in words):
        raise BrError(f"--constants: expected numbers of arguments, got '{text}'")
    return [int(w) for w in words]


def check_constants(numbers: Sequence[int], count: int, what: str) -> None:
    """Refuses numbers of --constants that are none of `count` arguments, or specs."""
    if wrong := [i for i in numbers if i >= count]:
        raise BrError(
            f"--constants: expected {what} from 0 to {count - 1}, got {wrong[0]}"
            if count
            else "--constants: expected an --input for each argument, got none"
        )


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
        "file",
        type=Path,
        metavar="FILE",
        help="MLIR: linalg on tensors, or an .onnx model; - is MLIR from stdin",
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
    made.add_argument(
        "--exact",
        action="store_true",
        help="multiplies and adds as it is written: on a GPU f32 in f32, not in tf32 "
        "on tensor cores; on a CPU 3x3 windows directly, not by Winograd's algorithm",
    )
    made.add_argument(
        "--no-tuned",
        dest="tuned",
        action="store_false",
        help="leaves out the schedules that br-tune has found",
    )
    return made
