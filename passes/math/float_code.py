"""Formulas as code: operators on SSA values that emit arith and math operations.

`Float` and `Int` wrap a scalar or a vector; plain numbers beside them become constants
of the same type. Nothing here is contracted or reassociated: `fma` fuses where it is
written, and only there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    AnyFloat,
    FixedBitwidthType,
    Float32Type,
    Float64Type,
    IntegerType,
    VectorType,
    f64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from brdialect.xdsl_repairs import CmpfOp, CmpiOp, SelectOp, with_element
from passes.shared.vectorise import splat

Mask = SSAValue
"""An i1, or a vector of i1."""


def element_type(type_: Attribute) -> Attribute:
    """Of a scalar, itself."""
    return type_.element_type if isa(type_, VectorType) else type_


def bit_width(type_: Attribute) -> int:
    """Of an integer or index."""
    return type_.bitwidth if isinstance(type_, FixedBitwidthType) else 64


def constant(number: float, type_: Attribute) -> SSAValue:
    """A number, in every lane of a vector."""
    lanes = type_.get_shape()[0] if isa(type_, VectorType) else None
    return splat(number, element_type(type_), lanes)


@dataclass(frozen=True)
class Format:
    """What the formulas need to know of a floating-point type."""

    bits: int
    mantissa: int
    bias: int

    @property
    def shifter(self) -> float:
        """1.5 * 2^mantissa: added to a small number it leaves that number, rounded to
        an integer, in the low bits."""
        return 1.5 * 2.0**self.mantissa


FORMATS: dict[AnyFloat, Format] = {
    Float32Type(): Format(32, 23, 127),
    Float64Type(): Format(64, 52, 1023),
}


@dataclass(frozen=True)
class Float:
    """A floating-point value."""

    value: SSAValue

    @property
    def format(self) -> Format:
        """Of its elements."""
        return FORMATS[self.element]

    @property
    def element(self) -> AnyFloat:
        """The type of its elements."""
        found = element_type(self.value.type)
        assert isinstance(found, AnyFloat)
        return found

    def like(self, other: Float | float) -> SSAValue:
        """`other` as a value of this type."""
        if isinstance(other, Float):
            return other.value
        return constant(other, self.value.type)

    def number(self, number: float) -> Float:
        """A constant of this type."""
        return Float(constant(number, self.value.type))

    def __add__(self, other: Float | float) -> Float:
        return Float(arith.AddfOp(self.value, self.like(other)).result)

    def __radd__(self, other: float) -> Float:
        return Float(arith.AddfOp(self.like(other), self.value).result)

    def __sub__(self, other: Float | float) -> Float:
        return Float(arith.SubfOp(self.value, self.like(other)).result)

    def __rsub__(self, other: float) -> Float:
        return Float(arith.SubfOp(self.like(other), self.value).result)

    def __mul__(self, other: Float | float) -> Float:
        return Float(arith.MulfOp(self.value, self.like(other)).result)

    def __rmul__(self, other: float) -> Float:
        return self * other

    def __truediv__(self, other: Float | float) -> Float:
        return Float(arith.DivfOp(self.value, self.like(other)).result)

    def __rtruediv__(self, other: float) -> Float:
        return Float(arith.DivfOp(self.like(other), self.value).result)

    def __neg__(self) -> Float:
        return Float(arith.NegfOp(self.value).result)

    def _compare(self, predicate: str, other: Float | float) -> Mask:
        return CmpfOp(self.value, self.like(other), predicate).result

    def __lt__(self, other: Float | float) -> Mask:
        return self._compare("olt", other)

    def __gt__(self, other: Float | float) -> Mask:
        return self._compare("ogt", other)

    def __ge__(self, other: Float | float) -> Mask:
        return self._compare("oge", other)

    def equals(self, other: Float | float) -> Mask:
        """False for a NaN."""
        return self._compare("oeq", other)

    def differs(self, other: Float | float) -> Mask:
        """False for a NaN."""
        return self._compare("one", other)

    def not_below(self, other: Float | float) -> Mask:
        """Above, equal or NaN."""
        return self._compare("uge", other)

    def is_nan(self) -> Mask:
        """Unordered with itself."""
        return self._compare("uno", self)

    def fma(self, factor: Float | float, term: Float | float) -> Float:
        """self * factor + term, rounded once."""
        operands = (self.value, self.like(factor), self.like(term))
        return Float(math.FmaOp(*operands).result)

    def abs(self) -> Float:
        """Without its sign."""
        return Float(math.AbsFOp(self.value).result)

    def sqrt(self) -> Float:
        """Correctly rounded."""
        return Float(math.SqrtOp(self.value).result)

    def roundeven(self) -> Float:
        """The nearest integer."""
        return Float(math.RoundEvenOp(self.value).result)

    def floor(self) -> Float:
        """The integer below."""
        return Float(math.FloorOp(self.value).result)

    def with_sign_of(self, other: Float) -> Float:
        """copysign."""
        return Float(math.CopySignOp(self.value, other.value).result)

    def where(self, mask: Mask, otherwise: Float | float) -> Float:
        """This one where the mask holds."""
        return Float(SelectOp(mask, self.value, self.like(otherwise)).result)

    def unless(self, mask: Mask, other: Float | float) -> Float:
        """`other` where the mask holds."""
        return Float(SelectOp(mask, self.like(other), self.value).result)

    def bits(self) -> Int:
        """The same bits as an integer."""
        type_ = with_element(self.value.type, IntegerType(self.format.bits))
        return Int(arith.BitcastOp(self.value, type_).result)

    def cast(self, element: AnyFloat) -> Float:
        """Extended or rounded to another type."""
        if self.element == element:
            return self
        type_ = with_element(self.value.type, element)
        if self.element.bitwidth < element.bitwidth:
            return Float(arith.ExtFOp(self.value, type_).result)
        return Float(arith.TruncFOp(self.value, type_).result)


@dataclass(frozen=True)
class Int:
    """An integer."""

    value: SSAValue

    def like(self, other: Int | int) -> SSAValue:
        """`other` as a value of this type."""
        if isinstance(other, Int):
            return other.value
        width = bit_width(element_type(self.value.type))
        signed = other - (1 << width) if other >> (width - 1) == 1 else other
        return constant(signed, self.value.type)

    def number(self, number: int) -> Int:
        """A constant of this type."""
        return Int(self.like(number))

    def __add__(self, other: Int | int) -> Int:
        return Int(arith.AddiOp(self.value, self.like(other)).result)

    def __sub__(self, other: Int | int) -> Int:
        return Int(arith.SubiOp(self.value, self.like(other)).result)

    def __mul__(self, other: Int | int) -> Int:
        return Int(arith.MuliOp(self.value, self.like(other)).result)

    def __and__(self, other: Int | int) -> Int:
        return Int(arith.AndIOp(self.value, self.like(other)).result)

    def __or__(self, other: Int | int) -> Int:
        return Int(arith.OrIOp(self.value, self.like(other)).result)

    def __lshift__(self, other: Int | int) -> Int:
        return Int(arith.ShLIOp(self.value, self.like(other)).result)

    def __rshift__(self, other: Int | int) -> Int:
        """Shifts zeros in."""
        return Int(arith.ShRUIOp(self.value, self.like(other)).result)

    def shift_signed(self, other: Int | int) -> Int:
        """Shifts the sign in."""
        return Int(arith.ShRSIOp(self.value, self.like(other)).result)

    def compare(self, predicate: str, other: Int | int) -> Mask:
        """`arith.cmpi`."""
        return CmpiOp(self.value, self.like(other), predicate).result

    def where(self, mask: Mask, otherwise: Int | int) -> Int:
        """This one where the mask holds."""
        return Int(SelectOp(mask, self.value, self.like(otherwise)).result)

    def as_float(self, element: AnyFloat) -> Float:
        """The same bits as a floating-point number."""
        type_ = with_element(self.value.type, element)
        return Float(arith.BitcastOp(self.value, type_).result)

    def extended(self, element: IntegerType) -> Int:
        """The same number, not negative, as a wider integer."""
        type_ = with_element(self.value.type, element)
        op = arith.ExtUIOp.build(operands=(self.value,), result_types=(type_,))
        return Int(op.result)

    def to_float(self, element: AnyFloat = f64) -> Float:
        """The same number as a floating-point number."""
        type_ = with_element(self.value.type, element)
        op = arith.SIToFPOp.build(operands=(self.value,), result_types=(type_,))
        return Float(op.result)


def polynomial(x: Float, coefficients: Sequence[float]) -> Float:
    """Horner's rule with fused multiply-adds; the lowest coefficient comes first."""
    *rest, highest = coefficients
    total = Float(constant(highest, x.value.type))
    for c in reversed(rest):
        total = total.fma(x, c)
    return total


def both(a: Mask, b: Mask) -> Mask:
    """a and b."""
    return arith.AndIOp(a, b).result


def either(a: Mask, b: Mask) -> Mask:
    """a or b."""
    return arith.OrIOp(a, b).result
