"""Builds a function of linalg-on-tensors: literals, generics and shape changes.

`linalg_builder.Builder` adds the layers of a network to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from xdsl.builder import Builder as OpBuilder
from xdsl.dialects import arith, func, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    FunctionType,
    IndexType,
    IntegerAttr,
    LocationAttr,
    ModuleOp,
    TensorType,
    VectorType,
    f32,
    i64,
)
from xdsl.dialects.linalg import Linalg
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.abstract_ops import NamedOperation
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineConstantExpr, AffineDimExpr, AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from brdialect.errors import BrError
from brdialect.xdsl_repairs import install
from frontends.elements import constant_op

Op = TypeVar("Op", bound=Operation)
Pair = tuple[int, int]
Body = Callable[[OpBuilder, Sequence[SSAValue]], SSAValue]
"""Inserts a body's operations; (builder, its arguments) -> the value it yields."""

install()  # the named operations that xDSL lacks
NAMED = {op.name: op for op in Linalg.operations if issubclass(op, NamedOperation)}


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The static shape of a tensor."""
    return type_of(value).get_shape()


def type_of(value: SSAValue) -> TensorType[Attribute]:
    """The value's type, which must be a tensor."""
    if not isa(value.type, TensorType):
        raise BrError(f"expected a tensor, got {value.type}")
    return value.type


def _groups(fine: Sequence[int], coarse: Sequence[int]) -> list[list[int]] | None:
    """Which dimensions of `fine` make up each of `coarse`; None if they do not."""
    groups: list[list[int]] = []
    at = 0
    for size in coarse:
        group = [at]
        at += 1
        while at <= len(fine) and math.prod(fine[i] for i in group) < size:
            if at == len(fine):
                return None
            group.append(at)
            at += 1
        if group[-1] >= len(fine) or math.prod(fine[i] for i in group) != size:
            return None
        groups.append(group)
    while at < len(fine) and groups and fine[at] == 1:
        groups[-1].append(at)
        at += 1
    return groups if at == len(fine) else None


def _reassociation(
    groups: Sequence[Sequence[int]],
) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    return ArrayAttr(ArrayAttr(IntegerAttr(d, i64) for d in group) for group in groups)


