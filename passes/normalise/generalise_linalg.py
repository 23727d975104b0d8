"""generalise-linalg: every named linalg operation becomes `linalg.generic`.

    %c = linalg.matmul ins(%a, %b : tensor<MxKxf32>, tensor<KxNxf32>) outs(%z : ...)
->
    %c = linalg.generic {indexing_maps = [(m, n, k) -> (m, k), (m, n, k) -> (k, n),
                                          (m, n, k) -> (m, n)],
                         iterator_types = ["parallel", "parallel", "reduction"]}
           ins(%a, %b : ...) outs(%z : ...) {
         ^bb0(%x: f32, %y: f32, %acc: f32):
           %p = arith.mulf %x, %y : f32
           %s = arith.addf %acc, %p : f32
           linalg.yield %s : f32
         }

`linalg.fill` stays: it is what makes a destination. The window operand of a pooling
stays an operand: its shape gives the extents of the window's loops. An operation whose
loops make no trip is what its destinations were. A destination on tensors that is
written all over without being read is an empty tensor, so that nothing waits for what
stood there:

    %y = linalg.exp ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>)
->
    %e = tensor.empty() : tensor<4xf32>
    %y = linalg.generic ... ins(%x : ..) outs(%e : tensor<4xf32>) { math.exp }

A destination that is a constant of one number is filled with it, so that no later pass
has to know two forms of it:

    %z = arith.constant dense<0.0> : tensor<4x5xf32>
->
    %e = tensor.empty() : tensor<4x5xf32>
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x5xf32>)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, math, memref, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    AnyFloat,
    FloatAttr,
    IndexType,
    MemRefType,
    ModuleOp,
    TensorType,
)
from xdsl.dialects.linalg import abstract_ops, ops
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.linalg.named_ops import iterator_types_of
from brdialect.linalg.region_ops import tensor_types
from brdialect.xdsl_repairs import MapOp, SoftmaxOp
from passes.shared.linalg_match import is_permutation, maps_of
from passes.shared.load_time import splat_value

KEPT = (ops.GenericOp, ops.FillOp, ops.YieldOp, ops.IndexOp)


def dropped_dimensions_map(rank: int, dropped: Sequence[int]) -> AffineMap:
    """`(d0, d1, d2) -> (d0, d2)` where 1 is dropped of 3."""
    kept = tuple(AffineDimExpr(i) for i in range(rank) if i not in dropped)
    return AffineMap(rank, 0, kept)


def generic(
    inputs: Sequence[SSAValue],
    outputs: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    body: Region,
) -> ops.GenericOp:
    """A `linalg.generic` whose iterator types follow from the last output's map."""
    return ops.GenericOp(
        inputs,
        outputs,
        body,
        [AffineMapAttr(m) for m in maps],
        iterator_types_of(maps),
        tensor_types(outputs),
    )


def generalise_structured(op: abstract_ops.LinalgStructuredOperation) -> Operation:
    """The operation's own maps, iterators and body, written out."""
    outputs = 1 if isinstance(op, MapOp) else len(op.outputs)
    operands = list(op.operands)
    result = ops.GenericOp(
        operands[:-outputs],
        operands[-outputs:],
        op.body.clone(),
        op.get_indexing_maps(),
        op.get_iterator_types(),
        op.result_types,
    )
    result.attributes |= op.attributes
    return result


def generalise_broadcast(op: ops.BroadcastOp) -> Operation:
    """Reads the input without the added dimensions."""
    init = cast(TensorType | MemRefType, op.init.type)
    rank = len(init.get_shape())
    source = dropped_dimensions_map(rank, op.dimensions.get_values())
    result = generic(
        [op.input],
        [op.init],
        [source, AffineMap.identity(rank)],
        op.hidden_region.clone(),
    )
    result.attributes |= op.attributes
    return result


Element = Callable[..., SSAValue]


