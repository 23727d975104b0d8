"""ONNX to linalg on tensors.

    module = from_model(onnx.load("mlp.onnx"))        # a module for brdialect.compile
    reading = read(Path("mlp.onnx"))                  # what brdialect.compile does

A model is read in one go from its inputs to its results: every value is a `Tensor`
whose sizes are known, so what a model computes from sizes is known too. Sizes that the
model leaves open are given with `shapes`; each set of them is another module.

The operators stand in `onnx_ops`, one small function each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from brdialect.arrays import Array
from brdialect.errors import BrError
from brdialect.readers import OpenArgument, OpenProgram
from frontends.array_builder import Shape, Tensor
from frontends.array_sums import Builder
from frontends.elements import DType, element_type
from frontends.onnx_importer import Importer, one_line
from frontends.onnx_model import Input, Model, checked_model, printable, read_model
from frontends.onnx_ops.registry import LARGEST, UnknownValueError

if TYPE_CHECKING:
    from onnx import ModelProto

ENTRY = "main"
"""The function that a model becomes."""


def read(path: Path) -> ModuleOp | OpenProgram:
    """The module of a file; where it waits for sizes, or for arguments that say sizes,
    what makes the module of them."""
    model = read_model(path)
    try:
        if all(None not in given.shape for given in model.inputs):
            with suppress(UnknownValueError):
                return import_model(model)
        return open_program(model)
    except BrError as e:
        raise BrError(f"{path}: {e}") from e


def from_model(
    proto: ModelProto,
    shapes: Sequence[Shape] | None = None,
    folder: Path | None = None,
    values: Mapping[str, Array] | None = None,
) -> ModuleOp:
    """The module of a model; `shapes` are those of its inputs, `folder` is where its
    external data lies. `values` are inputs that are the same in each call; those on
    which sizes depend have to be."""
    return import_model(checked_model(proto, folder, "model"), shapes, values)


def open_program(model: Model) -> OpenProgram:
    """A model that waits for the sizes of its inputs."""
    return OpenProgram(
        ENTRY,
        [
            OpenArgument(i.shape, element_type(t), t.kind == "u")
            for i, t in ((i, passed_as(i.dtype)) for i in model.inputs)
        ],
        lambda shapes, constants: import_model(
            model, shapes, {model.inputs[i].name: x for i, x in constants.items()}
        ),
    )


@printable()
def import_model(
    model: Model,
    shapes: Sequence[Shape] | None = None,
    values: Mapping[str, Array] | None = None,
) -> ModuleOp:
    """The module of a model for some shapes, and values, of its inputs."""
    try:
        return _imported(model, shapes, values or {})
    except BrError:
        raise
    except Exception as e:  # a file that is damaged where nothing looks for it
        raise BrError(f"{model.file}: cannot be imported: {one_line(e)}") from e


def _imported(
    model: Model, shapes: Sequence[Shape] | None, values: Mapping[str, Array]
) -> ModuleOp:
    bound = [_bound(i, n, shapes) for n, i in enumerate(model.inputs)]
    _check_names(model.inputs, bound)
    given = zip(bound, model.inputs, strict=True)
    builder = Builder(ENTRY, [(shape, passed_as(i.dtype)) for shape, i in given])
    arguments: dict[str, Tensor] = {}
    for i, argument in zip(model.inputs, builder.arguments, strict=True):
        assert argument.made is not None
        argument.made.name_hint = i.name if i.name.isidentifier() else None
        if (value := values.get(i.name)) is not None:
            argument.load = partial(np.asarray, value)
        if argument.dtype != i.dtype:
            argument = as_type(builder, argument, i.dtype)
        argument.name = i.name
        arguments[i.name] = argument
    results = Importer(model, builder).run(arguments)
    return builder.finish([as_type(builder, r, passed_as(r.dtype)) for r in results])


def passed_as(dtype: DType) -> DType:
    """The type in which callers give and take elements: bf16, which numpy lacks, as its
    bits."""
    return np.dtype(np.uint16) if dtype.name == "bfloat16" else dtype


def as_type(builder: Builder, x: Tensor, dtype: DType) -> Tensor:
    """The same bits as another type."""
    return x if x.dtype == dtype else builder.map(lambda x: x.bits(dtype), x)


def _bound(given: Input, number: int, shapes: Sequence[Shape] | None) -> Shape:
    """The shape of an input, none of it open."""
    if shapes is None:
        shape = tuple(n for n in given.shape if n is not None)
        if len(shape) == len(given.shape):
            return shape
        sizes = [
            name or "?" if n is None else str(n)
            for n, name in zip(given.shape, given.names, strict=True)
        ]
        raise BrError(
            f"expected the sizes of input '{given.name}', {'x'.join(sizes)}; give "
            "them, such as --input="
            + "x".join(["1" if n is None else str(n) for n in given.shape])
            + f"x{element_type(given.dtype)}"
        )
    fits = len(shapes[number]) == len(given.shape) and all(
        want in (None, got)
        for want, got in zip(given.shape, shapes[number], strict=True)
    )
    if not fits:
        raise BrError(
            f"expected input '{given.name}' of sizes {list(given.shape)}, got "
            f"{list(shapes[number])}"
        )
    return shapes[number]


def _check_names(inputs: Sequence[Input], bound: Sequence[Shape]) -> None:
    """Sizes of one name are one number, and arrays not larger than any memory."""
    sizes: dict[str, int] = {}
    for given, shape in zip(inputs, bound, strict=True):
        if prod(shape) > LARGEST:
            raise BrError(
                f"expected at most {LARGEST} elements, got {list(shape)} in input "
                f"'{given.name}'"
            )
        for name, size in zip(given.names, shape, strict=True):
            if name and sizes.setdefault(name, size) != size:
                raise BrError(
                    f"expected one number for the size '{name}', got {sizes[name]} and "
                    f"{size} in input '{given.name}'"
                )