def broadcast_shape(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The shape to which all of these broadcast as numpy's do."""
    rank = max((len(s) for s in shapes), default=0)
    padded = [(*(1,) * (rank - len(s)), *s) for s in shapes]
    sizes = [{*column} - {1} for column in zip(*padded, strict=True)]
    if any(len(s) > 1 for s in sizes):
        got = ", ".join(str(list(s)) for s in shapes)
        raise BrError(f"expected shapes that broadcast, got {got}")
    return tuple(s.pop() if s else 1 for s in sizes)


def broadcast_map(shape: Sequence[int], to: Sequence[int]) -> AffineMap:
    """[c, 1, 1] to [n, c, h, w]: `(d0, d1, d2, d3) -> (d1, 0, 0)`."""
    first = len(to) - len(shape)
    exprs: list[AffineExpr] = [
        AffineDimExpr(first + d) if n == to[first + d] else AffineConstantExpr(0)
        for d, n in enumerate(shape)
    ]
    return AffineMap(len(to), 0, tuple(exprs))


def _attributes_of(
    given: Sequence[DictionaryAttr] | None,
) -> ArrayAttr[DictionaryAttr] | None:
    """None where there is nothing to say, so that nothing is printed."""
    return ArrayAttr(given) if given and any(d.data for d in given) else None


class TensorBuilder:
    """A function under construction; `finish` gives the module."""

    def __init__(
        self, name: str, arguments: Sequence[tuple[Sequence[int], Attribute]]
    ) -> None:
        types = [TensorType(element, shape) for shape, element in arguments]
        self._block = Block(arg_types=types)
        self._name = name
        self.location: LocationAttr | None = None
        self._b = self._outside = OpBuilder(InsertPoint.at_end(self._block))
        self.args: tuple[SSAValue, ...] = tuple(self._block.args)

    def finish(
        self,
        *results: SSAValue,
        argument_attributes: Sequence[DictionaryAttr] | None = None,
        result_attributes: Sequence[DictionaryAttr] | None = None,
    ) -> ModuleOp:
        """The module, whose only function returns `results`."""
        self._b.insert(func.ReturnOp(*results))
        type_ = FunctionType.from_lists(
            [a.type for a in self.args], [r.type for r in results]
        )
        function = func.FuncOp(
            self._name,
            type_,
            Region(self._block),
            arg_attrs=_attributes_of(argument_attributes),
            res_attrs=_attributes_of(result_attributes),
        )
        module = ModuleOp([function])
        module.verify()
        return module

    # Building blocks

    def constant(self, value: float, element: Attribute) -> SSAValue:
        """A scalar."""
        return self.insert(constant_op(value, element))

    def weights(self, values: Sequence[float], shape: Sequence[int]) -> SSAValue:
        """A small f32 tensor literal, row-major."""
        literal = DenseIntOrFPElementsAttr.from_list(TensorType(f32, shape), values)
        return self.insert(arith.ConstantOp(literal))

    def empty(self, shape: Sequence[int], element: Attribute) -> SSAValue:
        """An unwritten tensor."""
        return self.insert(tensor.EmptyOp((), TensorType(element, shape)))

    def fill(self, value: float, shape: Sequence[int], element: Attribute) -> SSAValue:
        """A tensor of one value."""
        scalar = self.constant(value, element)
        out = self.empty(shape, element)
        return self.insert(linalg.FillOp((scalar,), (out,)))

    def generic(
        self,
        inputs: Sequence[SSAValue],
        output: SSAValue,
        maps: Sequence[AffineMap],
        body: Body,
    ) -> SSAValue:
        """A linalg.generic; loops that the last map does not use reduce.

        The body gets an element of each input, then one of the output.
        """
        elements = [type_of(v).element_type for v in (*inputs, output)]
        block = Block(arg_types=elements)
        inner = OpBuilder(InsertPoint.at_end(block))
        inner.insert(linalg.YieldOp(body(inner, block.args)))
        return self.structured(inputs, output, maps, block)

    def structured(
        self,
        inputs: Sequence[SSAValue],
        output: SSAValue,
        maps: Sequence[AffineMap],
        block: Block,
    ) -> SSAValue:
        """A linalg.generic of a body that is there already."""
        used = maps[-1].used_dims()
        kinds = [
            IteratorTypeAttr.parallel() if d in used else IteratorTypeAttr.reduction()
            for d in range(maps[-1].num_dims)
        ]
        attributes = [AffineMapAttr(m) for m in maps]
        return self.insert(
            linalg.GenericOp(
                inputs, (output,), Region(block), attributes, kinds, (output.type,)
            )
        )

    def insert(self, op: Operation) -> SSAValue:
        """Appends an operation of one result."""
        return self.append(op).results[0]

    def append(self, op: Op) -> Op:
        """Appends an operation."""
        if self.location is not None:
            op.location = self.location
        return self._b.insert(op)

    @contextmanager
    def inside(self, block: Block) -> Generator[None]:
        """What is built goes to the end of a block, of a loop or a branch."""
        before, self._b = self._b, OpBuilder(InsertPoint.at_end(block))
        try:
            yield
        finally:
            self._b = before

    @contextmanager
    def outside(self) -> Generator[None]:
        """What is built can be seen from all loops and branches."""
        before, self._b = self._b, self._outside
        try:
            yield
        finally:
            self._b = before

    def named(
        self, name: str, inputs: Sequence[SSAValue], output: SSAValue, **factors: Pair
    ) -> SSAValue:
        """`linalg.NAME`, with strides and dilations if any."""
        cls = NAMED[f"linalg.{name}"]
        vector = VectorType(i64, (2,))
        properties: dict[str, Attribute] = {
            key: DenseIntOrFPElementsAttr.from_list(vector, list(value))
            for key, value in factors.items()
        }
        op = cls.build(
            operands=(inputs, (output,)),
            result_types=((output.type,),),
            properties=properties,
            regions=(cls.get_hidden_region(inputs, (output,)),),
        )
        return self.insert(op)

    # Shapes

    def transpose(self, x: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """Result dimension i is x's dimension `permutation[i]`."""
        shape = [shape_of(x)[d] for d in permutation]
        out = self.empty(shape, type_of(x).element_type)
        order = DenseArrayBase.from_list(i64, permutation)
        return self.insert(linalg.TransposeOp(x, out, order))

    def reshape(self, x: SSAValue, shape: Sequence[int]) -> SSAValue:
        """The same elements in row-major order; one size may be -1."""
        old, new = shape_of(x), list(shape)
        if -1 in new:
            rest = -math.prod(new)
            new[new.index(-1)] = math.prod(old) // rest if rest else 0
        if math.prod(new) != math.prod(old):
            raise BrError(f"expected a shape like {list(old)}'s, got {list(shape)}")
        type_ = TensorType(type_of(x).element_type, new)
        if not new or not old:  # one element: no dimension makes up another
            zeros = AffineMap(len(new), 0, (AffineConstantExpr(0),) * len(old))
            out = self.empty(new, type_.element_type)
            maps = [zeros, AffineMap.identity(len(new))]
            return self.generic((x,), out, maps, lambda _, e: e[0])
        if (groups := _groups(old, new)) is not None and len(old) > len(new):
            return self._collapse(x, groups, type_)
        if (groups := _groups(new, old)) is not None:
            return self._expand(x, groups, type_)
        flat = TensorType(type_.element_type, (math.prod(old),))
        line = self._collapse(x, [range(len(old))], flat)
        return self._expand(line, [range(len(new))], type_)

    def slice(
        self,
        x: SSAValue,
        starts: Sequence[int],
        sizes: Sequence[int],
        steps: Sequence[int] | None = None,
    ) -> SSAValue:
        """`sizes[d]` elements of each dimension d, every `steps[d]`-th."""
        steps = steps or [1] * len(starts)
        type_ = TensorType(type_of(x).element_type, sizes)
        return self.insert(tensor.ExtractSliceOp(x, starts, sizes, steps, type_))

    def insert_slice(
        self, x: SSAValue, into: SSAValue, starts: Sequence[int], steps: Sequence[int]
    ) -> SSAValue:
        """`into` with x over every `steps[d]`-th element of each dimension d."""
        return self.insert(
            tensor.InsertSliceOp.from_static_parameters(
                x, into, starts, shape_of(x), steps
            )
        )

    def concat(self, parts: Sequence[SSAValue], axis: int) -> SSAValue:
        """The parts behind each other along `axis`."""
        shape = list(shape_of(parts[0]))
        shape[axis] = sum(shape_of(p)[axis] for p in parts)
        type_ = TensorType(type_of(parts[0]).element_type, shape)
        return self.insert(tensor.ConcatOp(parts, axis, type_))

    def pad_by(
        self, x: SSAValue, low: Sequence[int], high: Sequence[int], value: SSAValue
    ) -> SSAValue:
        """`low[d]` elements of `value` before dimension d, `high[d]` behind."""
        sizes = zip(low, shape_of(x), high, strict=True)
        shape = [before + n + after for before, n, after in sizes]
        block = Block(arg_types=[IndexType()] * len(shape))
        OpBuilder(InsertPoint.at_end(block)).insert(tensor.YieldOp(value))
        type_ = TensorType(type_of(x).element_type, shape)
        return self.insert(tensor.PadOp(x, (), (), Region(block), low, high, type_))

    def _collapse(
        self, x: SSAValue, groups: Sequence[Sequence[int]], type_: TensorType[Attribute]
    ) -> SSAValue:
        op = tensor.CollapseShapeOp(
            operands=(x,),
            result_types=(type_,),
            properties={"reassociation": _reassociation(groups)},
        )
        return self.insert(op)

    def _expand(
        self, x: SSAValue, groups: Sequence[Sequence[int]], type_: TensorType[Attribute]
    ) -> SSAValue:
        associated = _reassociation(groups)
        op = tensor.ExpandShapeOp(x, (), associated, type_.get_shape(), type_)
        return self.insert(op)
