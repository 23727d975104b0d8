"""The operations of the `br` dialect that compute.

`br.batch_reduce_gemm` is the only compute primitive; `br.contract` is the form of a
contraction on tensors or whole memrefs before its loops are made. Both end in an
optional *epilogue*: a region that takes the accumulated element (and one element of
each further operand) and yields the stored one.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IndexType,
    UnitAttr,
    f64,
    i64,
)
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    traits_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from brdialect.block_tile import BlockTile, BlockTileAttr
from brdialect.destination_op import (
    SHAPED,
    DestinationEffects,
    DestinationOp,
    agree,
    results_of,
    shaped,
)
from brdialect.finish import verify_finish
from brdialect.schedule import ScheduleAttr


@irdl_op_definition
class BatchReduceGemmOp(DestinationOp):
    """`C = epilogue(alpha * sum_i A_i B_i + beta * C, extras...)` (paper, section 2).

    | operand | shape | |
    |---|---|---|
    | a | `[batch..., m, k]` | `[batch..., k, m]` with `transpose_a` |
    | b | `[batch..., k, n]` | `[batch..., n, k]` with `transpose_b` |
    | c | `[m, n]` | read only if `beta` is not 0 |
    | extras | `[m, n]` each | a stride of 0 broadcasts, as for a bias |

    With one dimension more, `[batch..., m, k, n]`, a has a matrix for each column, as
    in a depthwise convolution: `C[i, j] += sum_k A[.., i, k, j] B[.., k, j]`. Rows may
    be counted by several dimensions (images, lines and pixels): `[m0, m1, ..]` in the
    place of m, in a, c and the extras alike.

    All leading dimensions are the batch, read through the memrefs' strides: a
    convolution window is a strided view. `count`, if present, is the run-time number
    of steps taken of the first batch dimension. `next` is what the caller reads next:
    it is brought into the L2 meanwhile, a vector of any length in even parts, memory of
    rank 2 or more, `[m, ..]`, with each row of c that row. The accumulators stay in
    registers over the whole batch and all of k. `register_block` pins rows x vectors of
    the micro-kernel; on a GPU, `tile` says what each thread block does, and with
    `finish` the epilogue takes the place of storing C (brdialect/finish.py). Contract
    page: docs/batch_reduce_gemm.md.
    """

    name = "br.batch_reduce_gemm"

    # named again, since xDSL would put inherited operands behind `count`
    a = operand_def(SHAPED)
    b = operand_def(SHAPED)
    c = operand_def(SHAPED)
    extras = var_operand_def(SHAPED)
    count = opt_operand_def(IndexType)
    next = var_operand_def(SHAPED)
    alpha = opt_prop_def(FloatAttr)
    beta = opt_prop_def(FloatAttr)
    transpose_a = opt_prop_def(UnitAttr)
    transpose_b = opt_prop_def(UnitAttr)
    register_block = opt_prop_def(DenseArrayBase.constr(i64))
    tile = opt_prop_def(BlockTileAttr)
    finish = opt_prop_def(UnitAttr)

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    traits = traits_def(DestinationEffects())

    assembly_format = (
        "`ins` `(` $a `,` $b `:` type($a) `,` type($b) `)` "
        "`outs` `(` $c `:` type($c) `)` (`count` `(` $count^ `)`)? "
        "(`next` `(` $next^ `:` type($next) `)`)? attr-dict "
        "(`epilogue` (`(` $extras^ `:` type($extras) `)`)? $epilogue^)? "
        "(`->` type($res)^)?"
    )

    def __init__(
        self,
        a: SSAValue,
        b: SSAValue,
        c: SSAValue,
        *,
        extras: Sequence[SSAValue] = (),
        epilogue: Region | None = None,
        finish: bool = False,
        next: Sequence[SSAValue] = (),
        count: SSAValue | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        register_block: tuple[int, int] | None = None,
        tile: BlockTile | None = None,
    ):
        super().__init__(
            operands=(a, b, c, extras, count, next),
            result_types=(results_of(c),),
            regions=(epilogue,),
            properties={
                "alpha": None if alpha == 1.0 else FloatAttr(alpha, f64),
                "beta": None if beta == 1.0 else FloatAttr(beta, f64),
                "register_block": None
                if register_block is None
                else DenseArrayBase.from_list(i64, register_block),
                "tile": None if tile is None else BlockTileAttr(tile),
                "finish": UnitAttr() if finish else None,
            },
        )

    @property
    def alpha_value(self) -> float:
        """alpha, 1 where it is left out."""
        return 1.0 if self.alpha is None else self.alpha.value.data

    @property
    def beta_value(self) -> float:
        """beta, 1 where it is left out: the op accumulates."""
        return 1.0 if self.beta is None else self.beta.value.data

    @property
    def row_dims(self) -> int:
        """How many dimensions count the rows."""
        return self.shapes[2].get_num_dims() - 1

    @property
    def has_matrix_per_column(self) -> bool:
        """Whether a has n as its last dimension."""
        a, b, _ = self.shapes
        return a.get_num_dims() == b.get_num_dims() + self.row_dims

    def verify_(self) -> None:
        self.verify_kinds()
        self.verify_ranks()
        self.verify_sizes()
        self.verify_options()
        if self.finish is None:
            self.verify_epilogue()
            return
        on_memrefs = self.res is None
        if self.tile is None or self.row_dims != 1 or not on_memrefs or self.extras:
            raise VerifyException(
                "expected finish on memrefs, with a tile=, one row dimension and no "
                "extra operands"
            )
        columns = self.shapes[2].get_shape()[-1]
        verify_finish(self.epilogue, self.accumulator, columns)

    def verify_ranks(self) -> None:
        """Batch, rows and columns have to be told apart by the ranks alone."""
        a, b, c = (type_.get_num_dims() for type_ in self.shapes)
        rows, own = self.row_dims, int(self.has_matrix_per_column)
        if a - own < 1 + rows or b != a - own - rows + 1 or rows < 1:
            raise VerifyException(
                "expected a of rank batch + rows + 1 (or one more, for each column), b "
                "of rank batch + 2 and c of rank rows + 1, with rows at least 1, got "
                f"ranks {a}, {b} and {c}"
            )
        if self.transpose_a is not None or self.transpose_b is not None:
            if own or rows > 1:
                raise VerifyException(
                    "expected no transposed operand where a has a matrix for each "
                    "column or rows have several dimensions"
                )

    def verify_sizes(self) -> None:
        """Each size is the same in all operands that have it."""
        a, b, c = self.shapes
        rows = self.row_dims
        *batch_b, k_b, n = b.get_shape()
        batch_a, rest = a.get_shape()[: len(batch_b)], a.get_shape()[len(batch_b) :]
        m, k = [*rest[:rows]], rest[rows]
        if self.has_matrix_per_column:
            agree("n of a and b", a.get_shape()[-1], n)
        if self.transpose_a is not None:
            m, k = [k], m[0]
        if self.transpose_b is not None:
            k_b, n = n, k_b
        for i, (x, y) in enumerate(zip(batch_a, batch_b, strict=True)):
            agree(f"batch dimension {i}", x, y)
        agree("k", k, k_b)
        for what, type_ in (("c", c), *(("extra", shaped(v)) for v in self.extras)):
            if type_.get_num_dims() != rows + 1:
                raise VerifyException(
                    f"expected {what} of rank {rows + 1}, got rank "
                    f"{type_.get_num_dims()}"
                )
            for size, other in zip(m, type_.get_shape(), strict=False):
                agree(f"m of a and {what}", size, other)
            agree(f"n of b and {what}", n, type_.get_shape()[-1])

    def verify_options(self) -> None:
        """`next`, `count` and `register_block`."""
        for v in self.next:
            if not (shape := shaped(v).get_shape()):
                raise VerifyException(f"expected next of rank 1 or more, got {v.type}")
            if len(shape) > 1:
                agree("m of c and next", self.shapes[2].get_shape()[0], shape[0])
        if self.count is not None and self.shapes[1].get_num_dims() == 2:
            raise VerifyException("expected a batch dimension for count, got none")
        if self.register_block is not None:
            block = self.register_block.get_values()
            if len(block) != 2 or any(int(x) < 1 for x in block):
                raise VerifyException(
                    f"expected register_block = [rows, vectors], got {list(block)}"
                )


@irdl_op_definition
class ContractOp(DestinationOp):
    """A whole contraction: `C[..] = epilogue(beta * C[..] + sum A[..] * B[..], ...)`.

    Like a `linalg.generic` whose body multiplies and adds, with what the lowering
    needs beside it: the epilogue and the schedule. One indexing map for each of a, b,
    the extras and c, in the order `a, b, c, extras...`. A packed operand is said by its
    map: `(n, k) -> (n floordiv 16, k, n mod 16)`.
    """

    name = "br.contract"

    indexing_maps = prop_def(ArrayAttr[AffineMapAttr])
    iterator_types = prop_def(ArrayAttr[IteratorTypeAttr])
    beta = opt_prop_def(FloatAttr)
    schedule = opt_prop_def(ScheduleAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(DestinationEffects())

    assembly_format = (
        "`ins` `(` $a `,` $b `:` type($a) `,` type($b) `)` "
        "`outs` `(` $c `:` type($c) `)` attr-dict "
        "(`epilogue` (`(` $extras^ `:` type($extras) `)`)? $epilogue^)? "
        "(`->` type($res)^)?"
    )

    def __init__(
        self,
        a: SSAValue,
        b: SSAValue,
        c: SSAValue,
        indexing_maps: Sequence[AffineMap],
        iterator_types: ArrayAttr[IteratorTypeAttr],
        *,
        extras: Sequence[SSAValue] = (),
        epilogue: Region | None = None,
        beta: float = 1.0,
        schedule: ScheduleAttr | None = None,
    ):
        super().__init__(
            operands=(a, b, c, extras),
            result_types=(results_of(c),),
            regions=(epilogue,),
            properties={
                "indexing_maps": ArrayAttr(AffineMapAttr(m) for m in indexing_maps),
                "iterator_types": iterator_types,
                "beta": None if beta == 1.0 else FloatAttr(beta, f64),
                "schedule": schedule,
            },
        )

    @property
    def beta_value(self) -> float:
        """1: accumulates onto c. 0: c is not read."""
        return 1.0 if self.beta is None else self.beta.value.data

    @property
    def maps(self) -> tuple[AffineMap, ...]:
        """The indexing maps of a, b, c and the extras."""
        return tuple(m.data for m in self.indexing_maps)

    def verify_(self) -> None:
        self.verify_kinds()
        operands = (self.a, self.b, self.c, *self.extras)
        if len(self.maps) != len(operands):
            raise VerifyException(
                f"expected an indexing map for each of {len(operands)} operands, "
                f"got {len(self.maps)}"
            )
        dims = len(self.iterator_types)
        for i, (value, map_) in enumerate(zip(operands, self.maps, strict=True)):
            rank = shaped(value).get_num_dims()
            if map_.num_dims != dims or len(map_.results) != rank:
                raise VerifyException(
                    f"expected indexing map #{i} from {dims} iterators to rank {rank}, "
                    f"got {map_}"
                )
        if self.beta_value not in (0.0, 1.0):
            raise VerifyException(f"expected beta to be 0 or 1, got {self.beta_value}")
        self.verify_epilogue()
