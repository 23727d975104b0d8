"""Indexing maps written the way a paper writes them.

    n h*s0+r*d0 w*s1+s*d1 c, r s c f -> n h w f

One group of dimensions for each operand, the output's after the arrow. A word is a
loop; `s0`, `d0` are the stride and the dilation of the first windowed dimension.
Loops that index the output run in parallel, the others reduce; their order is that of
the output's, then that of first appearance, which is upstream's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

_WINDOW = re.compile(r"(\w+)\*s(\d)\+(\w+)\*d(\d)")


@dataclass(frozen=True)
class Formula:
    """The parsed formula; see the module's docstring."""

    text: str

    @cached_property
    def operands(self) -> tuple[tuple[str, ...], ...]:
        """The words of each operand's group, the output's last."""
        inputs, output = self.text.split("->")
        groups = [*inputs.split(","), output]
        return tuple(tuple(group.split()) for group in groups)

    @cached_property
    def loops(self) -> tuple[str, ...]:
        """The loops' names, in order."""
        words = [*self.operands[-1], *(w for group in self.operands for w in group)]
        found: dict[str, None] = {}
        for word in words:
            window = _WINDOW.fullmatch(word)
            for loop in (window[1], window[3]) if window else (word,):
                found.setdefault(loop)
        return tuple(found)

    @cached_property
    def windows(self) -> int:
        """The number of windowed dimensions: how many strides and dilations."""
        return len(set(_WINDOW.findall(self.text)))

    def maps(self, strides: Sequence[int], dilations: Sequence[int]) -> list[AffineMap]:
        """One affine map for each operand."""
        dim = {loop: AffineDimExpr(i) for i, loop in enumerate(self.loops)}

        def expression(word: str) -> AffineExpr:
            window = _WINDOW.fullmatch(word)
            if window is None:
                return dim[word]
            out, stride, tap, dilation = window.groups()
            return dim[out] * strides[int(stride)] + dim[tap] * dilations[int(dilation)]

        return [
            AffineMap(len(self.loops), 0, tuple(expression(w) for w in words))
            for words in self.operands
        ]
