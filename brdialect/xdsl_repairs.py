"""Everything this project changes in the pinned xDSL, in one call.

xDSL 0.74 prints some upstream syntax that it cannot parse, computes a few operations
wrongly and lacks many named linalg operations. `install` repairs its classes in place
and adds to its dialects, so that `xdsl-opt` and every pass see the same operations.
Importing this module installs: an operation class taken from here is the repaired one.
"""

from __future__ import annotations

from functools import cache

from xdsl.dialects.arith import CmpfOp, CmpiOp, ExtFOp, SelectOp, TruncFOp
from xdsl.dialects.linalg import Linalg
from xdsl.dialects.llvm import LLVM
from xdsl.dialects.scf import ParallelOp

from brdialect.linalg.attributes import ElementwiseKindAttr, TypeFnAttr
from brdialect.linalg.named_ops import NAMED_OPS
from brdialect.linalg.region_ops import REGION_OPS, MapOp, ReduceOp, SoftmaxOp
from brdialect.llvm_ops import LLVM_OPS
from brdialect.repairs.arith_types import repair_arith, with_element
from brdialect.repairs.construction import repair_construction
from brdialect.repairs.hints import repair_hints
from brdialect.repairs.lexer import repair_lexer
from brdialect.repairs.linalg_syntax import repair_linalg
from brdialect.repairs.literals import repair_literals
from brdialect.repairs.locations import repair_locations
from brdialect.repairs.opdef import rebind
from brdialect.repairs.scf_memref_syntax import repair_scf_and_memref
from brdialect.repairs.shapes import repair_shapes

__all__ = [
    "CmpfOp",
    "CmpiOp",
    "ExtFOp",
    "MapOp",
    "ParallelOp",
    "ReduceOp",
    "SelectOp",
    "SoftmaxOp",
    "TruncFOp",
    "install",
    "with_element",
]


@cache
def install() -> None:
    """Repairs xDSL; the second call does nothing."""
    repair_construction()
    repair_hints()
    repair_lexer()
    repair_literals()
    repair_locations()
    repair_arith()
    repair_linalg()
    repair_scf_and_memref()
    rebind(Linalg, *NAMED_OPS, *REGION_OPS)
    rebind(LLVM, *LLVM_OPS)
    attributes = Linalg._attributes  # pyright: ignore[reportPrivateUsage]
    attributes.extend([TypeFnAttr, ElementwiseKindAttr])
    repair_shapes()


install()
