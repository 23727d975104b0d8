"""`keep-kernels`: what runs on the device; what launches it is the plan's.

func.func @main(%x, %y, %arena) {              // gone: launch_plan.py reads it
  func.call @br_contract_0(..)
func.func private @br_contract_0(%a, %b, %c) attributes {br.grid = 64, ..} {
->
func.func @br_contract_0(%a, %b, %c) attributes {br.grid = 64, ..} {
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from brdialect.errors import unsupported
from brdialect.target import gpu_of
from passes.gpu.grid import kernel_of


def launches(function: func.FuncOp) -> bool:
    """Whether a function calls others, as that of a recurrence does."""
    return any(isinstance(op, func.CallOp) for op in function.walk())


@dataclass(frozen=True)
class KeepKernelsPass(ModulePass):
    """Drops the functions that are no kernels, and makes those that are public."""

    name = "keep-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        gpu_of(op)
        for function in [o for o in op.ops if isinstance(o, func.FuncOp)]:
            if kernel_of(function) is not None:
                function.sym_visibility = None
            elif function.sym_visibility is not None and not launches(function):
                unsupported(
                    function,
                    "expected a private function to be a kernel; run "
                    "convert-contract-to-grid and convert-linalg-to-grid first",
                )
            else:
                function.detach()
                function.erase(safe_erase=False)
