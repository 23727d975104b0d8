"""The lexer: a string without its closing quote is refused at once."""

import re

from xdsl.utils.mlir_lexer import MLIRLexer

from brdialect.repairs.opdef import override

_STRING = re.compile(r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"')
"""xDSL's pattern, but possessive: it gives back nothing of what it has matched."""


def repair_lexer() -> None:
    """One missing quote makes xDSL 0.74 search for time exponential in the length of
    the line: its pattern repeats a repetition, and tries every way to split it."""
    override(MLIRLexer, _unescaped_characters_regex=_STRING)
