"""exp, log and what is made of them, for f32 and f64 alike, without branches.

Every function takes all inputs: zeros, subnormals, infinities and NaN give what IEEE
754 asks for. `expand_math` lists the errors measured.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction

from passes.math import math_polynomials as tables
from passes.math.float_code import Float, Int, polynomial

# 40 digits, as the low parts of f64 need them
LN2 = Fraction("0.6931471805599453094172321214581765680755")
LOG10_2 = Fraction("0.3010299956639811952137388947244930267682")


def split(exact: Fraction, bits: int) -> tuple[float, float]:
    """`exact` as high + low, the high part a multiple of 2^-bits: its product with a
    small integer is exact."""
    high = round(exact * 2**bits) / 2**bits
    return high, float(exact - Fraction(high))


def _high_bits(x: Float) -> int:
    """Fraction bits of a constant that times any exponent of the type is exact."""
    return 15 if x.format.bits == 32 else 41


def table(x: Float, narrow: Sequence[float], wide: Sequence[float]) -> Sequence[float]:
    """The coefficients for the type of x."""
    return narrow if x.format.bits == 32 else wide


def bits_of(number: float, x: Float) -> int:
    """The bits of a number in the type of x."""
    real, whole = ("<f", "<i") if x.format.bits == 32 else ("<d", "<q")
    return struct.unpack(whole, struct.pack(real, number))[0]


def power_of_two(n: Int, like: Float) -> Float:
    """2^n by its exponent bits; n must be an exponent of normal numbers."""
    shifted = (n + like.format.bias) << like.format.mantissa
    return shifted.as_float(like.element)


def scaled(x: Float, n: Int) -> Float:
    """x * 2^n in two steps: neither factor overflows, only the last product rounds."""
    half = n.shift_signed(1)
    return x * power_of_two(half, x) * power_of_two(n - half, x)


def nearest(x: Float, factor: float) -> tuple[Float, Int]:
    """The integer nearest to x * factor, as both kinds of number."""
    shifted = x.fma(factor, x.format.shifter)
    return shifted - x.format.shifter, shifted.bits() - bits_of(x.format.shifter, x)


def clamped(x: Float, low: float, high: float) -> Float:
    """x within bounds; a NaN passes."""
    return x.unless(x > high, high).unless(x < low, low)


def _reduced(x: Float) -> tuple[Float, Int]:
    """r and n with x = r + n ln(2), |r| <= ln(2)/2."""
    high, low = split(LN2, _high_bits(x))
    whole, n = nearest(x, 1 / math.log(2))
    return whole.fma(-low, whole.fma(-high, x)), n


def _exp_range(x: Float) -> tuple[float, float]:
    """Where exp has become 0 and infinity."""
    return (-104.0, 89.0) if x.format.bits == 32 else (-746.0, 710.0)


def exp(x: Float, low: Float | None = None) -> Float:
    """exp(x + low): 2^n exp(r). `low` is a correction far smaller than x."""
    r, n = _reduced(clamped(x, *_exp_range(x)))
    if low is not None:
        r = r + low
    q = polynomial(r, table(x, tables.EXP_32, tables.EXP_64))
    return scaled(1.0 + (r * r).fma(q, r), n)


def exp2(x: Float) -> Float:
    """2^n 2^r with n the integer nearest to x."""
    low, high = (-151.0, 129.0) if x.format.bits == 32 else (-1076.0, 1025.0)
    x = clamped(x, low, high)
    whole, n = nearest(x, 1.0)
    r = x - whole
    q = polynomial(r, table(x, tables.EXP2_32, tables.EXP2_64))
    return scaled(r.fma(q, 1.0), n)


def expm1(x: Float) -> Float:
    """2 (2^(n-1) p + 2^(n-1) - 1/2) with p = exp(r) - 1; half the scale, since 2^n may
    overflow where the result does not."""
    high = _exp_range(x)[1]
    r, n = _reduced(clamped(x, -high / 2, high))
    q = polynomial(r, table(x, tables.EXP_32, tables.EXP_64))
    p = (r * r).fma(q, r)
    half = power_of_two(n - 1, x)
    return (2.0 * half.fma(p, half - 0.5)).unless(x.equals(0.0), x)


def exponent_and_fraction(x: Float) -> tuple[Float, Float]:
    """e and f with x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), for x > 0."""
    form = x.format
    tiny = x < 2.0 ** (1 - form.bias)
    up = form.mantissa + 1
    root = bits_of(math.sqrt(0.5), x)
    above = x.unless(tiny, x * 2.0**up).bits() - root
    fraction = (above & ((1 << form.mantissa) - 1)) + root
    shifted = above.shift_signed(form.mantissa) + bits_of(form.shifter, x)
    e = shifted.as_float(x.element) - form.shifter
    return e.unless(tiny, e - float(up)), fraction.as_float(x.element) - 1.0


def log_of_fraction(f: Float) -> tuple[Float, Float]:
    """`first` and `second` with log(1 + f) = f - (first - second), which a caller adds
    in the order that loses least."""
    half_square = 0.5 * f * f
    if f.format.bits == 32:
        return half_square, f * f * f * polynomial(f, tables.LOG_32)
    s = f / (2.0 + f)
    z = s * s
    return half_square, s * z.fma(polynomial(z, tables.LOG_64), half_square)


def log_specials(x: Float, y: Float) -> Float:
    """y = log(x), put right where x is zero, negative, infinite or NaN."""
    y = y.unless(x.equals(0.0), -math.inf).unless(x < 0.0, math.nan)
    return y.unless(x.not_below(math.inf), x)


def log(x: Float) -> Float:
    """e ln(2) + log(1 + f), the small terms first."""
    e, f = exponent_and_fraction(x)
    first, second = log_of_fraction(f)
    high, low = split(LN2, _high_bits(x))
    return log_specials(x, e.fma(high, f - (first - e.fma(low, second))))


def log2(x: Float) -> Float:
    """e + log(1 + f) / ln(2)."""
    e, f = exponent_and_fraction(x)
    first, second = log_of_fraction(f)
    return log_specials(x, (f - (first - second)).fma(1 / math.log(2), e))


def log10(x: Float) -> Float:
    """e log10(2) + log(1 + f) / ln(10)."""
    e, f = exponent_and_fraction(x)
    first, second = log_of_fraction(f)
    high, low = split(LOG10_2, _high_bits(x))
    small = (f - (first - second)).fma(1 / math.log(10), e * low)
    return log_specials(x, e.fma(high, small))


def log1p(x: Float) -> Float:
    """log(u) + (what 1 + x lost when rounded to u) / u."""
    u = 1.0 + x
    lost = (x - (u - 1.0)).where(x < 1.0, 1.0 - (u - x))
    y = log(u) + lost / u
    same = x.equals(0.0)
    return (
        y.unless(same, x).unless(u.equals(math.inf), x).unless(u.equals(0.0), -math.inf)
    )


def tanh(x: Float) -> Float:
    """f32: a quotient of polynomials, 1 but for two units beyond the clamp. f64:
    t / (t + 2) with t = exp(2|x|) - 1."""
    if x.format.bits == 32:
        x = clamped(x, -7.9, 7.9)
        square = x * x
        below = polynomial(square, (1.0, *tables.TANH_32[5:]))
        return x * polynomial(square, tables.TANH_32[:5]) / below
    t = expm1(clamped(2.0 * x.abs(), 0.0, 40.0))
    return (t / (t + 2.0)).with_sign_of(x)


def erf(x: Float) -> Float:
    """x + x q(x^2) near 0, else 1 - exp(-q(|x| - 2))."""
    a = x.abs()
    small = a.fma(polynomial(a * a, table(x, tables.ERF_32, tables.ERF_64)), a)
    top = 4.1 if x.format.bits == 32 else 6.1
    q = polynomial(clamped(a, 0.0, top) - 2.0, table(x, tables.ERFC_32, tables.ERFC_64))
    return small.where(a < 0.9, 1.0 - exp(-q)).with_sign_of(x)


def rsqrt(x: Float) -> Float:
    """1 / sqrt(x): two correctly rounded operations."""
    return 1.0 / x.sqrt()


def sinh(x: Float) -> Float:
    """(t + t / (t + 1)) / 2 with t = exp(|x|) - 1; exp(|x|/2)^2 / 2 for large ones."""
    a = x.abs()
    t = expm1(a)
    root = exp(0.5 * a)
    large = (0.5 * root) * root
    return (0.5 * (t + t / (t + 1.0))).unless(a > 40.0, large).with_sign_of(x)


def cosh(x: Float) -> Float:
    """(exp(|x|) + exp(-|x|)) / 2 from exp(|x|/2), which does not overflow."""
    root = exp(0.5 * x.abs())
    return (0.5 * root) * root + 0.5 / root / root


def asinh(x: Float) -> Float:
    """log1p(|x| + x^2 / (1 + sqrt(1 + x^2))); log(2|x|) for huge ones."""
    a = x.abs()
    near = log1p(a + a * a / (1.0 + (1.0 + a * a).sqrt()))
    return near.unless(a > 1e9, log(a) + math.log(2)).with_sign_of(x)


def acosh(x: Float) -> Float:
    """log1p(t + sqrt(2t + t^2)) with t = x - 1; log(2x) for huge ones."""
    t = x - 1.0
    near = log1p(t + (2.0 * t + t * t).sqrt())
    return near.unless(x > 1e9, log(x) + math.log(2)).unless(x < 1.0, math.nan)


def atanh(x: Float) -> Float:
    """log1p(2|x| / (1 - |x|)) / 2."""
    a = x.abs()
    return (0.5 * log1p(2.0 * a / (1.0 - a))).with_sign_of(x)


def cbrt(x: Float) -> Float:
    """exp(log(|x|) / 3), one step of Newton's method makes it exact to a unit."""
    a = x.abs()
    t = exp(log(a) * (1 / 3))
    t = t - (t - a / (t * t)) * (1 / 3)
    same = x.equals(0.0)
    return t.with_sign_of(x).unless(same, x).unless(a.not_below(math.inf), x)
