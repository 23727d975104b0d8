"""The entry function of a module as its callers see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    BFloat16Type,
    MemRefType,
    NoneAttr,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from brdialect.errors import BrError
from brdialect.interface import UNSIGNED
from brdialect.reference.values import element_of, storage
from brdialect.target import Target
from passes.pipelines import marked_arguments
from passes.program.length_limits import length_limits
from passes.program.open_sizes import open_sizes
from passes.shared.load_time import BOUND
from passes.shared.state import STATE
from runtime.arguments import MOST_DIMENSIONS, Parameter
from runtime.signature import Signature


def signature_of(function: func.FuncOp, target: Target) -> Signature:
    """The arguments of an entry function; an error, if numpy has no arrays for them or
    for its results."""
    bits = target.is_gpu
    parameters = [
        parameter_of(type_, f"argument {i}", UNSIGNED in marks, bits)
        for i, (type_, marks) in enumerate(marked_arguments(function))
    ]
    for i, limit in length_limits(function).items():
        parameters[i] = replace(parameters[i], limit=limit)
    for i, type_ in enumerate(function.function_type.outputs):
        parameter_of(type_, f"result {i}", bf16_as_bits=bits)
    return Signature(
        function.sym_name.data,
        tuple(parameters),
        # a GPU's grids are made for known sizes
        open_sizes=frozenset(() if target.is_gpu else open_sizes(function)),
    )


def check_marks(function: func.FuncOp, constants: Collection[int], state: bool) -> None:
    """Refuses an argument that has to be a constant and is none, and one that is state
    where the caller does not keep any."""
    for i, (_, marks) in enumerate(marked_arguments(function)):
        argument = f"argument {i} of @{function.sym_name.data}"
        if BOUND in marks and i not in constants:
            raise BrError(
                f"{argument}: expected its array when the program is compiled, since "
                f"it carries {BOUND}; give constants={{{i}: array}} to "
                f"brdialect.compile, --constants={i} to the commands, or leave {BOUND} "
                "out"
            )
        if STATE in marks and not state:
            raise BrError(
                f"{argument}: expected an array that each call gives, got state "
                f"({STATE}), which the code keeps in a layout of its own; "
                f"brdialect.train_step runs it so; leave {STATE} out here"
            )


def parameter_of(
    type_: Attribute, what: str, unsigned: bool = False, bf16_as_bits: bool = False
) -> Parameter:
    """The parameter of an MLIR type; `what` names it in a message."""
    shape: Sequence[int] = ()
    if shaped := isa(type_, TensorType | MemRefType):
        shape = type_.get_shape()
    if len(shape) > MOST_DIMENSIONS or isa(type_, VectorType):
        raise BrError(
            f"{what}: expected a number, or a tensor or memref of at most "
            f"{MOST_DIMENSIONS} dimensions, got {type_}"
        )
    if isa(type_, MemRefType) and not isinstance(type_.layout, NoneAttr):
        raise BrError(
            f"{what}: expected a row-major memref, as an array is, got {type_}; take "
            "the part of it that is meant by memref.subview"
        )
    if isinstance(element_of(type_), BFloat16Type):
        if not bf16_as_bits:
            raise BrError(f"{what}: expected a type that numpy has, got {type_}")
        dtype = np.dtype(np.uint16)
    else:
        try:
            dtype = storage(type_, precise=False)
        except BrError as e:
            raise BrError(f"{what}: {e}") from e
    if unsigned and dtype.kind == "i":
        dtype = np.dtype(f"u{dtype.itemsize}")
    return Parameter(
        tuple(None if size == DYNAMIC_INDEX else size for size in shape),
        dtype,
        scalar=not shaped,
        in_place=isinstance(type_, MemRefType),
    )
