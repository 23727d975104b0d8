"""Runs functions on memrefs through the tail of the pipeline, as machine code.

For the tests of single lowerings: `native(text, passes)` gives a function that calls
`func.func @name` with numpy arrays for its memrefs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from brdialect.source import parse_module
from brdialect.target import Target, set_target
from passes.llvm.llvm_text import llvm_ir
from passes.registry import pass_named
from runtime.host import resolve_target
from runtime.jit import load

TAIL = (
    "convert-linalg-to-vector",
    "outline-parallel",
    "expand-math",
    "convert-scf-to-cf",
    "convert-to-llvm",
)


def lower(text: str, passes: Sequence[str], target: Target) -> ModuleOp:
    """Parses and lowers, verifying after each pass."""
    module = parse_module(text)
    set_target(module, target)
    for name in passes:
        pass_named(name)().apply(Context(), module)
        module.verify()
    return module


def native(
    text: str,
    name: str = "f",
    passes: Sequence[str] = TAIL,
    threads: int = 1,
    vector_bytes: int | None = None,
) -> Callable[..., None]:
    """`@name` as a function of arrays, in vectors of another width if asked for."""
    target = resolve_target("host", threads)
    if vector_bytes is not None:
        target = replace(target, vector_bytes=vector_bytes)
    code = load(llvm_ir(lower(text, passes, target)), target, [name])

    def call(*arrays: np.ndarray) -> None:
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        types = [ctypes.c_void_p] * len(arrays)
        ctypes.CFUNCTYPE(None, *types)(code.address(name))(*pointers)

    return call
