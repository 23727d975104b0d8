"""The pipeline as data: stages in the order in which a program passes through them.

Each stage is a tuple of passes and can be run alone by `br-opt -p`; `lower-to-cpu` is
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    I64,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    MemRefType,
    ModuleOp,
)
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.hints import isa

from brdialect.errors import BrError
from brdialect.interface import UNSIGNED, Interface, State
from brdialect.target import Target, set_target
from passes import registry
from passes.memory.buffers import ARENA, RESULT, element_bytes
from passes.memory.hoist_load_time import PACKED, SUFFIX
from passes.program.set_target import SetTargetPass
from passes.shared.load_time import BOUND, CONSTANT
from passes.shared.state import STATE, panels_of

STAGES: Sequence[tuple[str, Sequence[str]]] = (
    (
        "normalise",
        ("generalise-linalg", "raise-recurrences", "normalise-contractions"),
    ),
    ("layout", ("propagate-layouts",)),
    (
        "fuse",
        (
            "fuse-epilogues",
            "fold-scales",
            "skip-zeros",
            "transform-windows",
            "coalesce-contractions",
            "factor-sums",
            "share-reductions",
        ),
    ),
    (
        "schedule",
        (
            "lower-recurrent-ops",
            "pack-state",
            "choose-schedule",
            "fold-padding",
            "share-sums",
            "pack-operands",
        ),
    ),
    ("load", ("hoist-loop-invariants", "hoist-load-time")),
    ("bufferize", ("read-in-padding", "bufferize")),
    ("outline", ("outline-nests",)),
    (
        "loops",
        (
            "convert-recurrence-to-br",
            "convert-linalg-to-br",
            "convert-linalg-to-vector",
        ),
    ),
    ("parallel", ("outline-parallel",)),
    ("vector", ("convert-br-to-vector", "expand-math")),
    ("llvm", ("lower-scf-to-cf", "convert-to-llvm")),
)
"""Stage name, and its passes."""

OUTLINED = 1 + [name for name, _ in STAGES].index("outline")
"""The stages before this one look at the whole program, the others at a function."""

Observer = Callable[[str, ModuleOp], None]
"""Is told the name of each pass that has run, and the module after it."""


def interface_of(module: ModuleOp, entry: str) -> tuple[Interface, list[Attribute]]:
    """Reads the interface off a bufferized module, and the constants that the load
    function takes where the interface says None."""
    functions = {o.sym_name.data: o for o in module.ops if isinstance(o, func.FuncOp)}
    if entry not in functions:
        raise BrError(
            f"expected a function out of {', '.join(functions)}, got '{entry}'"
        )
    result = Interface(entry, [])
    constants: list[Attribute] = []
    for i, (type_, marks) in enumerate(marked_arguments(functions[entry])):
        if not isa(type_, MemRefType):
            continue
        if isinstance(number := marks.get(STATE), IntegerAttr):
            result.state.append(State(i, number.value.data, panels_of(marks)))
        sizes = [None if n == DYNAMIC_INDEX else n for n in type_.get_shape()]
        if ARENA in marks:
            result.arena_bytes, result.arena_step_bytes = arena_bytes(marks, type_)
        elif PACKED in marks:
            result.load_results.append(byte_size(type_))
        elif RESULT in marks:
            sign = "u" if UNSIGNED in marks else ""
            dtype = sign + _DTYPES[str(type_.element_type)]
            result.results.append((tuple(sizes), dtype))
        else:
            result.open_sizes += [(i, d) for d, n in enumerate(sizes) if n is None]
    load = functions.get(entry + SUFFIX)
    if load is not None:
        result.load_entry = load.sym_name.data
        for type_, marks in marked_arguments(load):
            if ARENA in marks and isa(type_, MemRefType):
                result.arena_bytes = max(result.arena_bytes, byte_size(type_))
            elif isinstance(bound := marks.get(BOUND), IntegerAttr):
                result.load_arguments.append(bound.value.data)
            elif CONSTANT in marks:
                result.load_arguments.append(None)
                constants.append(marks[CONSTANT])
    return result, constants


_DTYPES = {
    "f16": "float16",
    "bf16": "uint16",  # its bits: numpy has no such type
    "f32": "float32",
    "f64": "float64",
    "i1": "bool",
    "index": "int64",
    **{f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{
        f"{s}i{bits}": f"{s}int{bits}".replace("sint", "int")
        for s in "su"
        for bits in (8, 16, 32, 64)
    },
}


def arena_bytes(marks: Mapping[str, Attribute], type_: MemRefType) -> tuple[int, int]:
    """Of an arena that is marked as one: its bytes, and those of each step of time."""
    if isa(pair := marks[ARENA], DenseArrayBase[I64]):
        fixed, step = pair.get_values()
        return fixed, step
    return byte_size(type_), 0


def byte_size(type_: MemRefType) -> int:
    """The bytes of a static memref."""
    return prod(type_.get_shape()) * element_bytes(type_.element_type)


def marked_arguments(
    function: func.FuncOp,
) -> Sequence[tuple[Attribute, dict[str, Attribute]]]:
    """The type and the attributes of each argument."""
    types = function.function_type.inputs.data
    attributes = function.arg_attrs.data if function.arg_attrs else ()
    empty = [DictionaryAttr({})] * (len(types) - len(attributes))
    return [
        (t, dict(a.data)) for t, a in zip(types, (*attributes, *empty), strict=True)
    ]


def passes_of(stages: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """The passes of some stages, in order."""
    return [name for _, names in stages for name in names]


def lower_to_functions(
    module: ModuleOp,
    target: Target,
    entry: str,
    observe: Observer,
    context: Context,
    stages: Sequence[tuple[str, Sequence[str]]] = STAGES,
) -> tuple[Interface, list[Attribute]]:
    """Lowers a module on tensors in place to functions on memory, one for each distinct
    operation; how to call `entry`, and the constants that its load function takes.
    `stages`: those of the target."""
    set_target(module, target)
    found = None
    for name in passes_of(stages[:OUTLINED]):
        registry.pass_named(name)().apply(context, module)
        if name == "bufferize":
            found = interface_of(module, entry)
        observe(name, module)
    assert found is not None
    return found


def lower_functions(module: ModuleOp, observe: Observer, context: Context) -> None:
    """Lowers what `lower_to_functions` has made to the llvm dialect."""
    for name in passes_of(STAGES[OUTLINED:]):
        registry.pass_named(name)().apply(context, module)
        observe(name, module)


@dataclass(frozen=True)
class LowerToCpuPass(ModulePass):
    """The whole CPU pipeline down to the llvm dialect.

    `lower-to-cpu{target=x86-64-v4 threads=2}`; without options the module's
    `br.target` counts, or x86-64-v3 on one thread where there is none.
    """

    name = "lower-to-cpu"

    target: str | None = None
    threads: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        SetTargetPass(self.target, self.threads).apply(ctx, op)
        for name in passes_of(STAGES):
            registry.pass_named(name)().apply(ctx, op)
