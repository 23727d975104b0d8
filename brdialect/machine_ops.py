"""The operations of the `br` dialect that ask for what the machine has beside
arithmetic: its threads and its caches."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    SymbolRefAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    var_operand_def,
)


@irdl_op_definition
class ParallelCallOp(IRDLOperation):
    """Runs `callee(args..., begin, end)` on a team of threads, over ranges that split
    `tasks` evenly: thread t of n gets [tasks * t / n, tasks * (t + 1) / n)."""

    name = "br.parallel_call"

    args = var_operand_def()
    tasks = operand_def(IndexType)
    callee = prop_def(SymbolRefAttr)
    threads = prop_def(IntegerAttr[IntegerType])

    irdl_options = (ParsePropInAttrDict(),)

    assembly_format = (
        "$callee `(` ($args^ `:` type($args))? `)` "
        "`tasks` $tasks `threads` $threads attr-dict"
    )

    def __init__(
        self, callee: str, args: Sequence[SSAValue], tasks: SSAValue, threads: int
    ):
        super().__init__(
            operands=(args, tasks),
            properties={
                "callee": SymbolRefAttr(callee),
                "threads": IntegerAttr(threads, i64),
            },
        )


@irdl_op_definition
class PrefetchOp(IRDLOperation):
    """Asks for the cache line of an element that a later step reads: in the L1, or in
    the L2 only with `{far}`. A hint: the element may lie beyond the memref's end."""

    name = "br.prefetch"

    memref = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    far = opt_prop_def(UnitAttr)

    irdl_options = (ParsePropInAttrDict(),)

    assembly_format = "$memref `[` $indices `]` attr-dict `:` type($memref)"

    def __init__(
        self, memref: SSAValue, indices: Sequence[SSAValue], *, far: bool = False
    ):
        super().__init__(
            operands=(memref, indices),
            properties={"far": UnitAttr() if far else None},
        )
