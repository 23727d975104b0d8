"""The attributes of the linalg dialect that stock xDSL lacks."""

from __future__ import annotations

from typing import ClassVar

from xdsl.ir import Attribute, Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from brdialect.linalg.bodies import BINARY, UNARY


class _Word(Data[str]):
    """`#linalg.NAME<word>`, one word out of a few."""

    WORDS: ClassVar[tuple[str, ...]]

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> str:
        with parser.in_angle_brackets():
            pos = parser.pos
            word = parser.parse_identifier()
            if word not in cls.WORDS:
                parser.raise_error(
                    f"expected one of {', '.join(cls.WORDS)}, got '{word}'", pos
                )
            return word

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data)


@irdl_attr_definition
class TypeFnAttr(_Word):
    """How integers are widened: `#linalg.type_fn<cast_unsigned>`."""

    name = "linalg.type_fn"
    WORDS = ("cast_signed", "cast_unsigned")


@irdl_attr_definition
class ElementwiseKindAttr(_Word):
    """What `linalg.elementwise` does: `#linalg.elementwise_kind<add>`."""

    name = "linalg.elementwise_kind"
    WORDS = (*(k for k in BINARY if k not in ("max", "min")), *UNARY, "select")


def is_unsigned(cast: Attribute | None) -> bool:
    """Whether a `cast` attribute asks for zero extension."""
    return isinstance(cast, TypeFnAttr) and cast.data == "cast_unsigned"