def _body(types: Sequence[Attribute], element: Element) -> Region:
    block = Block(arg_types=types)
    with ImplicitBuilder(block):
        ops.YieldOp(element(*block.args))
    return Region(block)


def _subtract_and_exp(x: SSAValue, largest: SSAValue, _: SSAValue) -> SSAValue:
    return math.ExpOp(arith.SubfOp(x, largest)).result


def _divide(x: SSAValue, total: SSAValue, _: SSAValue) -> SSAValue:
    return arith.DivfOp(x, total).result


def _add(x: SSAValue, total: SSAValue) -> SSAValue:
    return arith.AddfOp(total, x).result


def _maximum(x: SSAValue, largest: SSAValue) -> SSAValue:
    return arith.MaximumfOp(largest, x).result


@dataclass
class SoftmaxExpansion:
    """Writes softmax along dimension `d` as four generics.

        %out = linalg.softmax dimension(d) ins(%x) outs(%y)
    ->
        %max   = linalg.generic  max[..]      = max(max[..], x[.. d ..])   from -inf
        %exp   = linalg.generic  y[.. d ..]   = exp(x[.. d ..] - max[..])
        %sum   = linalg.generic  sum[..]     += y[.. d ..]                 from 0
        %out   = linalg.generic  y[.. d ..]   = y[.. d ..] / sum[..]
    """

    op: SoftmaxOp

    def __post_init__(self) -> None:
        self.type = cast(TensorType | MemRefType, self.op.output.type)
        element = self.type.element_type
        if not isinstance(element, AnyFloat):
            unsupported(
                self.op,
                f"expected a softmax of floats, got {element}; cast the input first",
            )
        if self.op.input.type != self.type and isinstance(self.type, TensorType):
            unsupported(
                self.op,
                f"expected input and output of one type, got {self.op.input.type} and "
                f"{self.type}; cast the input first",
            )
        self.element = element
        self.on_tensors = isinstance(self.type, TensorType)
        rank, dimension = len(self.type.get_shape()), self.op.dimension.value.data
        self.kept = [i for i in range(rank) if i != dimension]
        self.full = AffineMap.identity(rank)
        self.reduced = dropped_dimensions_map(rank, [dimension])
        self.added: list[Operation] = []

    def _add(self, op: Operation) -> Operation:
        op.location = self.op.location
        self.added.append(op)
        return op

    def _filled(self, value: float) -> SSAValue:
        """A destination of the reduced shape, filled with `value`."""
        shape = [self.type.get_shape()[i] for i in self.kept]
        sizes = self._dynamic_sizes()
        start = self._add(arith.ConstantOp(FloatAttr(value, self.element))).results[0]
        if self.on_tensors:
            made = self._add(tensor.EmptyOp(sizes, TensorType(self.element, shape)))
            result_types = [made.results[0].type]
        else:
            made = self._add(memref.AllocOp.get(self.element, 64, shape, sizes))
            result_types = []
        fill = ops.FillOp([start], [made.results[0]], result_types)
        self._add(fill)
        return fill.results[0] if self.on_tensors else made.results[0]

    def _dynamic_sizes(self) -> list[SSAValue]:
        dim = tensor.DimOp if self.on_tensors else memref.DimOp
        sizes: list[SSAValue] = []
        for i in self.kept:
            if self.type.get_shape()[i] < 0:
                index = self._add(arith.ConstantOp.from_int_and_width(i, IndexType()))
                size = dim(self.op.output, index.results[0])
                sizes.append(self._add(size).results[0])
        return sizes

    def _reduce(self, x: SSAValue, start: float, element: Element) -> SSAValue:
        into = self._filled(start)
        body = _body([self.element] * 2, element)
        op = self._add(generic([x], [into], [self.full, self.reduced], body))
        return op.results[0] if self.on_tensors else into

    def _map(self, x: SSAValue, reduced: SSAValue, element: Element) -> SSAValue:
        maps = [self.full, self.reduced, self.full]
        body = _body([self.element] * 3, element)
        op = self._add(generic([x, reduced], [self.op.output], maps, body))
        return op.results[0] if self.on_tensors else self.op.output

    def expand(self) -> tuple[list[Operation], list[SSAValue]]:
        """The new operations in order, and what replaces the results."""
        largest = self._reduce(self.op.input, float("-inf"), _maximum)
        exps = self._map(self.op.input, largest, _subtract_and_exp)
        total = self._reduce(exps, 0.0, _add)
        result = self._map(exps, total, _divide)
        if not self.on_tensors:
            self._add(memref.DeallocOp.get(largest))
            self._add(memref.DeallocOp.get(total))
        return self.added, [result] if self.on_tensors else []


