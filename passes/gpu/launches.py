"""Reads the launches off the functions that are no kernels.

    func.func @main(%x, %w {br.packed}, %y {br.result}, %arena {br.arena}) {
      %t = memref.view %arena[%c4096][] : memref<8192xi8> to memref<64x64xf32>
      func.call @br_contract_0(%x, %w, %t)
      func.call @br_generic_1(%t, %y)
    ->
    br_contract_0: argument 0, packed 0, arena + 4096
    br_generic_1: arena + 4096, result 0

The function is run, with places in buffers for its memrefs; loops over time become as
many launches as they have steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xdsl.dialects import arith, func, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.interface import Interface
from brdialect.launch_plan import Kernel, Launch, LaunchPlan, Pointer, Scalar
from brdialect.reference import control, scalar
from brdialect.reference.machine import Frame, Machine
from brdialect.reference.tensors import integers, mixed
from brdialect.reference.values import Value, storage
from brdialect.target import gpu_of
from passes.buffers import ARENA, RESULT, element_bytes
from passes.gpu.grid import kernel_of, kernels_in
from passes.hoist_load_time import PACKED
from passes.pipelines import marked_arguments


@dataclass(frozen=True)
class Place:
    """A memref: its buffer, where the allocation begins in it and how far on the memref
    does, in bytes, and its strides, in elements."""

    buffer: str
    root: int
    shift: int
    strides: tuple[int, ...]

    @property
    def pointer(self) -> Pointer:
        """What a kernel gets."""
        return Pointer(self.buffer, self.root + self.shift)


def _bytes(value: SSAValue) -> int:
    assert isa(value.type, MemRefType)
    return element_bytes(value.type.element_type)


def _strides(value: SSAValue) -> tuple[int, ...]:
    assert isa(value.type, MemRefType)
    found = value.type.get_strides() or ()
    return tuple(0 if s is None or s == DYNAMIC_INDEX else s for s in found)


def view(frame: Frame, op: memref.ViewOp, args: Sequence[Value]) -> Sequence[Value]:
    """An array at a byte of a buffer."""
    source: Place = args[0]
    start = source.root + source.shift + int(args[1])
    return (Place(source.buffer, start, 0, _strides(op.result)),)


def reinterpret_cast(
    frame: Frame, op: memref.ReinterpretCastOp, args: Sequence[Value]
) -> Sequence[Value]:
    """From the start of the allocation on."""
    (offset,) = mixed(frame, integers(op.static_offsets), op.offsets)
    strides = mixed(frame, integers(op.static_strides), op.strides)
    shift = int(offset) * _bytes(op.result)
    return (replace(args[0], shift=shift, strides=tuple(strides)),)


def subview(
    frame: Frame, op: memref.SubviewOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Further on in the same memref."""
    source: Place = args[0]
    offsets = mixed(frame, integers(op.static_offsets), op.offsets)
    further = sum(int(o) * s for o, s in zip(offsets, source.strides, strict=True))
    shift = source.shift + further * _bytes(op.result)
    return (replace(source, shift=shift, strides=_strides(op.result)),)


def reshaped(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """The same place with other dimensions."""
    return (replace(args[0], strides=_strides(op.results[0])),)


_HANDLERS = {
    **control.HANDLERS,
    **scalar.HANDLERS,
    "memref.view": view,
    "memref.reinterpret_cast": reinterpret_cast,
    "memref.subview": subview,
    "memref.cast": reshaped,
    "memref.expand_shape": reshaped,
    "memref.collapse_shape": reshaped,
    "memref.assume_alignment": reshaped,
}


class _Recorder:
    """Runs functions and notes their launches."""

    def __init__(self, module: ModuleOp) -> None:
        handlers: dict[str, Any] = {**_HANDLERS, "func.call": self.call}
        self.machine = Machine(module, handlers, precise=False, resources={})
        self.launches: list[Launch] = []

    def call(
        self, frame: Frame, op: func.CallOp, args: Sequence[Value]
    ) -> Sequence[Value]:
        """A launch, or a function that has launches of its own."""
        name = op.callee.string_value()
        callee = frame.machine.symbol(op, name)
        if not isinstance(callee, func.FuncOp) or kernel_of(callee) is None:
            return control.call(frame, op, args)
        given = tuple(
            x.pointer if isinstance(x, Place) else _scalar(x, v.type)
            for x, v in zip(args, op.operands, strict=True)
        )
        self.launches.append(Launch(name, given))
        return ()

    def run(self, function: func.FuncOp, names: Sequence[str]) -> list[Launch]:
        """The launches of a function whose arguments are buffers of these names."""
        self.launches = []
        values: list[Value] = []
        for i, (name, arg) in enumerate(
            zip(names, function.body.block.args, strict=True)
        ):
            if isinstance(arg.type, MemRefType):
                values.append(Place(name, 0, 0, _strides(arg)))
            else:
                values.append(Scalar(_dtype(arg.type), i))
        for op in function.body.block.walk():
            if op.name not in self.machine.handlers and op.name != "func.return":
                if not isinstance(op, arith.ConstantOp) and op.name != "scf.yield":
                    unsupported(
                        op,
                        "expected only views, loops and kernels in a function that is "
                        f"no kernel, got {op.name}, which has no GPU lowering",
                    )
        control.call_function(Frame(self.machine), function, values)
        return self.launches


def _dtype(type_: Attribute) -> str:
    return str(storage(type_, precise=False))


def _scalar(value: Value, type_: Attribute) -> Scalar:
    if isinstance(value, Scalar):
        return value
    return Scalar(_dtype(type_), None, np.asarray(value).item())


def argument_names(function: func.FuncOp, load: bool) -> list[str]:
    """What the buffers of a function's arguments are called."""
    counts = dict.fromkeys(("packed", "result", "weight", "argument"), 0)
    names: list[str] = []
    for _, marks in marked_arguments(function):
        if ARENA in marks:
            names.append("arena")
            continue
        kind = "weight" if load else "argument"
        if PACKED in marks or (load and RESULT in marks):
            kind = "packed"
        elif RESULT in marks:
            kind = "result"
        names.append(f"{kind} {counts[kind]}")
        counts[kind] += 1
    return names


def launch_plan(module: ModuleOp, interface: Interface) -> LaunchPlan:
    """The plan of a module whose nests are kernels already."""
    functions: Mapping[str, func.FuncOp] = {
        o.sym_name.data: o for o in module.ops if isinstance(o, func.FuncOp)
    }
    recorder = _Recorder(module)
    found: list[list[Launch]] = []
    for name, load in ((interface.load_entry, True), (interface.entry, False)):
        function = None if name is None else functions[name]
        names = [] if function is None else argument_names(function, load)
        found.append([] if function is None else recorder.run(function, names))
    kernels: dict[str, Kernel] = {}
    for function in kernels_in(module):
        attributes = kernel_of(function)
        assert attributes is not None
        name = function.sym_name.data
        kernels[name] = Kernel(
            name, attributes.grid, attributes.threads, attributes.shared
        )
    return LaunchPlan(
        gpu_of(module).name,
        interface.entry,
        kernels,
        found[0],
        found[1],
        interface.arena_bytes,
        interface.load_results,
    )
