"""Runs a function that launches kernels, and every block of every kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, MemRefType, ModuleOp
from xdsl.ir import Attribute

from brdialect.errors import BrError, unsupported
from brdialect.gpu_ops import GRID, SHARED, THREADS
from brdialect.reference import control, interpreter
from brdialect.reference.gpu import block, tensor_copies, warpgroups, warps
from brdialect.reference.gpu.memory import GlobalMemory, SharedMemory
from brdialect.reference.machine import Frame, Machine
from brdialect.reference.values import Array, Value, memref_of
from brdialect.source import resources

_HANDLERS = {
    **block.HANDLERS,
    **tensor_copies.HANDLERS,
    **warps.HANDLERS,
    **warpgroups.HANDLERS,
}


@dataclass
class Statistics:
    """What a run has seen: launches, and cycles lost at the banks of shared memory."""

    launches: int = 0
    conflicts: dict[str, int] = field(default_factory=dict[str, int])


def run(module: ModuleOp, entry: str, arrays: Sequence[Array]) -> Statistics:
    """Calls a function of a module whose kernels are not lowered yet (before
    lower-scf-to-cf). Arrays are written in place; elements are computed in their types.
    bf16 is passed as its values, in float32."""
    statistics = Statistics()
    device = device_of(module)

    def call(frame: Frame, op: func.CallOp, args: Sequence[Value]) -> Sequence[Value]:
        callee = frame.machine.symbol(op, op.callee.string_value())
        if not isinstance(callee, func.FuncOp):
            unsupported(op, "expected to call a function")
        if THREADS not in callee.attributes:
            return control.call(frame, op, args)
        launch(device, callee, args, statistics)
        return ()

    own = {"func.call": call, "br.tensor_map": tensor_copies.tensor_map}
    handlers = {**interpreter.HANDLERS, **own}
    host = Machine(module, handlers, precise=False, resources=resources(module))
    function = interpreter.find_entry(module, entry)
    types = function.function_type.inputs
    values = [
        memref_of(x) if isinstance(t, MemRefType) else x[()]
        for x, t in zip(arrays, types, strict=True)
    ]
    with np.errstate(all="ignore"):
        if THREADS in function.attributes:
            launch(device, function, values, statistics)
        else:
            control.call_function(Frame(host), function, values)
    return statistics


def device_of(module: ModuleOp) -> Machine:
    """What runs the kernels of a module."""
    return Machine(module, _HANDLERS, precise=False, resources={})


def launch(
    device: Machine, kernel: func.FuncOp, args: Sequence[Value], seen: Statistics
) -> None:
    """All blocks of a kernel, one after the other."""
    grid, threads, shared = (
        _number(kernel.attributes.get(name)) for name in (GRID, THREADS, SHARED)
    )
    seen.launches += 1
    memory = GlobalMemory()
    for number in range(grid):
        frame = block.Block(
            device,
            number=number,
            threads=threads,
            shared=SharedMemory(shared),
            memory=memory,
            active=np.ones(threads, np.bool_),
            counts=seen.conflicts,
        )
        frame.run(kernel.body.block, args)
        if frame.shared.reads:
            raise BrError("expected all products to be waited for at the kernel's end")
        copies = [x.copies for x in frame.shared.barriers.values() if x.copies]
        if frame.shared.pending or frame.shared.groups or copies:
            raise BrError("expected all copies to be waited for at the kernel's end")


def _number(attribute: Attribute | None) -> int:
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data
