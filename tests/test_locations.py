"""Operations keep the line or the node that they come from."""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.dialects.builtin import FusedLoc, NameLoc, NoneAttr, StringAttr, UnknownLoc
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.locations import fused, node_location, place, sources
from brdialect.source import parse_module

CONV, RELU = node_location("conv1", "Conv"), node_location("relu1", "Relu")
NAME = NameLoc(StringAttr("somewhere"), NoneAttr())


def test_fused_locations_are_flat_and_each_stands_once():
    both = fused(CONV, UnknownLoc(), RELU)
    assert isinstance(both, FusedLoc) and sources(both) == [CONV, RELU]
    assert sources(fused(RELU, both, NAME)) == [RELU, CONV, NAME]
    assert fused(CONV, CONV) == CONV
    assert fused() == fused(UnknownLoc()) == UnknownLoc()


def test_the_first_known_place_is_told():
    assert place(fused(CONV, RELU)) == "node 'conv1' (Conv)"
    assert place(NAME) == "somewhere"
    assert place(UnknownLoc()) == ""
    module = parse_module("func.func @f() {\n  return\n}")
    (place_,) = {place(op.location) for op in module.walk() if op.name == "func.return"}
    assert place_.endswith(":2:3")


class TwoConstants(RewritePattern):
    """x + y  ->  two constants, and the place of the second is given."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: arith.AddiOp, rewriter: PatternRewriter):
        first = arith.ConstantOp.from_int_and_width(1, 32)
        second = arith.ConstantOp.from_int_and_width(2, 32)
        second.location = NAME
        rewriter.insert(first)
        rewriter.replace(op, second)


def test_what_a_pattern_inserts_comes_from_what_it_matched():
    module = parse_module(
        "func.func @f(%x: i32) -> i32 {\n"
        "  %y = arith.addi %x, %x : i32\n"
        "  return %y : i32\n}"
    )
    PatternRewriteWalker(TwoConstants()).rewrite_module(module)
    places = [
        place(op.location) for op in module.walk() if isinstance(op, arith.ConstantOp)
    ]
    assert places[0].endswith(":2:3") and places[1] == "somewhere"
