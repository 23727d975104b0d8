"""Literals: a float that is written by its bits is that float in a dense constant, too.

arith.constant dense<0xFF800000> : tensor<f32>      // -inf, as masks have it
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import AnyFloat
from xdsl.parser.attribute_parser import AttrParser

from brdialect.repairs.opdef import override

_Element = AttrParser._TensorLiteralElement
_stock_to_type = _Element.to_type


def _to_type(self: _Element, parser: AttrParser, type: Any) -> Any:
    text = self.span.text
    if not isinstance(type, AnyFloat) or "0x" not in text[:3].lower():
        return _stock_to_type(self, parser, type)
    size = type.compile_time_size
    if not isinstance(self.value, int) or not 0 <= self.value < 1 << 8 * size:
        parser.raise_error(
            f"expected the {8 * size} bits of an element of type {type}, got {text}",
            at_position=self.span,
        )
    return next(type.iter_unpack(self.value.to_bytes(size, "little")))


def repair_literals() -> None:
    """xDSL 0.74 prints infinities and NaN by their bits, which it then reads as whole
    numbers: 4286578688 in place of -inf."""
    override(_Element, to_type=_to_type)
