"""The epilogue of a `br.batch_reduce_gemm` on a GPU that takes the place of storing C.

    br.batch_reduce_gemm .. {finish, tile = ..} epilogue {
    ^bb0(%row: index, %column: index, %four: vector<4xf32>):   // C[row, column ..]
      ...what is done with them...
      br.yield
    }

All of C comes by, in groups of neighbours of a row, each once.
"""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType, VectorType
from xdsl.ir import Attribute, Block, Region
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa


def group_of(block: Block) -> int:
    """Elements of C that the region takes at a time."""
    last = block.args[-1].type
    return last.get_shape()[0] if isa(last, VectorType) else 1


def verify_finish(region: Region | None, accumulator: Attribute, columns: int) -> None:
    """Refuses other arguments, and columns that are no whole groups."""
    if region is None:
        raise VerifyException("expected an epilogue with finish")
    block = region.block
    got = [arg.type for arg in block.args]
    group = group_of(block) if got else 1
    last = VectorType(accumulator, (group,)) if group > 1 else accumulator
    if got != [IndexType(), IndexType(), last]:
        raise VerifyException(
            f"expected finish to take a row, a column and elements of {accumulator}, "
            f"got ({', '.join(map(str, got))})"
        )
    if columns % group:
        raise VerifyException(
            f"expected columns in groups of {group} for finish, got {columns}"
        )
