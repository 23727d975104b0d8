"""powf, fpowi and ipowi."""

from __future__ import annotations

import math

from xdsl.ir import SSAValue

from passes.math import math_polynomials as tables
from passes.math.float_code import (
    Float,
    Int,
    bit_width,
    both,
    either,
    element_type,
    polynomial,
)
from passes.math.math_exponential import LN2, exp, exponent_and_fraction, split
from passes.shared.build import for_loop


def log_in_two(x: Float) -> tuple[Float, Float]:
    """log(x) as high + low, to about 60 bits, for positive f64.

    log(1 + f) = 2s + s^3 q(s^2) with s = f / (2 + f): 2s is taken with its remainder,
    the rest is small enough for one number.
    """
    e, f = exponent_and_fraction(x)
    d = 2.0 + f
    s = f / d
    s_low = ((-s).fma(d, f) - s * (f - (d - 2.0))) / d
    z = s * s
    tail = (s * z).fma(polynomial(z, tables.LOG_64), 2.0 * s_low)
    ln2, ln2_low = split(LN2, 41)
    whole = e * ln2
    total = whole + 2.0 * s
    low = (2.0 * s - (total - whole)) + e.fma(ln2_low, tail)
    high = total + low
    return high, low - (high - total)


def powf(x: Float, y: Float) -> Float:
    """exp(y log|x|) with the logarithm and the product in two numbers each, on f64."""
    a = x.abs()
    high, low = log_in_two(a)
    zero, infinite = a.equals(0.0), a.equals(math.inf)
    high = high.unless(zero, -math.inf).unless(infinite, math.inf)
    low = low.unless(either(zero, infinite), 0.0)
    product = y * high
    rest = y.fma(high, -product) + y * low
    beyond = product.abs() > 800.0
    product = product.unless(beyond, x.number(800.0).with_sign_of(product))
    result = exp(product, rest.unless(beyond, 0.0)).unless(a.equals(1.0), 1.0)

    half, whole = 0.5 * y, y.equals(y.floor())
    odd = both(whole, half.differs(half.floor()))
    result = result.with_sign_of(x).where(odd, result)
    negative = both(x < 0.0, x > -math.inf)
    result = result.where(whole, x.number(math.nan).where(negative, result))
    result = result.unless(either(x.is_nan(), y.is_nan()), math.nan)
    return result.unless(either(y.equals(0.0), x.equals(1.0)), 1.0)


def ipowi(base: SSAValue, power: SSAValue) -> SSAValue:
    """Squares and multiplies, one step for each bit of the power. A negative power
    leaves what integer division of 1 does: 1 and -1 as they are, else 0."""
    one = Int(base).number(1)

    def step(_: object, *carried: SSAValue) -> list[SSAValue]:
        result, square, left = (Int(v) for v in carried)
        times = (result * square).where((left & 1).compare("ne", 0), result)
        return [times.value, (square * square).value, (left >> 1).value]

    width = bit_width(element_type(base.type))
    found = Int(for_loop(0, width, 1, step, (one.value, base, power))[0])
    unit = either(Int(base).compare("eq", 1), Int(base).compare("eq", -1))
    negative = Int(power).compare("slt", 0)
    odd_unit = one.where((Int(power) & 1).compare("eq", 0), Int(base))
    inverse = odd_unit.where(unit, 0)
    return inverse.where(negative, found).value
