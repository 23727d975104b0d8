"""`br-opt [FILE|-] [-p PASSES] [-t TARGET]`: every flag of xdsl-opt, plain errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import IO, NoReturn

from xdsl.utils.arg_spec import parse_pipeline
from xdsl.xdsl_opt_main import xDSLOptMain

from brdialect.errors import BrError
from runtime.cli.options import written_whole
from runtime.cli.report import run_tool


class BrOpt(xDSLOptMain):
    """xdsl-opt, which finds the dialect, passes and targets as `runtime.universe`."""

    version_format = "br-opt on xDSL {xdsl_version}"

    def __init__(self, args: Sequence[str] | None = None):
        super().__init__(__doc__ or "", args)

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.error = _refuse

    def setup_pipeline(self) -> None:
        try:
            for spec in parse_pipeline(self.args.passes):
                if spec.name not in self.available_passes:
                    raise BrError(self._no_such_pass(spec.name))
            super().setup_pipeline()
        except ValueError as e:  # an option that a pass does not have
            raise BrError(f"--passes: {e}") from e

    def _no_such_pass(self, name: str) -> str:
        near = get_close_matches(name, self.available_passes)
        hint = f"did you mean {' or '.join(near)}?" if near else "br-opt -h lists them"
        return f"--passes: expected names of passes, got '{name}'; {hint}"

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        if self.args.input_file == "-":
            return sys.stdin.buffer, "mlir"
        try:
            stream, extension = super().get_input_stream()
        except OSError as e:
            raise BrError(f"{e.filename}: cannot be read: {e.strerror}") from e
        if extension not in self.available_frontends and self.args.frontend is None:
            stream.close()
            raise BrError(
                f"{self.args.input_file}: expected a file named *.mlir, or -f mlir"
            )
        return stream, extension

    def run(self) -> None:
        if self.args.output_file is None:
            super().run()
            return
        with written_whole(Path(self.args.output_file)) as temporary:
            self.args.output_file = str(temporary)
            super().run()


def _refuse(message: str) -> NoReturn:
    raise BrError(message)


def main() -> int:
    """The command `br-opt`."""
    return run_tool(lambda: BrOpt().run())
