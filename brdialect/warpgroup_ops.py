"""The operations of the `br` dialect for the tensor cores of compute capability 9.0,
which read both factors out of shared memory: 128 threads, four warps, work together.

A slice of an operand, some steps of the sum for some rows of A or columns of B, lies in
shared memory as the descriptor of `wgmma` wants it (PTX ISA, "Canonical layouts",
swizzle of 128 bytes), from a multiple of 1024 bytes on. It has 128 bytes of the sum, D
steps. Where elements lie along the sum (K-major), these are one line, and lines follow
each other:

    byte of (i, k) = 128 i + s k,                       s bytes an element

Where they lie across it (MN-major), 64 of them are one line, of which D follow each
other before the next 64:

    byte of (i, k) = 128 D (i / 64) + 128 k + 2 (i mod 64)

In both, the 16 bytes that are the c-th of line r, counted from a multiple of 1024, lie
where the (c xor (r mod 8))-th would be.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    var_operand_def,
    var_result_def,
)
from xdsl.utils.exceptions import VerifyException

from brdialect.gpu_ops import ACCUMULATORS, KINDS, is_shared

LINE = 128
"""Bytes of a line, between two of which the order of its chunks differs."""

WARPGROUP = 128
"""Threads that multiply together."""

ROWS = 64
"""Of C, that a warpgroup's instruction computes: 16 for each warp."""

MOST_COLUMNS = 256
"""Of C, that one instruction computes."""


@irdl_op_definition
class ProxyFenceOp(IRDLOperation):
    """What this thread has written to shared memory, and what its copies have brought
    there, is seen by `br.warpgroup_mma`; for other threads after a `br.barrier`."""

    name = "br.proxy_fence"

    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__()


@irdl_op_definition
class WarpgroupMmaOp(IRDLOperation):
    """Starts `C += A B` of a whole slice, 64 rows of A by all columns of B: `wgmma` for
    each 32 bytes along the sum. Until `br.warpgroup_wait` nothing else may touch the
    sums, nor write where the slices lie. Warp w of the warpgroup holds rows
    16 w to 16 w + 15 of C, 16 columns in each of `sums` (C in brdialect/gpu_ops.py).

    `a[a_index]` is where the 64 rows of the slice of A begin, `b[b_index]` where B's
    slice does, the same for all threads. An operand lies along the sum, or with
    `a_across`, `b_across` across it (16-bit elements only). f32 counts as tf32: its
    last 13 bits are not looked at.
    """

    name = "br.warpgroup_mma"

    a = operand_def(MemRefType)
    a_index = operand_def(IndexType)
    b = operand_def(MemRefType)
    b_index = operand_def(IndexType)
    sums = var_operand_def(ACCUMULATORS)
    kind = prop_def(StringAttr)
    a_across = opt_prop_def(UnitAttr)
    b_across = opt_prop_def(UnitAttr)
    res = var_result_def(ACCUMULATORS)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$a `[` $a_index `]` `,` $b `[` $b_index `]` `,` $sums attr-dict `:` type($a) "
        "`,` type($b) `,` type($sums) `->` type($res)"
    )

    def __init__(
        self,
        a: tuple[SSAValue, SSAValue],
        b: tuple[SSAValue, SSAValue],
        sums: Sequence[SSAValue],
        kind: str,
        across: tuple[bool, bool] = (False, False),
    ):
        """`a`, `b`: each a memref and an index; `across`: of a and b."""
        super().__init__(
            operands=(*a, *b, sums),
            result_types=([v.type for v in sums],),
            properties={
                "kind": StringAttr(kind),
                "a_across": UnitAttr() if across[0] else None,
                "b_across": UnitAttr() if across[1] else None,
            },
        )

    @property
    def columns(self) -> int:
        """Of C."""
        return 16 * len(self.sums)

    @property
    def across(self) -> tuple[bool, bool]:
        """Whether a and b lie across the sum."""
        return self.a_across is not None, self.b_across is not None

    def verify_(self) -> None:
        kind = self.kind.data
        if kind not in KINDS:
            raise VerifyException(
                f"expected a kind out of {', '.join(KINDS)}, got {kind}"
            )
        for what, v in (("a", self.a), ("b", self.b)):
            if not is_shared(v.type):
                raise VerifyException(
                    f"expected {what} in shared memory (space 3), got {v.type}"
                )
        if kind == "tf32" and any(self.across):
            raise VerifyException("expected f32 to lie along the sum")
        if not 16 <= self.columns <= MOST_COLUMNS:
            raise VerifyException(
                f"expected 16 to {MOST_COLUMNS} columns, got {self.columns}"
            )
        if self.b_across is not None and self.columns % 64:
            raise VerifyException(
                "expected a multiple of 64 columns where b lies across the sum, got "
                f"{self.columns}"
            )
        if len(self.res) != len(self.sums):
            raise VerifyException(
                f"expected {len(self.sums)} results, got {len(self.res)}"
            )


@irdl_op_definition
class WarpgroupWaitOp(IRDLOperation):
    """Waits for what `br.warpgroup_mma` has started in this warpgroup but the latest
    `pending`; the sums, which nothing else may touch while any of these is left."""

    name = "br.warpgroup_wait"

    pending = prop_def(IntegerAttr[IntegerType])

    sums = var_operand_def(ACCUMULATORS)
    res = var_result_def(ACCUMULATORS)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$sums attr-dict `:` type($sums) `->` type($res)"

    def __init__(self, sums: Sequence[SSAValue], pending: int = 0):
        super().__init__(
            operands=(sums,),
            result_types=([v.type for v in sums],),
            properties={"pending": IntegerAttr(pending, i64)},
        )

    def verify_(self) -> None:
        if len(self.res) != len(self.sums):
            raise VerifyException(
                f"expected {len(self.sums)} results, got {len(self.res)}"
            )


WARPGROUP_OPS: Sequence[type[Operation]] = (
    ProxyFenceOp,
    WarpgroupMmaOp,
    WarpgroupWaitOp,
)
