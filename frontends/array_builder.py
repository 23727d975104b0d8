"""Arrays with numpy's element types, some known at compile time, on a TensorBuilder.

    b = ArrayBuilder("main", [((2, 3), np.dtype("f4")), ((3,), np.dtype("f4"))])
    x, bias = b.arguments
    y = b.map(lambda x, bias: (x + bias).at_least(0), x, bias)       # [2, 3]
    module = b.finish([y])

What is known is handed to MLIR when it is first used: as a literal where it is small,
else as a resource, whose bytes are read when they are needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np
from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, linalg, tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    DictionaryAttr,
    ModuleOp,
    TensorType,
    UnitAttr,
)
from xdsl.ir import Block, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.arrays import Array
from brdialect.errors import BrError
from brdialect.interface import UNSIGNED
from brdialect.resources import Blob, Resources
from brdialect.source import attach_resources
from frontends.elements import DType, constant_op, element_type
from frontends.scalar import INDEX, Scalar
from frontends.tensor_builder import TensorBuilder, broadcast_map, broadcast_shape

Shape = tuple[int, ...]
ScalarBody = Callable[..., Scalar]
"""One element of each operand -> one element."""

Positions = Callable[..., Sequence[Scalar]]
"""One element of each operand -> a position for each dimension."""

_LITERAL = 8
"""Elements up to which a constant is printed in full."""

_MOST_LISTED = 1 << 24

_LOOKED_AT = 4096
"""Elements up to which a constant is looked at: it may be one number throughout."""


@dataclass(eq=False)
class Tensor:
    """An array of the program: its value in MLIR, what it is known to be, or both."""

    shape: Shape
    dtype: DType
    made: SSAValue | None = None
    load: Callable[[], Array] | None = None
    name: str = ""
    """Of the resource, if it becomes one."""

    @cached_property
    def array(self) -> Array:
        """What it is known to be."""
        assert self.load is not None
        return self.load()

    @property
    def known(self) -> bool:
        """Whether its elements are known at compile time."""
        return self.load is not None

    @property
    def rank(self) -> int:
        """The number of its dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return "x".join([*map(str, self.shape), str(self.dtype)])


def known(array: object, dtype: DType | None = None, name: str = "") -> Tensor:
    """A tensor that is an array."""
    value = np.asarray(array, dtype)
    return Tensor(value.shape, value.dtype, None, lambda: value, name)


def few(count: int) -> int:
    """A number of positions that are listed at compile time, unless there are too
    many."""
    if count > _MOST_LISTED:
        raise BrError(
            f"expected at most {_MOST_LISTED} positions along an axis, got {count}"
        )
    return count


def identity(rank: int) -> AffineMap:
    """(d0, d1, ..) -> (d0, d1, ..)"""
    return AffineMap.identity(rank)


def dims_map(rank: int, dims: Sequence[int]) -> AffineMap:
    """(d0, .., d[rank-1]) -> the dimensions named."""
    exprs: list[AffineExpr] = [AffineDimExpr(d) for d in dims]
    return AffineMap(rank, 0, tuple(exprs))


def position(dim: int) -> Scalar:
    """Where the loop of a dimension stands, inside a body."""
    return Scalar(linalg.ops.IndexOp(dim).result, INDEX)


