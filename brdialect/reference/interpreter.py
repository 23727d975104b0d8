"""Runs a function of a module on numpy arrays, operation by operation.

    result, = run(module, "main", [x])             # every float computed in float64
    result, = run(module, "main", [x], precise=False)        # each in its own type

It knows tensors and memrefs before they are lowered to LLVM, and shares no code with
the passes: what it says is what a program means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    MemRefType,
    ModuleOp,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from brdialect import source
from brdialect.errors import BrError
from brdialect.reference import (
    control,
    memrefs,
    recurrent,
    recurrent_backward,
    scalar,
    structured,
    tensors,
    vectors,
)
from brdialect.reference.machine import Frame, Handler, Machine
from brdialect.reference.values import (
    Array,
    MemRef,
    Value,
    decode,
    encode,
    memref_of,
    static_shape,
)

HANDLERS: dict[str, Handler] = {
    **control.HANDLERS,
    **memrefs.HANDLERS,
    **recurrent.HANDLERS,
    **recurrent_backward.HANDLERS,
    **scalar.HANDLERS,
    **structured.HANDLERS,
    **tensors.HANDLERS,
    **vectors.HANDLERS,
}


def find_entry(module: ModuleOp, entry: str | None = None) -> func.FuncOp:
    """The function called `entry`; without a name the only public one, or @main."""
    functions = {
        op.sym_name.data: op
        for op in module.body.block.ops
        if isinstance(op, func.FuncOp) and op.body.blocks
    }
    if entry is None:
        public = [
            name
            for name, op in functions.items()
            if op.sym_visibility is None or op.sym_visibility.data == "public"
        ]
        entry = public[0] if len(public) == 1 else "main"
    if entry not in functions:
        names = ", ".join(f"@{name}" for name in functions) or "none"
        raise BrError(
            f"expected the function to run, got no @{entry} in the module; "
            f"name one of those with a body: {names}"
        )
    return functions[entry]


def arguments(
    module: ModuleOp, entry: str | None = None
) -> tuple[tuple[Attribute, ...], tuple[Attribute, ...]]:
    """The argument and result types of the function that `run` would run."""
    type_ = find_entry(module, entry).function_type
    return tuple(type_.inputs), tuple(type_.outputs)


def run(
    module: ModuleOp,
    entry: str | None,
    args: Sequence[Array | float],
    *,
    precise: bool = True,
    resources: Mapping[str, bytes] | None = None,
) -> tuple[Array, ...]:
    """The results of a function, one array each (of rank 0 for scalars).

    Arrays passed for memrefs are written in place, rounded to their own type. With
    `precise` floats are computed, and returned, in float64, which makes a result to
    measure others against; otherwise each in its own type. bf16 arguments may be
    uint16 bits; results are float32. `resources` are the bytes of `dense_resource`
    constants by name, those the module was parsed with unless told.
    """
    function = find_entry(module, entry)
    types = tuple(function.function_type.inputs)
    if len(args) != len(types):
        raise BrError(
            f"expected {len(types)} arguments for @{function.sym_name.data}, "
            f"got {len(args)}"
        )
    if resources is None:
        resources = source.resources(module)
    machine = Machine(module, HANDLERS, precise, resources)
    values: list[Value] = []
    finish: list[Callable[[], None]] = []
    for number, (arg, type_) in enumerate(zip(args, types, strict=True)):
        try:
            values.append(_adopt(arg, type_, precise, finish))
        except BrError as e:
            raise BrError(f"argument #{number} ({type_}): {e}") from e
    # Inf and NaN are values like any other; integers wrap
    with np.errstate(all="ignore"):
        results = control.call_function(Frame(machine), function, values)
    for write_back in finish:
        write_back()
    return tuple(np.array(r.array if isinstance(r, MemRef) else r) for r in results)


def _adopt(
    arg: Array | float,
    type_: Attribute,
    precise: bool,
    finish: list[Callable[[], None]],
) -> Value:
    """The argument as held inside; appends what is to be done after the run."""
    array = np.asarray(arg)
    want = static_shape(type_)
    if len(want) != array.ndim or any(
        w not in (DYNAMIC_INDEX, n) for w, n in zip(want, array.shape, strict=True)
    ):
        raise BrError(f"expected shape {list(want)}, got {list(array.shape)}")
    held = decode(array, type_, precise)
    if not isa(type_, MemRefType):
        return held if isa(type_, TensorType | VectorType) else held[()]
    if held is array:
        return memref_of(array)

    def write_back() -> None:
        if array.dtype.kind == "f":
            array[...] = held
        else:
            array[...] = encode(held, type_)

    finish.append(write_back)
    return memref_of(held)
