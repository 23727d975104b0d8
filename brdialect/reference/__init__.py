"""Executable semantics in numpy: what a program means before any pass touches it."""

from brdialect.reference.contractions import batch_reduce_gemm, contract, softmax
from brdialect.reference.interpreter import arguments, find_entry, run
from brdialect.reference.values import ExecutionError

__all__ = [
    "ExecutionError",
    "arguments",
    "batch_reduce_gemm",
    "contract",
    "find_entry",
    "run",
    "softmax",
]
