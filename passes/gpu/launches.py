"""Reads the launches off the functions that are no kernels.

    func.func @main(%x, %w {br.packed}, %y {br.result}, %arena {br.arena}) {
      %t = memref.view %arena[%c4096][] : memref<8192xi8> to memref<64x64xf32>
      func.call @br_contract_0(%x, %w, %t)
      func.call @br_generic_1(%t, %y)
    ->
    br_contract_0: argument 0, packed 0, arena + 4096
    br_generic_1: arena + 4096, result 0

The function is run, with places in buffers for its memrefs. A loop is run for its first
turns and the last one: the numbers that its launches get have to grow by the same from
turn to turn, and it becomes a repetition of the plan.

    scf.for %t = 0 to 50 { func.call @br_recurrence_0_cell(%y, %t) }
    ->
    for t0 below 50: br_recurrence_0_cell: result 0, 0 + 1 * t0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, BFloat16Type, MemRefType, ModuleOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.interface import Interface
from brdialect.launch_plan import (
    Argument,
    Kernel,
    Launch,
    LaunchPlan,
    Pointer,
    Repeat,
    Scalar,
    Step,
    TensorMap,
)
from brdialect.reference import control, scalar
from brdialect.reference.machine import Frame, Machine
from brdialect.reference.tensors import integers, mixed
from brdialect.reference.values import Value, element_of, storage
from brdialect.target import gpu_of
from brdialect.tensor_copy_ops import TensorMapOp
from passes.gpu.grid import kernel_of, kernels_in
from passes.memory.buffers import ARENA, RESULT, element_bytes
from passes.memory.hoist_load_time import PACKED
from passes.pipelines import marked_arguments
from passes.shared.build import memref_type


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


def dim(frame: Frame, op: memref.DimOp, args: Sequence[Value]) -> Sequence[Value]:
    """A size, which the type knows."""
    size = memref_type(op.source).get_shape()[int(args[1])]
    if size == DYNAMIC_INDEX:
        unsupported(op, f"expected sizes that are known, got {op.source.type}")
    return (np.int64(size),)


def tensor_map(frame: Frame, op: TensorMapOp, args: Sequence[Value]) -> Sequence[Value]:
    """What a copy by boxes gets."""
    source: Place = args[0]
    offset = op.offset.value.data * _bytes(op.source)
    pointer = Pointer(source.buffer, source.root + offset)
    element = element_of(op.source.type)
    bf16 = isinstance(element, BFloat16Type)
    dtype = "uint16" if bf16 else _dtype(element)
    return (TensorMap(pointer, dtype, op.map),)


_HANDLERS = {
    **control.HANDLERS,
    **scalar.HANDLERS,
    "br.tensor_map": tensor_map,
    "memref.dim": dim,
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
        own = {"func.call": self.call, "scf.for": self.loop}
        handlers: dict[str, Any] = {**_HANDLERS, **own}
        self.machine = Machine(module, handlers, precise=False, resources={})
        self.launches: list[Step] = []
        self.depth = 0

    def call(
        self, frame: Frame, op: func.CallOp, args: Sequence[Value]
    ) -> Sequence[Value]:
        """A launch, or a function that has launches of its own."""
        name = op.callee.string_value()
        callee = frame.machine.symbol(op, name)
        if not isinstance(callee, func.FuncOp) or kernel_of(callee) is None:
            if isinstance(callee, func.FuncOp):
                self.check(callee)
            return control.call(frame, op, args)
        given = tuple(
            _argument(x, v.type) for x, v in zip(args, op.operands, strict=True)
        )
        self.launches.append(Launch(name, given))
        return ()

    def loop(
        self, frame: Frame, op: scf.ForOp, args: Sequence[Value]
    ) -> Sequence[Value]:
        """A repetition."""
        if len(args) > 3:
            unsupported(op, "expected no values that a loop around kernels carries")
        trips = range(*(int(x) for x in args))
        outside, self.depth = self.launches, self.depth + 1
        seen: list[list[Step]] = []
        for turn in dict.fromkeys((*trips[:2], *trips[-1:])):
            self.launches = []
            frame.run(op.body.block, (np.int64(turn),))
            seen.append(self.launches)
        self.launches, self.depth = outside, self.depth - 1
        if not seen:
            return ()
        body = _growing(seen[0], seen[min(1, len(seen) - 1)], self.depth)
        if body is None or seen[-1] != _moved(body, self.depth, len(trips) - 1):
            unsupported(
                op,
                "expected the launches of a loop to get numbers that grow by the same "
                "from turn to turn",
            )
        self.launches.append(Repeat(len(trips), tuple(body)))
        return ()

    def check(self, function: func.FuncOp) -> None:
        """Refuses what is neither a kernel nor what launches one."""
        for op in function.body.block.walk():
            if op.name not in self.machine.handlers and op.name != "func.return":
                if isinstance(op, memref.LoadOp):
                    unsupported(
                        op,
                        "expected conditions and trip counts that are known when the "
                        "program is compiled, because the target is a GPU, got one "
                        "that the program computes; compile for a CPU",
                    )
                if not isinstance(op, arith.ConstantOp) and op.name != "scf.yield":
                    unsupported(
                        op,
                        "expected only views, loops and kernels in a function that is "
                        f"no kernel, got {op.name}, which has no GPU lowering",
                    )

    def run(self, function: func.FuncOp, names: Sequence[str]) -> list[Step]:
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
        self.check(function)
        control.call_function(Frame(self.machine), function, values)
        return self.launches


def _growing(
    first: Sequence[Step], second: Sequence[Step], depth: int
) -> list[Step] | None:
    """The launches of the first turn, whose numbers have grown by the second one; None
    where more than numbers differs. `depth` repetitions are around the loop."""
    if len(first) != len(second):
        return None
    found: list[Step] = []
    for x, y in zip(first, second, strict=True):
        if isinstance(x, Repeat) and isinstance(y, Repeat):
            body = _growing(x.body, y.body, depth)
            if body is None:
                return None
            found.append(Repeat(x.times, tuple(body)))
        elif isinstance(x, Launch) and isinstance(y, Launch):
            pairs = zip(x.arguments, y.arguments, strict=True)
            found.append(Launch(x.kernel, tuple(_grown(*p, depth) for p in pairs)))
    return found if _moved(found, depth, 1) == list(second) else None


def _grown(x: Argument, y: Argument, depth: int) -> Argument:
    if not isinstance(x, Scalar) or not isinstance(y, Scalar) or x.argument is not None:
        return x
    step = int(y.number - x.number)
    if step == 0 and not any(x.steps):
        return x
    inner = x.steps[depth + 1 :]
    return replace(x, steps=(*[0] * depth, step, *inner))


def _moved(steps: Sequence[Step], depth: int, turn: int) -> list[Step]:
    """The launches in a turn of the repetition that has `depth` others around it."""

    def argument(x: Argument) -> Argument:
        if not isinstance(x, Scalar) or len(x.steps) <= depth:
            return x
        rest = (*[0] * (depth + 1), *x.steps[depth + 1 :])
        number = x.number + turn * x.steps[depth]
        return replace(x, number=number, steps=rest if any(rest) else ())

    return [
        Repeat(x.times, tuple(_moved(x.body, depth, turn)))
        if isinstance(x, Repeat)
        else Launch(x.kernel, tuple(map(argument, x.arguments)))
        for x in steps
    ]


def _dtype(type_: Attribute) -> str:
    return str(storage(type_, precise=False))


def _argument(value: Value, type_: Attribute) -> Argument:
    if isinstance(value, Place):
        return value.pointer
    if isinstance(value, Scalar | TensorMap):
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
    found: list[list[Step]] = []
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
