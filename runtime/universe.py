"""The dialect, the passes and the targets, as `br-opt`, `xdsl-opt` and `xdsl-gui` find
them through the entry point `xdsl.universe`.

It stands in `runtime`, the last package of the chain, because it names all the others.
Every one of its entries is imported only when used, so that it costs the tools nothing.
"""

from xdsl.ir import Dialect
from xdsl.universe import Universe
from xdsl.utils.target import Target

from brdialect import xdsl_repairs
from passes.registry import all_passes

# Before any tool parses: xDSL's own linalg is silently wrong in places.
xdsl_repairs.install()


def _br() -> Dialect:
    from brdialect.dialect import BR

    return BR


def _llvm_ir() -> type[Target]:
    from passes.llvm.llvm_text import LLVMIRTarget

    return LLVMIRTarget


def _assembly() -> type[Target]:
    from runtime.codegen import AsmTarget

    return AsmTarget


def _ptx() -> type[Target]:
    from runtime.codegen import PtxTarget

    return PtxTarget


BR_UNIVERSE = Universe(
    all_dialects={"br": _br},
    all_passes=all_passes(),
    all_targets={"llvmir": _llvm_ir, "asm": _assembly, "ptx": _ptx},
)
