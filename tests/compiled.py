"""Compiles and calls small functions of func, scf, memref, vector, arith and math."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from brdialect.source import parse_module
from brdialect.target import set_target
from passes.llvm.convert_to_llvm import ConvertToLlvmPass
from passes.llvm.llvm_text import llvm_ir
from passes.llvm.lower_scf_to_cf import LowerScfToCfPass
from runtime.host import host_target
from runtime.jit import load

Array = np.ndarray[Any, np.dtype[Any]]


def lowered(text: str) -> ModuleOp:
    """The module in the llvm dialect, verified."""
    module = parse_module(text)
    set_target(module, host_target(1))
    LowerScfToCfPass().apply(Context(), module)
    ConvertToLlvmPass().apply(Context(), module)
    module.verify()
    return module


class Compiled:
    """Machine code of a module, whose functions take arrays (as pointers) and i64s."""

    def __init__(self, text: str, *names: str) -> None:
        self.code = load(llvm_ir(lowered(text)), host_target(1), names)

    def __call__(self, name: str, *arguments: Array | int, result: Any = None) -> Any:
        types = (
            ctypes.c_int64 if isinstance(a, int) else ctypes.c_void_p for a in arguments
        )
        function = ctypes.CFUNCTYPE(result, *types)(self.code.address(name))
        return function(
            *(a if isinstance(a, int) else a.ctypes.data for a in arguments)
        )


def run(text: str, *arguments: Array | int, result: Any = None) -> Any:
    """Compiles a module and calls its `@f`."""
    return Compiled(text, "f")("f", *arguments, result=result)


def arange(*shape: int) -> Array:
    """0, 1, 2, ... as an f32 array."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
