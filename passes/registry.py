"""Every pass by name, each module imported only when its pass is asked for.

A pass's name is its file's: `convert-br-to-vector` is `ConvertBrToVectorPass` in
`passes/convert_br_to_vector.py`. A new pass is a new line in `NAMES`, one for GPUs in
`GPU_NAMES` (its file is in `passes/gpu/`).
"""

from collections.abc import Callable
from importlib import import_module

from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes

NAMES = (
    # in the order of the pipeline
    "set-target",
    "differentiate",
    "add-training-step",
    "generalise-linalg",
    "raise-recurrences",
    "normalise-contractions",
    "propagate-layouts",
    "fuse-epilogues",
    "fold-scales",
    "coalesce-contractions",
    "share-reductions",
    "lower-recurrent-ops",
    "pack-state",
    "choose-schedule",
    "fold-padding",
    "share-sums",
    "pack-operands",
    "hoist-loop-invariants",
    "hoist-load-time",
    "bufferize",
    "outline-nests",
    "time-nests",
    "convert-recurrence-to-br",
    "convert-linalg-to-br",
    "convert-linalg-to-vector",
    "outline-parallel",
    "convert-br-to-vector",
    "expand-math",
    "lower-scf-to-cf",
    "convert-to-llvm",
    "call-by-table",
)

GPU_NAMES = (
    "convert-recurrence-to-grid",
    "convert-contract-to-grid",
    "convert-linalg-to-grid",
    "convert-br-to-mma",
    "keep-kernels",
)


def _lazily(module: str, name: str) -> Callable[[], type[ModulePass]]:
    def factory() -> type[ModulePass]:
        cls = "".join(word.capitalize() for word in name.split("-")) + "Pass"
        return getattr(import_module(module), cls)

    return factory


def all_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """A function for each name that imports its pass."""
    one_each = {
        name: _lazily(f"{folder}.{name.replace('-', '_')}", name)
        for folder, names in (("passes", NAMES), ("passes.gpu", GPU_NAMES))
        for name in names
    }
    # The pipelines are passes too: sequences of the above.
    return one_each | {
        "lower-to-cpu": _lazily("passes.pipelines", "lower-to-cpu"),
        "lower-to-gpu": _lazily("passes.gpu.pipeline", "lower-to-gpu"),
    }


def pass_named(name: str) -> type[ModulePass]:
    """The pass called `name`, one of ours or of xDSL's."""
    return (get_all_passes() | all_passes())[name]()
