"""Binding the dynamic sizes of a program's arguments to concrete ones.

    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x4xf32>      bound to (3, 8)
    ->
    func.func @main(%x: tensor<3x8xf32>) -> tensor<3x4xf32>

One forward walk: index arithmetic on known numbers becomes constants, and every op
takes the sizes that follow from its operands. After it a function has no open size but
those that stay so (open_sizes.py), or the op is named whose size nothing binds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import prod

from xdsl.dialects import arith, func, scf, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseArrayBase,
    FunctionType,
    IndexType,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    TensorType,
    i64,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from brdialect.errors import BrError, unsupported, where
from brdialect.ops import ContractOp
from brdialect.recurrent import RecurrentOp, SequenceOp

FOLD: dict[type[Operation], Callable[[int, int], int]] = {
    arith.AddiOp: lambda x, y: x + y,
    arith.SubiOp: lambda x, y: x - y,
    arith.MuliOp: lambda x, y: x * y,
    arith.DivSIOp: lambda x, y: int(x / y),
    arith.DivUIOp: lambda x, y: x // y,
    arith.FloorDivSIOp: lambda x, y: x // y,
    arith.CeilDivSIOp: lambda x, y: -(-x // y),
    arith.CeilDivUIOp: lambda x, y: -(-x // y),
    arith.RemSIOp: lambda x, y: x - int(x / y) * y,
    arith.RemUIOp: lambda x, y: x % y,
    arith.MinSIOp: min,
    arith.MaxSIOp: max,
    arith.MinUIOp: min,
    arith.MaxUIOp: max,
}
"""Arithmetic on sizes."""

_COMPARE: Sequence[Callable[[int, int], bool]] = (
    *(operator.eq, operator.ne),
    *(operator.lt, operator.le, operator.gt, operator.ge),  # signed
    *(operator.lt, operator.le, operator.gt, operator.ge),  # sizes are not negative
)
"""The predicates of arith.cmpi, in their order."""


def is_static(type_: Attribute) -> bool:
    """Whether a type has no open size."""
    return not isa(type_, TensorType) or DYNAMIC_INDEX not in type_.get_shape()


def specialise(
    module: ModuleOp, entry: str, shapes: Sequence[Sequence[int | None]]
) -> None:
    """Binds the sizes of the entry's arguments to `shapes`, in place. Scalars have the
    shape (); a size of None stays open. A function that is static already is left as it
    is."""
    functions = [o for o in module.ops if isinstance(o, func.FuncOp)]
    function = next(f for f in functions if f.sym_name.data == entry)
    if len(function.body.blocks) != 1:
        return  # bufferize refuses it
    block = function.body.block
    if all(is_static(a.type) for a in block.args) and not any(
        not is_static(r.type) for op in function.body.walk() for r in op.results
    ):
        return
    for argument, shape in zip(tuple(block.args), shapes, strict=True):
        if isa(argument.type, TensorType):
            sizes = [DYNAMIC_INDEX if n is None else n for n in shape]
            bound = TensorType(
                argument.type.element_type, sizes, argument.type.encoding
            )
            Rewriter.replace_value_with_new_type(argument, bound)
    walk = Sizes()
    for op in list(block.ops):
        walk.visit(op)
    last = block.last_op
    assert isinstance(last, func.ReturnOp)
    function.function_type = FunctionType.from_lists(
        [a.type for a in block.args], [v.type for v in last.arguments]
    )
    try:
        function.verify()
    except VerifyException as e:
        written = [["?" if n is None else str(n) for n in s] for s in shapes]
        sizes = ", ".join(map("x".join, written))
        raise BrError(
            f"{where(function)}: the arguments' sizes {sizes} do not fit: {e}"
        ) from e


class Sizes:
    """The forward walk; `known` holds the values of index arithmetic."""

    def __init__(self) -> None:
        self.known: dict[SSAValue, int] = {}

    def visit(self, op: Operation) -> None:
        """Folds the op or gives its results static types."""
        if (number := self.fold(op)) is not None:
            self.known[op.results[0]] = number
            if not isinstance(op, arith.ConstantOp):
                result = op.results[0].type
                assert isa(result, IndexType) or isa(result, IntegerType)
                new = arith.ConstantOp(IntegerAttr(number, result))
                Rewriter.replace_op(op, new)
                self.known[new.result] = number
            return
        if isinstance(op, tensor.CastOp) and is_static(op.source.type):
            op.results[0].replace_all_uses_with(op.source)
            Rewriter.erase_op(op)
            return
        if isinstance(op, scf.ForOp | scf.IfOp | scf.WhileOp):
            self.control(op)
            return
        self.retype(op)
        for region in op.regions:
            for inner in list(region.walk()):
                if isinstance(inner, tensor.DimOp):
                    self.visit(inner)
        may_grow = isinstance(op, SequenceOp)
        for result in op.results if op.parent is not None and not may_grow else ():
            if not is_static(result.type):
                unsupported(
                    op,
                    f"expected sizes that follow from the arguments' shapes, got "
                    f"{result.type}",
                )

    def fold(self, op: Operation) -> int | None:
        """The number an op computes, if its operands are known numbers."""
        if isinstance(op, arith.ConstantOp):
            is_int = isinstance(op.value, IntegerAttr)
            return op.value.value.data if is_int else None  # pyright: ignore
        if isinstance(op, tensor.DimOp):
            dim = self.known.get(op.index)
            type_ = op.source.type
            if dim is None or not isa(type_, TensorType):
                return None
            if not 0 <= dim < type_.get_num_dims():
                unsupported(op, f"expected a dimension of {type_}, got {dim}")
            size = type_.get_shape()[dim]
            return None if size == DYNAMIC_INDEX else size
        numbers = [self.known[v] for v in op.operands if v in self.known]
        if len(numbers) != len(op.operands) or len(op.results) != 1:
            return None
        if isinstance(op, arith.IndexCastOp):
            return numbers[0]
        if isinstance(op, arith.CmpiOp):
            return int(_COMPARE[op.predicate.value.data](*numbers))
        if isinstance(op, arith.SelectOp):
            return numbers[1] if numbers[0] else numbers[2]
        if (rule := FOLD.get(type(op))) is None:
            return None
        try:
            return rule(*numbers)
        except ZeroDivisionError:
            unsupported(
                op, "expected a divisor other than 0 in the arithmetic on sizes"
            )

    def list(
        self,
        op: Operation,
        static: DenseArrayBase[IntegerType],
        dynamic: Sequence[SSAValue],
    ) -> list[int]:
        """A list of sizes with the dynamic ones filled in."""
        rest = iter(dynamic)
        result: list[int] = []
        for n in static.get_values():
            if n == DYNAMIC_INDEX:
                v = next(rest)
                if v not in self.known:
                    unsupported(
                        op, "expected a size that follows from the arguments' shapes"
                    )
                n = self.known[v]
            result.append(int(n))
        if any(n < 0 for n in result):
            unsupported(op, f"expected sizes of at least 0, got {result}")
        return result

    def control(self, op: scf.ForOp | scf.IfOp | scf.WhileOp) -> None:
        """What a loop carries has the sizes of its first values, what a branch yields
        those of what it yields."""
        match op:
            case scf.ForOp():
                self.region(op.body, op.iter_args)
                self.give(op.results, op.iter_args)
            case scf.WhileOp():
                self.region(op.before_region, op.arguments)
                test = op.before_region.block.last_op
                assert isinstance(test, scf.ConditionOp)
                self.region(op.after_region, test.args)
                self.give(op.results, test.args)
            case scf.IfOp():
                for branch in op.regions:
                    self.region(branch, ())
                last = op.true_region.block.last_op
                assert last is not None
                self.give(op.results, last.operands)
        for region in op.regions:
            last = region.blocks.first and region.block.last_op
            if not isinstance(last, scf.YieldOp):
                continue
            wanted = op.arguments if isinstance(op, scf.WhileOp) else op.results
            for v, want in zip(last.operands, wanted, strict=True):
                if v.type != want.type:
                    unsupported(
                        op,
                        "expected tensors whose sizes are the same in each trip and "
                        f"branch, got {v.type} for {want.type}",
                    )

    def region(self, region: Region, given: Sequence[SSAValue]) -> None:
        """The ops of a region whose last arguments are like `given`."""
        for block in region.blocks:
            self.give(block.args[len(block.args) - len(given) :], given)
            for op in list(block.ops):
                self.visit(op)

    def give(self, values: Sequence[SSAValue], like: Sequence[SSAValue]) -> None:
        """Gives values the types of others."""
        for v, other in zip(tuple(values), tuple(like), strict=True):
            if isa(v.type, TensorType):
                Rewriter.replace_value_with_new_type(v, other.type)

    def retype(self, op: Operation) -> None:
        """Gives the results the types that follow from the operands."""
        match op:
            case tensor.EmptyOp() if op.dynamic_sizes:
                shape = DenseArrayBase.from_list(i64, op.tensor.type.get_shape())
                sizes = self.list(op, shape, op.dynamic_sizes)
                new = TensorType(op.tensor.type.element_type, sizes)
                Rewriter.replace_op(op, tensor.EmptyOp((), new))
            case tensor.ExpandShapeOp():
                self.expand(op)
            case tensor.CollapseShapeOp():
                assert isa(op.src.type, TensorType)
                shape = op.src.type.get_shape()
                groups = [[i.value.data for i in g] for g in op.reassociation]
                self.set(op, [prod(shape[i] for i in group) for group in groups])
            case tensor.PadOp():
                self.pad(op)
            case tensor.ExtractSliceOp() if not is_static(op.result.type) or op.sizes:
                self.extract_slice(op)
            case tensor.InsertSliceOp() | tensor.InsertOp():
                Rewriter.replace_value_with_new_type(op.results[0], op.dest.type)
            case tensor.ConcatOp():
                shapes = [
                    v.type.get_shape() for v in op.inputs if isa(v.type, TensorType)
                ]
                dim = op.dim.value.data
                total = sum(s[dim] for s in shapes)
                self.set(op, [*shapes[0][:dim], total, *shapes[0][dim + 1 :]])
            case RecurrentOp():
                op.infer_result_types()
            case ContractOp():
                Rewriter.replace_value_with_new_type(op.results[0], op.c.type)
            case _ if op.name.startswith("linalg.") and op.results:
                self.destinations(op)
            case _:
                pass

    def set(self, op: Operation, shape: Sequence[int]) -> None:
        """The shape of the op's only result."""
        old = op.results[0].type
        assert isa(old, TensorType)
        Rewriter.replace_value_with_new_type(
            op.results[0], TensorType(old.element_type, shape, old.encoding)
        )

    def destinations(self, op: Operation) -> None:
        """linalg: each result has the type of its destination."""
        outputs: Sequence[SSAValue] = op.operands[-len(op.results) :]
        if isinstance(op, linalg.GenericOp):
            outputs = op.outputs
        for result, output in zip(tuple(op.results), outputs, strict=True):
            Rewriter.replace_value_with_new_type(result, output.type)

    def expand(self, op: tensor.ExpandShapeOp) -> None:
        if is_static(op.result.type):
            return
        sizes = self.list(op, op.static_output_shape, op.dynamic_output_shape)
        new = TensorType(op.result.type.element_type, sizes)
        Rewriter.replace_op(
            op, tensor.ExpandShapeOp(op.src, (), op.reassociation, sizes, new)
        )

    def pad(self, op: tensor.PadOp) -> None:
        assert isa(op.source.type, TensorType)
        low = self.list(op, op.static_low, op.low)
        high = self.list(op, op.static_high, op.high)
        shape = [
            x + size + y
            for x, size, y in zip(low, op.source.type.get_shape(), high, strict=True)
        ]
        new = tensor.PadOp(
            op.source,
            (),
            (),
            op.detach_region(op.region),
            low,
            high,
            TensorType(op.result.type.element_type, shape),
            op.nofold,
        )
        Rewriter.replace_op(op, new)

    def extract_slice(self, op: tensor.ExtractSliceOp) -> None:
        offsets = list(op.offsets)
        sizes = self.list(op, op.static_sizes, op.sizes)
        steps = self.list(op, op.static_strides, op.strides)
        starts: list[SSAValue | int] = []
        for n in op.static_offsets.get_values():
            if n == DYNAMIC_INDEX:
                v = offsets.pop(0)
                starts.append(self.known.get(v, v))
            else:
                starts.append(int(n))
        old = op.result.type
        assert isa(old, TensorType)
        shape = sizes
        if old.get_num_dims() != len(sizes):
            kept = [n for n in sizes if n != 1]
            shape = kept if len(kept) == old.get_num_dims() else list(old.get_shape())
        new = TensorType(old.element_type, shape)
        Rewriter.replace_op(
            op, tensor.ExtractSliceOp(op.source, starts, sizes, steps, new)
        )
