"""`call-by-table`: a function that takes any number of arguments through one pointer.

    llvm.func @main(%x: !llvm.ptr, %steps: i64, ...) { ... }
    ->
    llvm.func internal @main(%x: !llvm.ptr, %steps: i64, ...) no_inline { ... }

    llvm.func @main.by_table(%table: !llvm.ptr) {
      call @main(the pointer at %table, the i64 at %table + 8, ...)

A program may have more weights than the thousand arguments that ctypes passes, and each
argument would cost time in every call. This is the last step of a build for this
process; C gets functions with plain arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import llvm
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import Block, Region
from xdsl.passes import ModulePass

from brdialect.interface import BY_TABLE
from passes.llvm.lowering import FunctionLowering
from passes.llvm.parallel import from_slots
from passes.llvm.types import POINTER


def by_table(function: llvm.FuncOp) -> llvm.FuncOp:
    """A function that calls another with what stands in a table."""
    block = Block(arg_types=[POINTER])
    low = FunctionLowering(block)
    low.location = function.location
    types = function.function_type.inputs.data
    arguments = from_slots(low, block.args[0], types)
    low.library_call(function.sym_name.data, arguments, None)
    low.emit(llvm.ReturnOp, ())
    low.finish()
    return llvm.FuncOp(
        function.sym_name.data + BY_TABLE,
        llvm.LLVMFunctionType([POINTER]),
        llvm.LinkageAttr("external"),
        body=Region(block),
    )


def call_by_table(module: ModuleOp, names: Iterable[str]) -> None:
    """Adds such functions for some of the module's, which no one else calls any more.
    They stay whole: what they hold was laid out before they were called so."""
    for function in [op for op in module.ops if isinstance(op, llvm.FuncOp)]:
        if function.sym_name.data in names and function.body.blocks:
            module.body.block.insert_op_after(by_table(function), function)
            function.linkage = llvm.LinkageAttr("internal")
            function.properties["no_inline"] = UnitAttr()


@dataclass(frozen=True)
class CallByTablePass(ModulePass):
    """The functions named, by default @main, are called with a table."""

    name = "call-by-table"

    functions: tuple[str, ...] = ("main",)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        call_by_table(op, self.functions)
