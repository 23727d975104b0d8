"""Arithmetic on one element, as it is written: the bodies of linalg.generic.

    b.map(lambda x: (x > 0).choose(x, x * 0.1), ...)
    ->
    ^bb0(%x: f32, %out: f32):
      %c = arith.cmpf ogt, %x, %zero : f32
      ...

All operations go to the enclosing `ImplicitBuilder`. A `Scalar` knows numpy's type, for
MLIR's integers have no sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue

from frontends.elements import DType, constant_op, element_type, is_float

Number = float | int

INFINITY = float("inf")

INDEX = np.dtype(np.intp)
"""numpy's type for positions. As the type of a scalar it means MLIR's index only where
the value has that type."""

BOOL = np.dtype(np.bool_)

Make = Callable[..., Any]

_COMPARE = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


def _wide(to: DType) -> DType:
    """The integers in which a float is cut before those of type `to` are taken from
    their low bits, as C and numpy do."""
    if to.itemsize == 8:
        return to
    unsigned = to.itemsize == 4 and to.kind == "u"
    return np.dtype(np.int64 if unsigned else np.int32)


@dataclass(frozen=True, eq=False)
class Scalar:
    """One element, as a value of MLIR."""

    value: SSAValue
    dtype: DType

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point number."""
        return is_float(self.dtype)

    @property
    def is_unsigned(self) -> bool:
        """Whether it is an integer without a sign, or a truth value."""
        return self.dtype.kind in "ub"

    def like(self, other: Scalar | Number) -> SSAValue:
        """`other` as a value of this type."""
        if isinstance(other, Scalar):
            return other.value
        return constant_op(other, self.value.type).result

    def constant(self, number: Number) -> Scalar:
        """A number of this type."""
        return self._same(self.like(number))

    def _same(self, value: SSAValue) -> Scalar:
        return Scalar(value, self.dtype)

    def _binary(
        self, other: Scalar | Number, of_floats: Make, signed: Make, unsigned: Make
    ) -> Scalar:
        make = of_floats if self.is_float else unsigned if self.is_unsigned else signed
        return self._same(make(self.value, self.like(other)).results[0])

    def __add__(self, other: Scalar | Number) -> Scalar:
        return self._binary(other, arith.AddfOp, arith.AddiOp, arith.AddiOp)

    def __radd__(self, other: Number) -> Scalar:
        return self + other

    def __sub__(self, other: Scalar | Number) -> Scalar:
        return self._binary(other, arith.SubfOp, arith.SubiOp, arith.SubiOp)

    def __rsub__(self, other: Number) -> Scalar:
        return self.constant(other) - self

    def __mul__(self, other: Scalar | Number) -> Scalar:
        return self._binary(other, arith.MulfOp, arith.MuliOp, arith.MuliOp)

    def __rmul__(self, other: Number) -> Scalar:
        return self * other

    def __truediv__(self, other: Scalar | Number) -> Scalar:
        """Integers are cut towards zero; what is divided by 0 is left."""
        if self.is_float:
            return self._same(arith.DivfOp(self.value, self.like(other)).result)
        return self._divided(other, arith.DivSIOp, arith.DivUIOp)

    def __rtruediv__(self, other: Number) -> Scalar:
        return self.constant(other) / self

    def remainder(self, other: Scalar | Number) -> Scalar:
        """What C's % and fmod leave: with the sign of this one."""
        if self.is_float:
            divisor = self._same(self.like(other))
            rest = self - (self / divisor).trunc() * divisor
            # an infinity goes into no number
            beyond = (divisor.abs() == INFINITY) & (self.abs() < INFINITY)
            return beyond.choose(self, rest)
        return self._divided(other, arith.RemSIOp, arith.RemUIOp)

    def modulo(self, other: Scalar | Number) -> Scalar:
        """What Python's % leaves: with the sign of `other`."""
        other = self._same(self.like(other))
        rest = self.remainder(other)
        if self.is_unsigned:
            return rest
        wrong = (rest != 0) & ((rest < 0) ^ (other < 0))
        return wrong.choose(rest + other, rest)

    def _divided(self, other: Scalar | Number, signed: Make, unsigned: Make) -> Scalar:
        """Integers: the machine traps at a divisor of 0, and at the lowest number
        divided by -1, which is what it was before."""
        divisor = self._same(self.like(other))
        if isinstance(other, Scalar):
            trap = divisor == 0
            if not self.is_unsigned:
                lowest = self == int(np.iinfo(self.dtype).min)
                trap = trap | (lowest & (divisor == -1))
            divisor = trap.choose(self.constant(1), divisor)
        return self._binary(divisor, signed, signed, unsigned)

    def __and__(self, other: Scalar | Number) -> Scalar:
        return self._same(arith.AndIOp(self.value, self.like(other)).result)

    def __or__(self, other: Scalar | Number) -> Scalar:
        return self._same(arith.OrIOp(self.value, self.like(other)).result)

    def __xor__(self, other: Scalar | Number) -> Scalar:
        return self._same(arith.XOrIOp(self.value, self.like(other)).result)

    def __invert__(self) -> Scalar:
        return self ^ -1

    def __neg__(self) -> Scalar:
        if self.is_float:
            return self._same(arith.NegfOp(self.value).result)
        return 0 - self

    def shifted(self, by: Scalar, *, left: bool) -> Scalar:
        """By that many bits, all of them where that is below 0 or more than there are.
        To the right the sign comes in, where there is one."""
        make = arith.ShLIOp if left else arith.ShRUIOp
        if not left and not self.is_unsigned:
            make = arith.ShRSIOp
        bits = 8 * self.dtype.itemsize
        fits = (by >= 0) & (by < bits)
        amount = fits.choose(by, by.constant(0))
        rest = self.constant(0)
        if make is arith.ShRSIOp:
            rest = (self < 0).choose(self.constant(-1), rest)
        return fits.choose(self._same(make(self.value, amount.value).result), rest)

    # Comparisons

    def compare(self, sign: str, other: Scalar | Number) -> Scalar:
        """A truth value; false for NaN, but != which is true."""
        name = _COMPARE[sign]
        right = self.like(other)
        if self.is_float:
            ordered = "u" if sign == "!=" else "o"
            op = arith.CmpfOp(self.value, right, ordered + name)
        else:
            prefix = "" if name in ("eq", "ne") else "u" if self.is_unsigned else "s"
            op = arith.CmpiOp(self.value, right, prefix + name)
        return Scalar(op.result, BOOL)

    def __lt__(self, other: Scalar | Number) -> Scalar:
        return self.compare("<", other)

    def __le__(self, other: Scalar | Number) -> Scalar:
        return self.compare("<=", other)

    def __gt__(self, other: Scalar | Number) -> Scalar:
        return self.compare(">", other)

    def __ge__(self, other: Scalar | Number) -> Scalar:
        return self.compare(">=", other)

    def __eq__(self, other: object) -> Scalar:  # pyright: ignore
        assert isinstance(other, Scalar | float | int)
        return self.compare("==", other)

    def __ne__(self, other: object) -> Scalar:  # pyright: ignore
        assert isinstance(other, Scalar | float | int)
        return self.compare("!=", other)

    def is_nan(self) -> Scalar:
        """Whether it is no number."""
        return self != self

    def choose(self, yes: Scalar | Number, no: Scalar | Number) -> Scalar:
        """`yes` where this truth value holds; one of the two is a scalar."""
        model = yes if isinstance(yes, Scalar) else no
        assert isinstance(model, Scalar)
        op = arith.SelectOp(self.value, model.like(yes), model.like(no))
        return Scalar(op.result, model.dtype)

    def maximum(self, other: Scalar | Number) -> Scalar:
        """The larger; NaN if one is."""
        return self._binary(other, arith.MaximumfOp, arith.MaxSIOp, arith.MaxUIOp)

    def minimum(self, other: Scalar | Number) -> Scalar:
        """The smaller; NaN if one is."""
        return self._binary(other, arith.MinimumfOp, arith.MinSIOp, arith.MinUIOp)

    def at_least(self, bound: Number) -> Scalar:
        """The larger of this one and a number; NaN stays. One machine instruction."""
        if not self.is_float:
            return self.maximum(bound)
        low = self.constant(bound)
        op = arith.CmpfOp(self.value, low.value, "ugt")
        return Scalar(op.result, BOOL).choose(self, low)

    def at_most(self, bound: Number) -> Scalar:
        """The smaller of this one and a number; NaN stays."""
        if not self.is_float:
            return self.minimum(bound)
        high = self.constant(bound)
        op = arith.CmpfOp(self.value, high.value, "ult")
        return Scalar(op.result, BOOL).choose(self, high)

    # Functions

    def of(self, function: Make) -> Scalar:
        """A function of the math dialect, such as `x.of(math.ExpOp)`."""
        return self._same(function(self.value).results[0])

    def exp(self) -> Scalar:
        return self.of(math.ExpOp)

    def log(self) -> Scalar:
        return self.of(math.LogOp)

    def sqrt(self) -> Scalar:
        return self.of(math.SqrtOp)

    def tanh(self) -> Scalar:
        return self.of(math.TanhOp)

    def trunc(self) -> Scalar:
        """Without what stands behind the point."""
        return self.of(math.TruncOp)

    def sigmoid(self) -> Scalar:
        """1 / (1 + exp(-x))"""
        return 1 / (1 + (-self).exp())

    def abs(self) -> Scalar:
        """Without its sign."""
        if self.is_float:
            return self.of(math.AbsFOp)
        return self if self.is_unsigned else self.maximum(-self)

    def power(self, exponent: Scalar) -> Scalar:
        """This one to that power; of two integers an integer."""
        make = math.PowFOp if self.is_float else math.IPowIOp
        return self._same(make(self.value, exponent.value).result)

    # Types

    def cast(self, to: DType) -> Scalar:
        """The same number in another type; floats are cut towards zero, integers keep
        their low bits, and a truth value is whether it differs from 0."""
        if to == self.dtype and not isinstance(self.value.type, IndexType):
            return self
        if to == BOOL:
            return self != 0
        type_ = element_type(to)
        if isinstance(self.value.type, IndexType):
            return Scalar(arith.IndexCastOp(self.value, type_).result, to)
        if self.is_float:
            return self._from_float(to)
        if is_float(to):
            return self._integer_to_float(to)
        if to.itemsize > self.dtype.itemsize or self.dtype == BOOL:
            wider = arith.ExtUIOp if self.is_unsigned else arith.ExtSIOp
            return self._converted(wider, to)
        if to.itemsize < self.dtype.itemsize:
            return self._converted(arith.TruncIOp, to)
        return Scalar(self.value, to)

    def _converted(self, make: Make, to: DType) -> Scalar:
        return Scalar(make(self.value, element_type(to)).results[0], to)

    def _integer_to_float(self, to: DType) -> Scalar:
        if to.itemsize < 4:
            return self._integer_to_float(np.dtype(np.float32)).cast(to)
        return self._converted(
            arith.UIToFPOp if self.is_unsigned else arith.SIToFPOp, to
        )

    def _from_float(self, to: DType) -> Scalar:
        if not is_float(to):
            wide = _wide(to)
            cut = arith.FPToUIOp if wide.kind == "u" else arith.FPToSIOp
            return self._converted(cut, wide).cast(to)
        if to.itemsize > self.dtype.itemsize:
            return self._converted(arith.ExtFOp, to)
        if to.itemsize == self.dtype.itemsize or self.dtype.itemsize - to.itemsize > 4:
            # between f16 and bf16, and from f64: by f32
            return self._from_float(np.dtype(np.float32)).cast(to)
        return self._converted(arith.TruncFOp, to)

    def bits(self, to: DType) -> Scalar:
        """The same bits as another type of as many."""
        if self.dtype == BOOL:
            return self.cast(to)
        type_ = element_type(to)
        if type_ == self.value.type:
            return Scalar(self.value, to)
        return Scalar(arith.BitcastOp(self.value, type_).result, to)

    def index(self) -> Scalar:
        """An integer as a position."""
        if isinstance(self.value.type, IndexType):
            return self
        value = self.value
        if self.is_unsigned:
            value = self.cast(np.dtype(np.int64)).value
        return Scalar(arith.IndexCastOp(value, IndexType()).result, INDEX)
