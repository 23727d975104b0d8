"""LLVM IR text -> machine code, through llvmlite.

What our passes make is vectors and register blocks already, with nothing left to
inline or vectorise, and loops say whether they are to be unrolled: a few clean-ups turn
it into the machine code that all of O2 makes of it, in a third of the time. Loops that
the user wrote get O2's function passes, without unrolling, and so do a GPU's kernels,
most of whose addresses are the same in all trips.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import IO

import llvmlite.binding as llvm
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target as TextTarget

from brdialect.errors import BrError
from brdialect.target import Target, gpu_of, target_of
from passes.llvm.llvm_text import llvm_ir
from runtime.children import in_child

_OURS = "br_"
"""How the names of functions begin that the passes made."""


@cache
def _initialise() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@cache
def target_machine(target: Target) -> llvm.TargetMachine:
    """LLVM's code generator; position-independent, for JIT and .so alike."""
    _initialise()
    try:
        machine = llvm.Target.from_triple(target.triple)
    except RuntimeError as e:
        raise BrError(
            f"expected a triple that LLVM generates code for, got '{target.triple}'"
        ) from e
    return machine.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=3,
        reloc="pic",
        codemodel="default",
    )


def optimise(ir: str, target: Target) -> llvm.ModuleRef:
    """Parses, verifies and optimises LLVM IR text."""
    machine = target_machine(target)
    try:
        module = llvm.parse_assembly(ir)
        module.verify()
    except RuntimeError as e:
        raise BrError(f"LLVM refuses the IR: {e}") from e
    module.triple = target.triple
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    _clean_up().run(module, builder)
    thorough = builder.getFunctionPassManager()
    for function in module.functions:
        if not function.is_declaration and (
            target.is_gpu or not function.name.startswith(_OURS)
        ):
            thorough.run(function, builder)
    return module


def _clean_up() -> llvm.ModulePassManager:
    """Constants into the functions they are passed to; memory on the stack that can be
    registers; simpler addresses; loops that test at their end, those that ask for it
    written out."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_ipsccp_pass()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_loop_rotate_pass()
    passes.add_loop_unroll_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    return passes


def emit_assembly(ir: str, target: Target) -> str:
    """LLVM IR text as optimised assembly text."""
    return target_machine(target).emit_assembly(optimise(ir, target))


def emit_object(ir: str, target: Target) -> bytes:
    """LLVM IR text as the bytes of an optimised object file."""
    return target_machine(target).emit_object(optimise(ir, target))


@dataclass(frozen=True)
class AsmTarget(TextTarget):
    """`-t asm`: assembly text of the module's target."""

    name = "asm"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(in_child(emit_assembly, llvm_ir(module), target_of(module)))


@dataclass(frozen=True)
class PtxTarget(TextTarget):
    """`-t ptx`: NVIDIA's assembly of a module's kernels."""

    name = "ptx"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(in_child(emit_assembly, llvm_ir(module), gpu_of(module)))
