"""Reading MLIR text: every operation knows its line, every mistake is one sentence.

`read_module` never lets an exception of the parser out: a missing file, bytes that are
not UTF-8, a syntax error, an operation that does not verify or an error inside xDSL all
come as `BrError("file:line:col: message")`.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

from xdsl.context import Context
from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface
from xdsl.dialects import get_all_dialects
from xdsl.dialects.builtin import (
    FileLineColLoc,
    IntAttr,
    ModuleOp,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Dialect, Operation, TypeAttribute
from xdsl.parser import Parser
from xdsl.traits import NoTerminator
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.mlir_lexer import MLIRTokenKind

from brdialect.errors import BrError, where
from brdialect.readers import OpenProgram, is_foreign, read_foreign
from brdialect.resources import Resources, cut_resources, dense_value
from brdialect.xdsl_repairs import install

__all__ = [
    "attach_resources",
    "context",
    "decode",
    "dense_value",
    "here",
    "parse_module",
    "read_module",
    "read_program",
    "resources",
    "verify",
]

_RESOURCES: WeakKeyDictionary[ModuleOp, Resources] = WeakKeyDictionary()

_SHAPED = re.compile(r"(?:tensor|memref|vector)<[^<>]*>")

T = TypeVar("T")


def _br() -> Dialect:
    from brdialect.dialect import BR

    return BR


def context() -> Context:
    """A context with every dialect of xDSL, repaired, and `br`; loaded when used."""
    install()
    ctx = Context()
    for name, factory in get_all_dialects().items():
        ctx.register_dialect(name, factory)
    ctx.register_dialect("br", _br)
    return ctx


def resources(module: ModuleOp) -> Resources:
    """What `dense_resource<name>` stands for in a parsed module: name -> bytes."""
    return _RESOURCES.get(module) or Resources({})


def attach_resources(module: ModuleOp, blobs: Resources) -> None:
    """Makes `blobs` the resources of `module`, as if they had been parsed with it."""
    _RESOURCES[module] = blobs


class _Lines:
    """Positions in a text to lines and columns, both from 1."""

    def __init__(self, text: str):
        self.starts = [0]
        position = text.find("\n")
        while position >= 0:
            self.starts.append(position + 1)
            position = text.find("\n", position + 1)

    def at(self, position: int) -> tuple[int, int]:
        line = bisect_right(self.starts, position)
        return line, position - self.starts[line - 1] + 1


class LocatingParser(Parser):
    """Gives every operation without a location that of its first character."""

    def __init__(self, ctx: Context, text: str, filename: str):
        super().__init__(ctx, text, filename)
        self._filename = StringAttr(filename)
        self._lines = _Lines(text)
        self._start = 0
        self._types: dict[str, TypeAttribute] = {}

    def parse_module(self, allow_implicit_module: bool = True) -> ModuleOp:
        try:
            module = super().parse_module(allow_implicit_module)
        except ParseError as error:
            if error.msg == "Could not parse entire input!":
                self.raise_error(self._expected_operation())
            raise
        if isinstance(module.location, UnknownLoc):
            module.location = FileLineColLoc(self._filename, IntAttr(1), IntAttr(1))
        return module

    def _expected_operation(self) -> str:
        """What stands between the top-level operations is wrong, or there is none."""
        if self._current_token.kind is MLIRTokenKind.EOF:
            return "expected an operation, such as func.func, got a file without any"
        return "expected an operation, an alias or a resource section"

    def parse_operation(self) -> Operation:
        start = self._start = self.pos
        op = super().parse_operation()
        if isinstance(op.location, UnknownLoc):
            line, column = self._lines.at(start)
            op.location = FileLineColLoc(self._filename, IntAttr(line), IntAttr(column))
        return op

    def parse_optional_type(self) -> TypeAttribute | None:
        """The same few types stand at all operations: each text is parsed once."""
        start = self._current_token.span.start
        found = _SHAPED.match(self.lexer.input.content, start)
        if found is None:
            return super().parse_optional_type()
        known = self._types.get(found[0])
        if known is not None:
            self._resume_from(found.end())
            return known
        parsed = super().parse_optional_type()
        if parsed is not None:
            self._types[found[0]] = parsed
        return parsed

    def _get_op_by_name(self, name: str) -> type[Operation]:
        try:
            return super()._get_op_by_name(name)
        except ParseError:
            self.raise_error(f"expected a known operation, got '{name}'", self._start)

    def _parse_dialect_resource_handle(
        self, dialect_name: str, interface: OpAsmDialectInterface
    ) -> str:
        """The name as it stands. xDSL renames a resource that any module parsed before
        in this process had too, and the name in the attribute no longer fits."""
        return self.parse_identifier(" for resource handle")


def _located(error: ParseError) -> str:
    """`file:line:col: message (at 'the text there')`."""
    place = error.span.get_location()
    text = error.span.text.split("\n")[0][:40]
    at = f"at '{text}'" if text else "at the end of the file"
    if not text and error.span.start < error.span.input.len:
        at = ""
    message = f"{error.msg.strip()} ({at})" if at else error.msg.strip()
    return f"{place.file}:{place.line}:{place.col}: {message}"


def here(parser: LocatingParser, error: BaseException) -> str:
    """An exception that names no place: where the parser stood."""
    span = parser._current_token.span  # pyright: ignore[reportPrivateUsage]
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        message = "what stands before it does not fit in memory"
    return _located(ParseError(span, f"cannot parse this: {message}"))


def _too_deep(filename: str) -> BrError:
    return BrError(
        f"{filename}: expected regions and lists nested less than some hundred deep"
    )


def _guarded(parser: LocatingParser, filename: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except BrError:
        raise
    except ParseError as error:
        raise BrError(_located(error)) from error
    except RecursionError as error:
        raise _too_deep(filename) from error
    except Exception as error:
        raise BrError(here(parser, error)) from error


def _check_blocks(op: Operation) -> None:
    """A block may be empty only where no terminator is needed."""
    for region in op.regions:
        for block in region.blocks:
            if block.last_op is None and not op.has_trait(NoTerminator):
                raise VerifyException("expected a terminator, got an empty block")


def verify(module: ModuleOp, filename: str = "<module>") -> None:
    """Verifies every operation; a fault is told at the operation that has it."""
    op: Operation = module
    try:
        for op in module.walk():
            op.verify(verify_nested_ops=False)
            _check_blocks(op)
    except RecursionError as error:
        raise _too_deep(filename) from error
    except Exception as error:
        raise BrError(f"{where(op)}: {error or type(error).__name__}") from error


def decode(data: bytes, filename: str) -> str:
    """The bytes of a file as MLIR text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrError(
            f"{filename}:{line}: expected MLIR text in UTF-8, got byte "
            f"0x{data[error.start]:02x} at offset {error.start}"
        ) from error


def parse_module(text: str, filename: str = "<text>") -> ModuleOp:
    """The verified module of MLIR text, or a `BrError` that names the place."""
    data = text.encode(errors="surrogatepass")
    return _parse(*cut_resources(data, filename), filename)


def _parse(body: bytes, blobs: Resources, filename: str) -> ModuleOp:
    try:
        parser = LocatingParser(context(), decode(body, filename), filename)
    except ParseError as error:  # the first token is read at once
        raise BrError(_located(error)) from error
    module = _guarded(parser, filename, parser.parse_module)
    verify(module, filename)
    attach_resources(module, blobs)
    return module


def read_program(path: Path) -> ModuleOp | OpenProgram:
    """What is in a file, of MLIR or of another form (`brdialect.readers`)."""
    return read_foreign(path) if is_foreign(path) else read_module(path)


def read_module(path: str | Path) -> ModuleOp:
    """The verified module in a file; `-` is standard input."""
    name = str(path)
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(path).read_bytes()
    except OSError as error:
        raise BrError(f"{name}: cannot read: {error.strerror}") from error
    name = "<stdin>" if name == "-" else name
    body, blobs = cut_resources(data, name)
    del data  # twice the size of the weights, which `blobs` has
    return _parse(body, blobs, name)