class GeneraliseLinalg(RewritePattern):
    """See the module's docstring."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not op.name.startswith("linalg.") or isinstance(op, KEPT):
            return
        if isinstance(op, SoftmaxOp):
            added, results = SoftmaxExpansion(op).expand()
            rewriter.replace(op, added, results)
            return
        if isinstance(op, ops.BroadcastOp):
            new = generalise_broadcast(op)
        elif isinstance(op, abstract_ops.LinalgStructuredOperation):
            new = generalise_structured(op)
        else:
            unsupported(
                op,
                "expected a named linalg operation with a known body, got one that "
                "generalise-linalg does not know; write it as linalg.generic",
            )
        new.location = op.location
        rewriter.replace(op, new)


def is_empty(op: ops.GenericOp) -> bool:
    """Whether one of its loops, on tensors, makes no trip."""
    shaped = (v.type for v in op.operands)
    return bool(op.res) and any(
        0 in t.get_shape() for t in shaped if isa(t, TensorType)
    )


class DropEmpty(RewritePattern):
    """An op without a trip, as the module's docstring has it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ops.GenericOp, rewriter: PatternRewriter) -> None:
        if is_empty(op):
            rewriter.replace(op, [], op.outputs)


def is_only_written(op: ops.GenericOp | ops.FillOp, number: int) -> bool:
    """Whether an op writes every element of a destination and reads none."""
    if isinstance(op, ops.FillOp):
        return True
    at = len(op.inputs) + number
    return is_permutation(maps_of(op)[at]) and not op.body.block.args[at].uses


class FreeDestination(RewritePattern):
    """An empty tensor where nothing is read, as the module's docstring has it."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ops.GenericOp | ops.FillOp):
            return
        for number, v in enumerate(op.outputs):
            type_ = v.type
            if isinstance(v.owner, tensor.EmptyOp) or not is_only_written(op, number):
                continue
            if isa(type_, TensorType) and type_.has_static_shape():
                empty = tensor.EmptyOp((), type_)
                empty.location = op.location
                rewriter.insert(empty)
                op.operands[len(op.inputs) + number] = empty.tensor
                rewriter.notify_op_modified(op)


class FillDestination(RewritePattern):
    """A destination of one number, as the module's docstring has it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ops.GenericOp, rewriter: PatternRewriter) -> None:
        for place, v in enumerate(op.outputs):
            if (number := splat_value(v.owner)) is None:
                continue
            scalar = arith.ConstantOp(number)
            empty = tensor.EmptyOp((), v.type)
            fill = ops.FillOp([scalar.result], [empty.tensor], [v.type])
            for made in (scalar, empty, fill):
                made.location = op.location
            rewriter.insert((scalar, empty, fill))
            op.operands[len(op.inputs) + place] = fill.res[0]
            rewriter.notify_op_modified(op)


@dataclass(frozen=True)
class GeneraliseLinalgPass(ModulePass):
    """Writes every named linalg operation, but fill, as `linalg.generic`."""

    name = "generalise-linalg"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(
            GeneraliseLinalg(), apply_recursively=False
        ).rewrite_module(op)
        for pattern in (DropEmpty(), FreeDestination(), FillDestination()):
            PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(op)
