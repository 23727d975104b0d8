"""A `br.batch_reduce_gemm` as a block of threads sees it: a product of two matrices,
whose rows, columns and sum several dimensions count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.dialects import arith, memref
from xdsl.ir import SSAValue

from brdialect.gpu_ops import BlockIdOp
from brdialect.ops import BatchReduceGemmOp
from brdialect.padded_view_op import PaddedViewOp
from passes.gpu.views import sizes_and_strides
from passes.shared.build import Index, add, memref_type, minimum, mul, value
from passes.shared.digits import Digits, divided, modulo


@dataclass(frozen=True)
class Problem:
    """The op as a product of matrices: [rows, sum] x [sum, columns]."""

    rows: Sequence[Digits]
    """Of a, c and the extras."""
    columns: Sequence[tuple[int, int]]
    """Extent and stride, of b, c and the extras."""
    sum_a: Digits
    sum_b: Digits


def problem_of(op: BatchReduceGemmOp) -> Problem:
    """Reads the views of the op."""
    batch, rows = op.shapes[1].get_num_dims() - 2, op.row_dims
    sizes_a, steps_a = sizes_and_strides(op, op.a)
    sizes_b, steps_b = sizes_and_strides(op, op.b)
    its = slice(batch, batch + rows)
    outs = [sizes_and_strides(op, v) for v in (op.c, *op.extras)]
    row_digits = [(sizes_a[its], steps_a[its])]
    row_digits += [(sizes[:-1], steps[:-1]) for sizes, steps in outs]
    columns = [(sizes_b[-1], steps_b[-1])]
    columns += [(sizes[-1], steps[-1]) for sizes, steps in outs]
    sums = [*range(batch), batch + rows]
    edges = steps_to_edges(op.a)
    of_a, *others = [Digits(tuple(e), tuple(s)) for e, s in row_digits]
    return Problem(
        [replace(of_a, places=tuple(tuple(x[its]) for x in edges)), *others],
        columns,
        Digits(
            tuple(sizes_a[i] for i in sums),
            tuple(steps_a[i] for i in sums),
            tuple(tuple(x[i] for i in sums) for x in edges),
        ),
        Digits(tuple(sizes_b[:-1]), tuple(steps_b[:-1])),
    )


def steps_to_edges(a: SSAValue) -> list[tuple[int, ...]]:
    """How far each dimension of a goes towards its borders."""
    rank = memref_type(a).get_num_dims()
    while isinstance(a.owner, memref.AssumeAlignmentOp | memref.SubviewOp):
        a = a.owner.operands[0]
    view = a.owner
    if not isinstance(view, PaddedViewOp):
        return []
    return [x.steps[len(x.steps) - rank :] for x in view.borders]


def tile_position(tiles: tuple[int, int], order: int, grid: int) -> tuple[Index, Index]:
    """Which tile of C is this block's, of so many down and to the right: `order` tiles
    of rows go by together before the next column. `grid`: blocks of the kernel."""
    down, right = tiles
    count, order = down * right, min(order, down)
    number: Index = modulo(BlockIdOp().res, count, grid)
    group = divided(number, order * right, count)
    within = modulo(number, order * right, count)
    if down % order == 0:
        height = modulo(within, order, order * right)
        return add(mul(group, order), height), divided(within, order)
    first = mul(group, order)
    left = arith.SubiOp(value(down), value(first)).result
    rows = value(minimum(left, order))
    height = arith.RemUIOp(value(within), rows).result
    return add(first, height), arith.DivUIOp(value(within), rows).result
