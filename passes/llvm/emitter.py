"""What the lowerings of arith, vector and memref emit and ask in many places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    VectorType,
    f32,
    i1,
    i16,
    i32,
    i64,
)
from xdsl.dialects.utils import FastMathAttrBase
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from brdialect.llvm_ops import FCmpOp, SelectOp
from passes.llvm.block_emitter import NO_FLAGS
from passes.llvm.lowering import FunctionLowering
from passes.llvm.types import number

NO_OVERFLOW_FLAGS: dict[str, Attribute] = {"overflowFlags": IntegerAttr(0, i32)}


def element_of(t: Attribute) -> Attribute:
    """The element type of a vector, or the scalar type itself."""
    return t.element_type if isa(t, VectorType) else t


def like(t: Attribute, element: Attribute) -> Attribute:
    """`t` with another element type."""
    return VectorType(element, t.shape) if isa(t, VectorType) else element


def uniform(value: int | float, t: Attribute) -> Attribute:
    """The constant `value` of type `t`, in all lanes of a vector."""
    element = element_of(t)
    if isa(t, VectorType):
        return dense([value] * t.get_shape()[0], t)
    if isa(element, IntegerType):
        return IntegerAttr(int(value), element)
    return FloatAttr(value, cast(AnyFloat, element))


def dense(values: Sequence[int | float], t: VectorType) -> Attribute:
    """The constant vector of `values`."""
    return DenseIntOrFPElementsAttr.from_list(
        cast("VectorType[AnyFloat]", t), cast("Sequence[float]", values)
    )


def fastmath(op: Operation) -> llvm.FastMathAttr:
    """The fast-math flags of `op`, as the llvm dialect spells them."""
    flags = op.properties.get("fastmath", op.attributes.get("fastmath"))
    if isinstance(flags, FastMathAttrBase) and flags.data:
        return llvm.FastMathAttr(flags.data)
    return NO_FLAGS


class Emitter:
    """Short names for the handful of operations that the expansions below emit."""

    def __init__(self, low: FunctionLowering, t: Attribute) -> None:
        self.low, self.type = low, t

    def constant(self, value: int | float) -> SSAValue:
        return self.low.constant(uniform(value, self.type), self.type)

    def binary(self, cls: type[Operation], x: SSAValue, y: SSAValue) -> SSAValue:
        overflow = cls in (llvm.AddOp, llvm.SubOp, llvm.MulOp, llvm.ShlOp)
        return self.low.compute(
            cls, (x, y), x.type, NO_OVERFLOW_FLAGS if overflow else None
        )

    def compare(self, predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
        code = llvm.ICmpPredicateFlag(predicate).to_int()
        return self.low.compute(
            llvm.ICmpOp,
            (x, y),
            like(x.type, i1),
            {"predicate": number(code)},
        )

    def compare_floats(self, predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
        code = llvm.FCmpPredicateFlag(predicate).to_int()
        flags: dict[str, Attribute] = {"fastmathFlags": NO_FLAGS}
        return self.low.compute(
            FCmpOp, (x, y), like(x.type, i1), {"predicate": number(code), **flags}
        )

    def cast(self, cls: type[Operation], x: SSAValue, element: Attribute) -> SSAValue:
        """As it is where it has that type: LLVM has no zext of i1 to i1."""
        if x.type == like(x.type, element):
            return x
        return self.low.compute(cls, (x,), like(x.type, element))

    def select(self, cond: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
        return self.low.compute(
            SelectOp, (cond, x, y), x.type, {"fastmathFlags": NO_FLAGS}
        )


# bf16: few CPUs compute in it, and LLVM would call the compiler's run-time library


def widen(low: FunctionLowering, x: SSAValue) -> SSAValue:
    """A bf16 as f32: its bits are the upper half of the f32's. Not by llvm.fpext: LLVM
    would compute the floor of that in bf16, with a call."""
    e = Emitter(low, like(x.type, i32))
    bits = low.compute(llvm.BitcastOp, (x,), like(x.type, i16))
    upper = e.binary(llvm.ShlOp, e.cast(llvm.ZExtOp, bits, i32), e.constant(16))
    return low.compute(llvm.BitcastOp, (upper,), like(x.type, f32))


def round_to_odd(low: FunctionLowering, x: SSAValue) -> SSAValue:
    """An f64 between two f32 as the one whose last bit is 1: rounded to 16 bits it
    gives what x gives (Boldo and Melquiond, "Emulation of FMA and correctly rounded
    sums", 2008). x86 has no instruction from f64 to f16.

    y = f32(x); y + (|y| < |x| ? 1 : -1) in the last place where y != x and y is even
    """
    e = Emitter(low, like(x.type, i32))
    nearest = low.compute(llvm.FPTruncOp, (x,), like(x.type, f32))
    bits = low.compute(llvm.BitcastOp, (nearest,), like(x.type, i32))
    back = low.compute(llvm.FPExtOp, (nearest,), x.type)
    # of numbers with one sign the order is that of their bits
    there, here = (
        low.compute(llvm.BitcastOp, (v,), like(x.type, i64)) for v in (x, back)
    )
    one = e.constant(1)
    step = e.select(e.compare("ult", here, there), one, e.constant(-1))
    moved = e.binary(llvm.AddOp, bits, step)
    even = e.compare("eq", e.binary(llvm.AndOp, bits, one), e.constant(0))
    inexact = e.compare_floats("one", x, back)
    odd = e.select(e.binary(llvm.AndOp, even, inexact), moved, bits)
    return low.compute(llvm.BitcastOp, (odd,), like(x.type, f32))


def round_to_bf16(low: FunctionLowering, x: SSAValue) -> SSAValue:
    """An f32 as the nearest bf16, ties to even:

    bits + 0x7fff + (bits >> 16 & 1)) >> 16, and a quiet NaN for a NaN
    """
    wide = like(x.type, i32)
    e = Emitter(low, wide)
    bits = low.compute(llvm.BitcastOp, (x,), wide)
    sixteen = e.constant(16)
    upper = e.binary(llvm.LShrOp, bits, sixteen)
    odd = e.binary(llvm.AndOp, upper, e.constant(1))
    bias = e.binary(llvm.AddOp, odd, e.constant(0x7FFF))
    rounded = e.binary(llvm.LShrOp, e.binary(llvm.AddOp, bits, bias), sixteen)
    quiet = e.binary(llvm.OrOp, upper, e.constant(0x40))
    is_nan = e.compare_floats("uno", x, x)
    half = e.cast(llvm.TruncOp, e.select(is_nan, quiet, rounded), i16)
    return low.compute(llvm.BitcastOp, (half,), like(x.type, BFloat16Type()))


def is_bf16(t: Attribute) -> bool:
    """Whether the elements are bf16."""
    return isinstance(element_of(t), BFloat16Type)
