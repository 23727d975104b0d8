"""Sums of products of f16 or bf16 are kept in f32, as tensor cores add them up.

    %r = linalg.generic {maps..} ins(%a, %b : f16) outs(%c : f16) { c + a * b }
    ->
    %w = linalg.generic ins(%c) outs(%e : f32) { extf }     // or a fill, if %c is one
    %s = linalg.generic {maps..} ins(%a, %b : f16) outs(%w : f32) { w + a * b in f32 }
    %r = linalg.generic ins(%s) outs(%e' : f16) { truncf }

normalise-contractions does this first, where the target is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    Float16Type,
    FloatAttr,
    ModuleOp,
    TensorType,
    f32,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.hints import isa

from passes.normalise.generalise_linalg import generic
from passes.shared.linalg_match import is_copy, maps_of, multiply_add, zero_fill


def is_narrow(value: SSAValue) -> bool:
    """Whether a value is a tensor of known sizes of f16 or bf16."""
    return (
        isa(value.type, TensorType)
        and isinstance(value.type.element_type, Float16Type | BFloat16Type)
        and value.type.has_static_shape()
    )


def converted(
    source: SSAValue, element: AnyFloat, convert: Callable[[SSAValue], SSAValue]
) -> SSAValue:
    """Emits a tensor's elements in another type."""
    assert isa(source.type, TensorType)
    type_ = TensorType(element, source.type.get_shape())
    block = Block(arg_types=[source.type.element_type, element])
    with ImplicitBuilder(block) as (x, _):
        linalg.YieldOp(convert(x))
    identity = AffineMap.identity(type_.get_num_dims())
    empty = tensor.EmptyOp((), type_)
    return generic([source], [empty.tensor], [identity] * 2, Region(block)).res[0]


def widened(c: SSAValue) -> SSAValue:
    """Emits what a sum begins with, in f32."""
    assert isa(c.type, TensorType)
    if zero_fill(c):
        empty = tensor.EmptyOp((), TensorType(f32, c.type.get_shape()))
        zero = arith.ConstantOp(FloatAttr(0.0, f32))
        outs = [empty.tensor]
        return linalg.FillOp([zero.result], outs, [empty.tensor.type]).res[0]
    if is_copy(copy := c.owner):  # a bias, which becomes part of the epilogue
        source = converted(copy.inputs[0], f32, extended)
        empty = tensor.EmptyOp((), TensorType(f32, c.type.get_shape()))
        block = Block(arg_types=[f32, f32])
        with ImplicitBuilder(block) as (x, _):
            linalg.YieldOp(x)
        maps = maps_of(copy)
        return generic([source], [empty.tensor], maps, Region(block)).res[0]
    return converted(c, f32, extended)


def extended(x: SSAValue) -> SSAValue:
    """A number in f32."""
    return arith.ExtFOp(x, f32).result


class WidenSum(RewritePattern):
    """See the module's docstring."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if len(op.inputs) != 2 or len(op.outputs) != 1:
            return
        if not multiply_add(op.body.block) or not all(map(is_narrow, op.operands)):
            return
        (c,) = op.outputs
        assert isa(c.type, TensorType)
        narrow = c.type.element_type
        assert isinstance(narrow, Float16Type | BFloat16Type)
        block = Block(arg_types=[narrow, narrow, f32])
        with ImplicitBuilder(block) as (a, b, so_far):
            x, y = (arith.ExtFOp(v, f32).result for v in (a, b))
            product = arith.MulfOp(x, y).result
            linalg.YieldOp(arith.AddfOp(so_far, product).result)
        with ImplicitBuilder(rewriter):
            wide = generic(op.inputs, [widened(c)], maps_of(op), Region(block))
            wide.location = op.location
            wide.attributes |= op.attributes
            back = converted(
                wide.res[0], narrow, lambda x: arith.TruncFOp(x, narrow).result
            )
        rewriter.replace(op, (), (back,))


def widen_sums(module: ModuleOp) -> None:
    """Rewrites all sums of a module."""
    PatternRewriteWalker(WidenSum(), apply_recursively=False).rewrite_module(module)
