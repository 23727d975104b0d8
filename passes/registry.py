"""Every pass by name, each module imported only when its pass is asked for.

A pass's name is its file's: `convert-br-to-vector` is `ConvertBrToVectorPass`
in `passes/kernel/convert_br_to_vector.py`. A new pass is a new line in `NAMES`:
its folder and its name.
"""

from collections.abc import Callable
from importlib import import_module

from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes

NAMES = (
    # in the order of the pipeline
    "program/set-target",
    "gradients/differentiate",
    "training/add-training-step",
    "normalise/generalise-linalg",
    "raising/raise-recurrences",
    "normalise/normalise-contractions",
    "layout/propagate-layouts",
    "fuse/fuse-epilogues",
    "fuse/fold-scales",
    "fuse/skip-zeros",
    "fuse/transform-windows",
    "fuse/coalesce-contractions",
    "parallel/factor-sums",
    "parallel/share-reductions",
    "recurrent/lower-recurrent-ops",
    "schedule/pack-state",
    "schedule/choose-schedule",
    "schedule/fold-padding",
    "parallel/share-sums",
    "schedule/pack-operands",
    "memory/hoist-loop-invariants",
    "memory/hoist-load-time",
    "memory/read-in-padding",
    "memory/bufferize",
    "memory/outline-nests",
    "memory/time-nests",
    "recurrent/convert-recurrence-to-br",
    "loops/convert-linalg-to-br",
    "loops/convert-linalg-to-vector",
    "parallel/outline-parallel",
    "kernel/convert-br-to-vector",
    "math/expand-math",
    "llvm/lower-scf-to-cf",
    "llvm/convert-to-llvm",
    "llvm/call-by-table",
    # of GPUs alone
    "gpu/sink-scalars",
    "gpu/convert-recurrence-to-grid",
    "gpu/convert-contract-to-grid",
    "gpu/convert-linalg-to-grid",
    "gpu/convert-br-to-mma",
    "gpu/keep-kernels",
)


def _lazily(module: str, name: str) -> Callable[[], type[ModulePass]]:
    def factory() -> type[ModulePass]:
        cls = "".join(word.capitalize() for word in name.split("-")) + "Pass"
        return getattr(import_module(module), cls)

    return factory


def all_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """A function for each name that imports its pass."""
    one_each = {
        name: _lazily(f"passes.{folder}.{name.replace('-', '_')}", name)
        for folder, name in (entry.split("/") for entry in NAMES)
    }
    # The pipelines are passes too: sequences of the above.
    return one_each | {
        "lower-to-cpu": _lazily("passes.pipelines", "lower-to-cpu"),
        "lower-to-gpu": _lazily("passes.gpu.pipeline", "lower-to-gpu"),
    }


def pass_named(name: str) -> type[ModulePass]:
    """The pass called `name`, one of ours or of xDSL's."""
    return (get_all_passes() | all_passes())[name]()
