"""Trigonometric functions and their inverses on f64; f32 widens to it.

sin, cos and tan of an f32 are reduced by integer arithmetic where the argument is huge
(`turns_of_huge`), so that they hold for all of f32. An f64 is reduced by three parts of
pi/2, which holds up to 2^20 pi/2; beyond, the error grows with the argument.
"""

from __future__ import annotations

import math
from fractions import Fraction

from xdsl.dialects.builtin import f64, i64

from passes.math import math_polynomials as tables
from passes.math.float_code import Float, Int, both, either, polynomial
from passes.math.math_exponential import bits_of


def _pi(bits: int) -> int:
    """floor(pi 2^bits), by Machin's formula in integers."""
    guard = bits + 32

    def arctan_of_inverse(n: int) -> int:
        term, total, k = (1 << guard) // n, 0, 0
        while term:
            total += (-term if k & 1 else term) // (2 * k + 1)
            term, k = term // (n * n), k + 1
        return total

    return (16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)) >> 32


_HALF_PI = Fraction(_pi(400), 2**401)
_TWO_OVER_PI = math.floor(2**320 / _HALF_PI)

PI, PI_LOW = math.pi, float(2 * _HALF_PI - Fraction(math.pi))
"""pi to twice the precision of f64."""


def _parts(bits: int) -> tuple[float, float, float]:
    """pi/2 in three parts, the first two of `bits` bits each."""
    one, two = 1 << (bits - 1), 1 << (2 * bits - 1)
    first = Fraction(math.floor(_HALF_PI * one), one)
    rest = _HALF_PI - first
    second = Fraction(math.floor(rest * two), two)
    return float(first), float(second), float(rest - second)


def reduced(x: Float) -> tuple[Float, Int]:
    """r and n with x = r + n pi/2, |r| <= pi/4."""
    whole = (x * (2 / math.pi)).roundeven()
    first, second, third = _parts(33)
    a = whole.fma(-first, x)  # exact: so many bits cancel
    b = whole * second
    r = a - b
    lost = (a - r) - b
    n = (whole + x.format.shifter).bits() - bits_of(x.format.shifter, x)
    return r + whole.fma(-third, lost), n


def turns_of_huge(x: Float) -> tuple[Float, Int]:
    """The same for an f32 from 2^28 on, in 64-bit integers.

    x = m 2^e with integers m < 2^24, e. Of 2/pi only the bits matter that m 2^e does
    not turn into multiples of 4: a window of 96 bits of it, chosen by e, times m gives
    the quarter turns as a fixed-point number with 62 fraction bits.
    """
    bits = x.abs().bits()
    exponent = (bits >> 23).extended(i64) - 150
    m = ((bits & 0x7FFFFF) | 0x800000).extended(i64)
    # the window starts at bit `low` of floor(2/pi 2^320); e is 5 to 104
    low = (exponent - (320 - 62)) * -1
    high_word = low.compare("sge", 192)
    shift = low & 63

    def word(k: int) -> Int:
        above, below = (_TWO_OVER_PI >> (64 * j) & (2**64 - 1) for j in (k + 1, k))
        return low.number(above).where(high_word, below)

    def window(k: int) -> Int:
        return (word(k) >> shift) | ((word(k + 1) << 1) << ((shift * -1) + 63))

    turns = m * window(2) + ((m * (window(1) >> 32)) >> 32)
    n = (turns + (1 << 61)) >> 62
    r = (turns - (n << 62)).to_float(f64) * float(_HALF_PI / 2**62)
    negative = x < 0.0
    return (-r).where(negative, r), (n * -1).where(negative, n)


def quarter(x: Float) -> tuple[Float, Float, Int]:
    """sin(r), cos(r) and n for x = r + n pi/2."""
    wide = x.cast(f64)
    r, n = reduced(wide)
    if x.format.bits == 32:
        huge = both(wide.abs() > 2.0**28, wide.abs() < math.inf)
        far_r, far_n = turns_of_huge(x)
        r, n = far_r.where(huge, r), far_n.where(huge, n)
    z = r * r
    sine = (r * z).fma(polynomial(z, tables.SIN_64), r)
    cosine = z.fma(z.fma(polynomial(z, tables.COS_64), -0.5), 1.0)
    return sine, cosine, n


def sin(x: Float) -> Float:
    """+-sin(r) or +-cos(r), by the quarter."""
    sine, cosine, n = quarter(x)
    y = cosine.where((n & 1).compare("ne", 0), sine)
    y = (-y).where((n & 2).compare("ne", 0), y).cast(x.element)
    return y.unless(x.equals(0.0), x)


def cos(x: Float) -> Float:
    """+-cos(r) or +-sin(r), by the quarter."""
    sine, cosine, n = quarter(x)
    y = sine.where((n & 1).compare("ne", 0), cosine)
    return (-y).where(((n + 1) & 2).compare("ne", 0), y).cast(x.element)


def tan(x: Float) -> Float:
    """sin(r) / cos(r), or -cos(r) / sin(r) in odd quarters."""
    sine, cosine, n = quarter(x)
    odd = (n & 1).compare("ne", 0)
    y = cosine.where(odd, sine) / (-sine).where(odd, cosine)
    return y.cast(x.element).unless(x.equals(0.0), x)


def _octant(y: Float, x: Float) -> Float:
    """atan(y / x) for y, x >= 0.

    The smaller over the larger is t <= 1; above tan(pi/8), (t - 1) / (t + 1) is taken
    and pi/4 added back.
    """
    swap = y > x
    small, large = x.where(swap, y), y.where(swap, x)
    # so that the sum of huge ones does not overflow
    scale = x.number(0.25).where(large > 2.0**1000, 1.0)
    small, large = small * scale, large * scale
    infinite = small.equals(math.inf)
    steep = either(small > large * math.tan(math.pi / 8), infinite)
    t = (small - large).where(steep, small) / (small + large).where(steep, large)
    # two infinities are at 45 degrees, as is t = 0 above tan(pi/8); two zeros at none
    t = t.unless(either(infinite, large.equals(0.0)), 0.0)
    z = t * t
    tail = t * z * polynomial(z, tables.ATAN_64)
    low, high = x.number(PI_LOW / 4), x.number(PI / 4)
    angle = (t + (tail + low.where(steep, 0.0))) + high.where(steep, 0.0)
    return ((PI / 2 - angle) + PI_LOW / 2).where(swap, angle)


def atan2(y: Float, x: Float) -> Float:
    """The octant of |y| and |x| unfolded by their signs."""
    angle = _octant(y.abs(), x.abs())
    left = (x.bits() & (1 << (x.format.bits - 1))).compare("ne", 0)
    angle = ((PI - angle) + PI_LOW).where(left, angle).with_sign_of(y)
    return angle.unless(either(x.is_nan(), y.is_nan()), math.nan)


def atan(x: Float) -> Float:
    """The angle of (1, x)."""
    return _octant(x.abs(), x.number(1.0)).with_sign_of(x).unless(x.is_nan(), x)


def asin(x: Float) -> Float:
    """The angle whose sine is x, from its cosine sqrt((1 - x) (1 + x))."""
    return atan2(x, ((1.0 - x) * (1.0 + x)).sqrt())


def acos(x: Float) -> Float:
    """The angle whose cosine is x."""
    return atan2(((1.0 - x) * (1.0 + x)).sqrt(), x)
