"""The pipeline for GPUs as data. Up to `outline` it is the CPU's (passes/pipelines.py),
but that numbers in memory stay there; then each function that outline-nests has made
becomes a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from brdialect.interface import Interface
from brdialect.launch_plan import LaunchPlan
from brdialect.target import Target, gpu_of
from passes import pipelines, registry
from passes.gpu.launches import launch_plan
from passes.program.set_target import SetTargetPass

_FIRST, *_OTHERS = pipelines.STAGES[: pipelines.OUTLINED]

STAGES: Sequence[tuple[str, Sequence[str]]] = (
    (_FIRST[0], (*_FIRST[1], "sink-scalars")),
    *_OTHERS,
    (
        "grid",
        (
            "convert-recurrence-to-grid",
            "convert-contract-to-grid",
            "convert-linalg-to-grid",
        ),
    ),
    ("block", ("convert-br-to-mma", "expand-math")),
    ("device", ("keep-kernels",)),
    ("llvm", ("lower-scf-to-cf", "convert-to-llvm")),
)
"""Stage name, and its passes."""

_PLANNED = [name for name, _ in STAGES].index("device")
"""The stages before this one keep the functions that launch."""


def stages_of(target: Target) -> Sequence[tuple[str, Sequence[str]]]:
    """The pipeline of a target."""
    return STAGES if target.is_gpu else pipelines.STAGES


def lower_kernels(
    module: ModuleOp,
    interface: Interface,
    observe: pipelines.Observer,
    context: Context,
) -> LaunchPlan:
    """Lowers what `pipelines.lower_to_functions` has made to kernels in the llvm
    dialect; the plan of their launches."""
    plan = None
    for i, (_, names) in enumerate(STAGES[pipelines.OUTLINED :], pipelines.OUTLINED):
        if i == _PLANNED:
            plan = launch_plan(module, interface)
        for name in names:
            registry.pass_named(name)().apply(context, module)
            observe(name, module)
    assert plan is not None
    return plan


@dataclass(frozen=True)
class LowerToGpuPass(ModulePass):
    """The whole GPU pipeline down to the llvm dialect, of kernels alone.

    `lower-to-gpu{target=nvptx64-sm_80}`; without the option the module's `br.target`
    counts, or nvptx64-sm_80 where there is none.
    """

    name = "lower-to-gpu"

    target: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        name = self.target
        if name is None and "br.target" not in op.attributes:
            name = "nvptx64-sm_80"
        SetTargetPass(name).apply(ctx, op)
        gpu_of(op)
        for each in pipelines.passes_of(STAGES):
            registry.pass_named(each)().apply(ctx, op)
