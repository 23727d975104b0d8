"""Rewriting: what a pattern makes of an operation comes from where that came from.

xDSL 0.74 leaves what a `PatternRewriter` inserts without a location, so that no message
and no profile could name the line or the node that it serves.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.rewriter import InsertPoint

from brdialect.locations import locate
from brdialect.repairs.opdef import override

_stock_insert = PatternRewriter.insert


def _insert(
    self: PatternRewriter,
    op: Operation | tuple[Operation, ...],
    insertion_point: InsertPoint | None = None,
) -> Operation | tuple[Operation, ...]:
    matched = self._current_operation
    if matched is not None:
        locate((op,) if isinstance(op, Operation) else op, matched.location)
    return _stock_insert(self, op, insertion_point)


def repair_locations() -> None:
    """Lets new operations have the location of the one that a pattern has matched."""
    override(PatternRewriter, insert=_insert)
