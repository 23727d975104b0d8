"""The options that the command lines br-run and br-compile share."""

from __future__ import annotations

import argparse
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
        help="on a GPU: multiplies f32 in f32, not in tf32 on tensor cores",
    )
    made.add_argument(
        "--no-tuned",
        dest="tuned",
        action="store_false",
        help="leaves out the schedules that br-tune has found",
    )
    return made
