"""Functions that a program declares and someone else has."""

from __future__ import annotations

import llvmlite.binding as llvm
from xdsl.dialects import func
from xdsl.dialects import llvm as llvm_dialect
from xdsl.dialects.builtin import ModuleOp

from brdialect.errors import unsupported


def check_defined(module: ModuleOp) -> None:
    """Stops at a function without a body that this process does not have: the linker
    would name neither it nor its place."""
    for op in module.walk():
        if isinstance(op, func.FuncOp | llvm_dialect.FuncOp) and not op.body.blocks:
            name = op.sym_name.data
            if not name.startswith("llvm.") and not llvm.address_of_symbol(name):
                unsupported(
                    op,
                    "expected a body, or the name of a function that a library of "
                    f"this process has, got @{name}",
                )