@dataclass
class ArrayBuilder:
    """A function under construction; `finish` gives the module."""

    name: str
    given: Sequence[tuple[Shape, DType]]
    """Shape and type of each argument."""

    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    bodies: int = 0
    """How many bodies of loops have been built."""

    def __post_init__(self) -> None:
        types = [(shape, element_type(dtype)) for shape, dtype in self.given]
        self.tensors = TensorBuilder(self.name, types)
        self.arguments = [
            Tensor(shape, dtype, value)
            for (shape, dtype), value in zip(self.given, self.tensors.args, strict=True)
        ]

    def finish(self, results: Sequence[Tensor]) -> ModuleOp:
        """The module, whose only function returns `results`."""
        module = self.tensors.finish(
            *(self.value(r) for r in results),
            argument_attributes=[_attributes(t) for t in self.arguments],
            result_attributes=[_attributes(t) for t in results],
        )
        attach_resources(module, Resources(self.blobs))
        return module

    # Values

    def value(self, x: Tensor) -> SSAValue:
        """The tensor in MLIR."""
        if x.made is None:
            with self.tensors.outside():
                x.made = self._constant(x)
        return x.made

    def _constant(self, x: Tensor) -> SSAValue:
        element = element_type(x.dtype)
        if x.size == 0:
            return self.tensors.empty(x.shape, element)
        type_ = TensorType(element, x.shape)
        if x.size <= _LOOKED_AT and _printed(x.array):
            values = x.array.ravel()
            if (values == values[0]).all():
                values = values[:1]
            numbers = [v.item() if x.dtype.kind != "V" else float(v) for v in values]
            if x.dtype.kind == "u":
                signed = values.view(f"i{x.dtype.itemsize}")
                numbers = [v.item() for v in signed]
            # it takes numbers of any kind, its signature one kind at a time
            typed = cast(TensorType[AnyFloat], type_)
            literal = DenseIntOrFPElementsAttr.from_list(typed, numbers)
            return self.tensors.insert(arith.ConstantOp(literal))
        name = self._fresh(x.name or "constant")
        self.blobs[name] = lambda: np.ascontiguousarray(x.array).tobytes()
        resource = DenseResourceAttr.from_params(name, type_)
        return self.tensors.insert(arith.ConstantOp(resource))

    def _fresh(self, wanted: str) -> str:
        """A name that no other resource has."""
        name = base = re.sub(r"[^A-Za-z0-9_$.]", "_", wanted)
        if not re.match(r"[A-Za-z_]", base):
            name = base = f"_{base}"
        number = 1
        while name in self.blobs:
            name, number = f"{base}_{number}", number + 1
        return name

    def filled(self, number: float, shape: Shape, dtype: DType) -> Tensor:
        """One number throughout."""
        value = self.tensors.fill(number, shape, element_type(dtype))
        return Tensor(shape, dtype, value)

    # Loops

    def generic(
        self,
        body: ScalarBody,
        shape: Shape,
        maps: Sequence[AffineMap],
        *inputs: Tensor,
        start: Tensor | None = None,
    ) -> Tensor:
        """A linalg.generic: `maps` are those of the inputs and then the result's. With
        `start`, what stood in the result before is the last that the body gets."""
        values = [self.value(x) for x in inputs]
        operands = [*inputs, *([start] if start is not None else [])]
        block = Block(arg_types=[element_type(x.dtype) for x in operands])
        with ImplicitBuilder(block):
            scalars = [
                Scalar(argument, x.dtype)
                for argument, x in zip(block.args, operands, strict=True)
            ]
            result = body(*scalars)
            linalg.ops.YieldOp(result.value)
        if start is None:
            element = result.value.type
            block.insert_arg(element, len(block.args))
            out = self.tensors.empty(shape, element)
        else:
            out = self.value(start)
        value = self.tensors.structured(values, out, maps, block)
        return Tensor(shape, result.dtype, value)

    def map(self, body: ScalarBody, *inputs: Tensor) -> Tensor:
        """`body` on the elements of all inputs, whose shapes broadcast as numpy's. What
        is one known number is a constant of the body."""
        shape = broadcast_shape([x.shape for x in inputs])
        numbers = {i: x for i, x in enumerate(inputs) if x.known and x.size == 1}
        if len(numbers) == len(inputs):
            numbers.popitem()
        rest = [x for i, x in enumerate(inputs) if i not in numbers]

        def with_numbers(*scalars: Scalar) -> Scalar:
            given = iter(scalars)
            return body(
                *(
                    _literal(numbers[i]) if i in numbers else next(given)
                    for i in range(len(inputs))
                )
            )

        maps = [broadcast_map(x.shape, shape) for x in rest]
        return self.generic(with_numbers, shape, [*maps, identity(len(shape))], *rest)

    def cast(self, x: Tensor, dtype: DType) -> Tensor:
        """The same numbers in another type."""
        if x.dtype == dtype:
            return x
        if x.known and x.size <= _LOOKED_AT:
            return known(x.array.astype(dtype), name=x.name)
        return self.map(lambda x: x.cast(dtype), x)

    def reduce(
        self,
        x: Tensor,
        axes: Sequence[int],
        start: float,
        body: ScalarBody,
        *more: Tensor,
        keep: bool = False,
        dtype: DType | None = None,
    ) -> Tensor:
        """`body(x, more.., total)` over `axes`, which vanish or stay with size 1;
        `more` broadcast to the shape of x."""
        left = [d for d in range(x.rank) if d not in axes]
        shape = tuple(x.shape[d] for d in left)
        maps = [identity(x.rank), *(broadcast_map(m.shape, x.shape) for m in more)]
        total = self.filled(start, shape, dtype or x.dtype)
        result = self.generic(
            body, shape, [*maps, dims_map(x.rank, left)], x, *more, start=total
        )
        if not keep:
            return result
        return self.reshape(
            result, tuple(1 if d in axes else n for d, n in enumerate(x.shape))
        )

    def gather(
        self,
        x: Tensor,
        shape: Shape,
        where: Positions,
        *inputs: tuple[Tensor, AffineMap],
        outside: float | None = None,
    ) -> Tensor:
        """Each element of the result is x at `where(inputs..)`, positions inside x.
        With `outside`, they may lie beyond x: there the result is that number."""
        source = self.value(x)

        def body(*scalars: Scalar) -> Scalar:
            at = list(where(*scalars))
            if outside is None:
                return _extract(source, at, x)
            inside = [
                ((i >= 0) & (i < n), i.at_least(0).at_most(max(n - 1, 0)))
                for i, n in zip(at, x.shape, strict=True)
            ]
            found = _extract(source, [i for _, i in inside], x)
            for condition, _ in inside:
                found = condition.choose(found, outside)
            return found

        maps = [m for _, m in inputs]
        return self.generic(
            body, shape, [*maps, identity(len(shape))], *(x for x, _ in inputs)
        )

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        """The same elements in row-major order; one size may be -1."""
        if -1 in shape:
            rest = -math.prod(shape)
            size = x.size // rest if rest else 0
            shape = tuple(size if n == -1 else n for n in shape)
        if math.prod(shape) != x.size:
            raise BrError(
                f"expected a shape of {x.size} elements, as {list(x.shape)} has, got "
                f"{list(shape)}"
            )
        if x.shape == shape:
            return x
        if x.known:
            return Tensor(shape, x.dtype, None, lambda: x.array.reshape(shape), x.name)
        return Tensor(shape, x.dtype, self.tensors.reshape(self.value(x), shape))


def _extract(source: SSAValue, at: Sequence[Scalar], x: Tensor) -> Scalar:
    indices = [i.index().value for i in at]
    op = tensor.ExtractOp(source, indices, element_type(x.dtype))
    return Scalar(op.result, x.dtype)


def _literal(x: Tensor) -> Scalar:
    """One known number as a constant in a body."""
    op = constant_op(x.array.item(), element_type(x.dtype))
    return Scalar(op.result, x.dtype)


def _printed(array: Array) -> bool:
    """Whether a constant is written into the program, not beside it."""
    return array.size <= _LITERAL or bool((array == array.flat[0]).all())


def _attributes(x: Tensor) -> DictionaryAttr:
    """What the type in MLIR does not say."""
    return DictionaryAttr({UNSIGNED: UnitAttr()} if x.dtype.kind == "u" else {})
