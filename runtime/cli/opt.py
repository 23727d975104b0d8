"""`br-opt [FILE|-] [-p PASSES] [-t TARGET]`: every flag of xdsl-opt, plain errors."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import IO, NoReturn

from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.lexer import Input, Span
from xdsl.xdsl_opt_main import xDSLOptMain

from brdialect.errors import BrError
from brdialect.readers import is_foreign, read_foreign
from brdialect.resources import cut_resources
from brdialect.source import (
    LocatingParser,
    attach_resources,
    decode,
    here,
    resources,
    verify,
)
from runtime.cli.files import written_whole
from runtime.cli.options import add_constants
from runtime.cli.report import about, run_tool
from runtime.cli.spec import constant_arrays, shape_of_spec

_ALIGNMENT = "0x40000000"  # 64 bytes, a cache line, as four little-endian bytes


def in_steps(passes: str) -> str:
    """The pipeline with `lower-to-cpu{..}` as the passes that it consists of, so that
    there is something to see and to time between them."""
    from passes.pipelines import STAGES, passes_of

    steps = ",".join(passes_of(STAGES))
    return re.sub(r"lower-to-cpu(\{[^}]*\})?", rf"set-target\1,{steps}", passes)


class BrOpt(xDSLOptMain):
    """xdsl-opt, which finds the dialect, passes and targets as `runtime.universe`."""

    version_format = "br-opt on xDSL {xdsl_version}"

    def __init__(self, args: Sequence[str] | None = None):
        super().__init__(__doc__ or "", args)

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.error = _refuse
        arg_parser.add_argument(
            "--input",
            action="append",
            default=[],
            metavar="SPEC",
            help="of a file that is no MLIR: the sizes of an argument, such as "
            "1x3x224x224xf32, where the file leaves them open; once for each, in order",
        )
        add_constants(arg_parser)
        arg_parser.add_argument(
            "--print-weights",
            action="store_true",
            help="of a file that is no MLIR: prints the weights, too, which are left "
            "out otherwise",
        )

    def setup_pipeline(self) -> None:
        try:
            for spec in parse_pipeline(self.args.passes):
                if spec.name not in self.available_passes:
                    raise BrError(self._no_such_pass(spec.name))
            if self.args.print_between_passes or self.args.time_passes:
                self.args.passes = in_steps(self.args.passes)
            super().setup_pipeline()
        except ValueError as e:  # an option that a pass does not have
            raise BrError(f"--passes: {e}") from e

    def _no_such_pass(self, name: str) -> str:
        near = get_close_matches(name, self.available_passes)
        hint = f"did you mean {' or '.join(near)}?" if near else "br-opt -h lists them"
        return f"--passes: expected names of passes, got '{name}'; {hint}"

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        # The only language is MLIR, whatever the file's name ends in.
        if self.args.input_file in (None, "-"):
            return sys.stdin.buffer, "mlir"
        path = Path(self.args.input_file)
        try:
            return path.open("rb"), "mlir"
        except OSError as e:
            raise BrError(f"{path}: cannot be read: {e.strerror}") from e

    def get_input_name(self) -> str:
        name = self.args.input_file
        return "<stdin>" if name in (None, "-") else name

    def parse_chunk(
        self, chunk: IO[bytes], file_extension: str, start_offset: int = 0
    ) -> ModuleOp:
        name = self.get_input_name()
        if is_foreign(name):
            return self._read_foreign(Path(name))
        # Empty lines stand for the chunks before, so that locations are the file's.
        text, blobs = cut_resources(b"\n" * start_offset + chunk.read(), name)
        parser = LocatingParser(self.ctx, decode(text, name), name)
        try:
            module = parser.parse_module(not self.args.no_implicit_module)
        except ParseError as e:
            _shift(e, start_offset)
            raise
        except RecursionError:
            raise
        except Exception as e:  # an exception of xDSL's own that names no place
            raise BrError(here(parser, e)) from e
        attach_resources(module, blobs)
        return module

    def _read_foreign(self, path: Path) -> ModuleOp:
        """The module of a file in another form."""
        self.ctx.get_dialect("builtin")  # whose resources are printed
        found = read_foreign(path)
        if isinstance(found, ModuleOp):
            return found
        shapes = [shape_of_spec(text) for text in self.args.input]
        if len(shapes) != len(found.arguments):
            raise BrError(
                f"expected the sizes of {len(found.arguments)} arguments, "
                f"{', '.join(map(str, found.arguments))}; give an --input=SPEC for each"
            )
        constants = constant_arrays(self.args.constants, self.args.input)
        return found.at(shapes, constants)

    def apply_passes(self, prog: ModuleOp) -> None:
        if not self.args.disable_verify:
            self._verify(prog)
        try:
            super().apply_passes(prog)
        except VerifyException:
            self._verify(prog)
            raise

    def _verify(self, prog: ModuleOp) -> None:
        """Verifies; the message of a fault starts with its place."""
        try:
            verify(prog, self.get_input_name())
        except BrError as e:
            raise VerifyException(str(e)) from e

    def output_resulting_program(self, prog: ModuleOp) -> str:
        # xDSL prints those blobs that it finds in its builtin dialect.
        elided = is_foreign(self.get_input_name()) and not self.args.print_weights
        if (blobs := resources(prog)) and not elided:
            interface = self.ctx.get_dialect("builtin").get_interface(
                OpAsmDialectInterface
            )
            assert interface is not None
            for name, blob in blobs.items():
                if interface.lookup(name) is None:
                    interface.declare_resource(name)
                interface.parse_resource(name, _ALIGNMENT + blob.hex().upper())
        return super().output_resulting_program(prog)

    def prepare_output(self) -> IO[str]:
        return sys.stdout if self.args.output_file is None else self._text

    def run(self) -> None:
        self._text = _OpenText()
        with about(self.get_input_name()):
            super().run()
        if self.args.output_file is not None:
            with written_whole(Path(self.args.output_file)) as temporary:
                temporary.write_text(self._text.getvalue())


class _OpenText(StringIO):
    """Keeps what will go to a file once all went well; xDSL closes its output."""

    def close(self) -> None:
        """Does nothing: the text is still needed."""


def _shift(error: ParseError, lines: int) -> None:
    """Counts the lines of `error` without the first `lines`, which xDSL adds itself."""
    span = error.span
    assert isinstance(span.input.content, str)
    error.span = Span(
        span.start - lines,
        span.end - lines,
        Input(span.input.content[lines:], span.input.name),
    )


def _refuse(message: str) -> NoReturn:
    raise BrError(message)


def main() -> int:
    """The command `br-opt`."""
    return run_tool(lambda: BrOpt().run())
