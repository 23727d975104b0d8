"""A compiler of linalg on tensors with one compute primitive, batch-reduce GEMM.

    import brdialect
    f = brdialect.compile("model.mlir")
    y = f(x)

The names below stand for others in `runtime`, imported when first used: the dialect
alone needs neither a code generator nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "SGD": "brdialect.optimizers",
    "TARGETS": "brdialect.targets",
    "Adam": "brdialect.optimizers",
    "BrError": "brdialect.mistake",
    "Compiled": "runtime.compiler",
    "Target": "brdialect.targets",
    "UnsupportedError": "brdialect.errors",
    "compile": "runtime.compiler",
    "fit": "runtime.training.loop",
    "host_target": "runtime.host",
    "train_step": "runtime.training.step",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'brdialect' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
