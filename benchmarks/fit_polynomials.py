"""Makes the coefficients in `passes/math/math_polynomials.py`; needs mpmath.

    python benchmarks/fit_polynomials.py > passes/math/math_polynomials.py

Each polynomial q is fitted to a function on an interval so that the largest
weighted error over some hundred Chebyshev nodes is as small as can be: least squares
whose weights are multiplied by the error of each node until it is level (Lawson's
algorithm). A quotient p / q is found alike, from p - q f, whose weights the q of the
round before divides. Its coefficients are then rounded to the type. The printed comment
gives the largest weighted error before rounding.
"""

# pyright: reportMissingImports=false, reportUnknownParameterType=false
# mpmath is only needed here, and not a dependency

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf

mp.dps = 60
Function = Callable[[mpf], mpf]


@dataclass(frozen=True)
class Fit:
    """q of some degree, or p / q with q(0) = 1, fitted to `function` on [low, high]."""

    name: str
    formula: str
    function: Function
    weight: Function
    low: mpf
    high: mpf
    degree: int
    denominator: int = 0


def quotient(function: Function, drop: int, terms: int = 40) -> Function:
    """`(function(x) - its first terms) / x**drop`."""
    coefficients = mp.taylor(function, 0, terms + drop)[drop:]

    def value(x: mpf) -> mpf:
        if abs(x) < mpf("0.05"):
            return mp.polyval(coefficients[::-1], x)
        head = mp.taylor(function, 0, drop - 1)
        return (function(x) - mp.polyval(head[::-1], x)) / x**drop

    return value


def fit(f: Fit) -> tuple[list[mpf], mpf]:
    """The coefficients, lowest first, p before q, and the largest weighted error."""
    top, n = f.degree + 1, f.degree + 1 + f.denominator
    count = 12 * n
    middle, half = (f.low + f.high) / 2, (f.high - f.low) / 2
    nodes = [middle + half * mp.cos(mp.pi * (i + 0.5) / count) for i in range(count)]
    values = [f.function(x) for x in nodes]
    weights = [f.weight(x) for x in nodes]
    lawson = [mpf(1)] * count
    below = [mpf(1)] * count
    best: tuple[list[mpf], mpf] = ([], mp.inf)
    for _ in range(30):
        matrix, right = mp.zeros(n), mp.zeros(n, 1)
        each = zip(nodes, values, weights, lawson, below, strict=True)
        for x, y, w, v, d in each:
            w /= d
            powers = [x**i for i in range(top)]
            powers += [-y * x ** (i + 1) for i in range(f.denominator)]
            for i in range(n):
                right[i] += v * w * w * powers[i] * y
                for j in range(n):
                    matrix[i, j] += v * w * w * powers[i] * powers[j]
        q = list(mp.lu_solve(matrix, right))
        below = [mp.polyval([*q[top:][::-1], mpf(1)], x) for x in nodes]
        errors = [
            w * abs(mp.polyval(q[:top][::-1], x) / d - y)
            for x, y, w, d in zip(nodes, values, weights, below, strict=True)
        ]
        if max(errors) < best[1]:
            best = (q, max(errors))
        lawson = [v * e for v, e in zip(lawson, errors, strict=True)]
        total = sum(lawson)
        lawson = [v / total for v in lawson]
    return best


def odd(function: Function, z: mpf) -> mpf:
    """(function(s) - s) / s^3 at s = sqrt(z), for an odd function."""
    s = mp.sqrt(z)
    if z < mpf("1e-4"):
        terms = mp.taylor(function, 0, 19)[3::2]
        return mp.polyval(terms[::-1], z)
    return (function(s) - s) / s**3


def cos_rest(z: mpf) -> mpf:
    """(cos(s) - 1 + s^2 / 2) / s^4 at s = sqrt(z)."""
    if z < mpf("1e-4"):
        terms = mp.taylor(mp.cos, 0, 18)[4::2]
        return mp.polyval(terms[::-1], z)
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / (z * z)


def erf_rest(z: mpf) -> mpf:
    """erf(s) / s - 1 at s = sqrt(z)."""
    if z < mpf("1e-6"):
        return 2 / mp.sqrt(mp.pi) * (1 - z / 3 + z * z / 10 - z**3 / 42) - 1
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1


def log1p(x: mpf) -> mpf:
    """log(1 + x)."""
    return mp.log(1 + x)


def exponentials(bits: int, exp: int, exp2: int) -> list[Fit]:
    """exp and exp2 by polynomials of these degrees."""
    half_ln2 = mp.log(2) / 2 * mpf("1.01")
    return [
        Fit(
            f"EXP_{bits}",
            "exp(r) = 1 + r + r^2 q(r), |r| <= ln(2)/2",
            quotient(mp.exp, 2),
            lambda x: x * x / mp.exp(x),
            -half_ln2,
            half_ln2,
            exp,
        ),
        Fit(
            f"EXP2_{bits}",
            "2^r = 1 + r q(r), |r| <= 1/2",
            quotient(lambda x: mpf(2) ** x, 1),
            lambda x: x / mpf(2) ** x,
            mpf("-0.5"),
            mpf("0.5"),
            exp2,
        ),
    ]


def error_functions(bits: int, erf: int, tail: int, top: str) -> list[Fit]:
    """erf near 0, and erfc up to `top`, where it is next to nothing."""
    return [
        Fit(
            f"ERF_{bits}",
            "erf(x) = x + x q(x^2), |x| <= 0.9",
            erf_rest,
            lambda z: 1 / (1 + erf_rest(z)),
            mpf(0),
            mpf("0.81"),
            erf,
        ),
        Fit(
            f"ERFC_{bits}",
            f"erfc(x) = exp(-q(x - 2)), 0.89 <= x <= {top}",
            lambda t: -mp.log(mp.erfc(t + 2)),
            lambda t: mp.erfc(t + 2),
            mpf("0.89") - 2,
            mpf(top) - 2,
            tail,
        ),
    ]


def logarithms() -> list[Fit]:
    """log on [sqrt(1/2), sqrt(2)]."""
    root = mp.sqrt(mpf(1) / 2)
    return [
        Fit(
            "LOG_32",
            "log(1 + f) = f - f^2/2 + f^3 q(f), sqrt(1/2) <= 1 + f <= sqrt(2)",
            quotient(log1p, 3, 300),
            lambda f: abs(f**3 / (log1p(f) if f else mpf(1))),
            root - 1,
            1 / root - 1,
            8,
        ),
        Fit(
            "LOG_64",
            "log((1 + s) / (1 - s)) = 2s + s^3 q(s^2), |s| <= 0.1717",
            lambda z: 2 * odd(mp.atanh, z),
            lambda z: z,
            mpf(0),
            mpf("0.0296"),
            7,
        ),
    ]


def hyperbolic(top: str) -> list[Fit]:
    """tanh in f32, up to `top`, where it is 1 but for two units."""
    return [
        Fit(
            "TANH_32",
            f"tanh(x) = x p(x^2) / q(x^2), p of degree 4, q(0) = 1, |x| <= {top}",
            lambda z: mp.tanh(mp.sqrt(z)) / mp.sqrt(z),
            lambda z: mp.sqrt(z) / mp.tanh(mp.sqrt(z)),
            mpf(0),
            mpf(top) ** 2,
            4,
            4,
        )
    ]


def angles() -> list[Fit]:
    """sin, cos and atan, which f32 computes in f64 as well."""
    eighth = mp.tan(mp.pi / 8)
    return [
        Fit(
            "SIN_64",
            "sin(r) = r + r^3 q(r^2), |r| <= pi/4",
            lambda z: odd(mp.sin, z),
            lambda z: z,
            mpf(0),
            mpf("0.62"),
            6,
        ),
        Fit(
            "COS_64",
            "cos(r) = 1 - r^2/2 + r^4 q(r^2), |r| <= pi/4",
            cos_rest,
            lambda z: z * z,
            mpf(0),
            mpf("0.62"),
            5,
        ),
        Fit(
            "ATAN_64",
            "atan(t) = t + t^3 q(t^2), |t| <= tan(pi/8)",
            lambda z: odd(mp.atan, z),
            lambda z: z,
            mpf(0),
            eighth**2 * mpf("1.01"),
            12,
        ),
    ]


def fits() -> list[Fit]:
    """All polynomials; the weights make the errors relative to the function wanted."""
    return [
        *exponentials(32, 4, 5),
        *error_functions(32, 5, 7, "4.1"),
        *exponentials(64, 9, 10),
        *error_functions(64, 11, 19, "6.1"),
        *logarithms(),
        *hyperbolic("7.9"),
        *angles(),
    ]


HEADER = '''"""Coefficients of the polynomials in `expand-math`, lowest power first.

Written by `benchmarks/fit_polynomials.py`, which tells how they are found; the error
beside each is relative to the function it serves, before the coefficients are rounded.
"""
'''


def main() -> None:
    """Prints the module."""
    print(HEADER)
    *_, last = polynomials = fits()
    for f in polynomials:
        coefficients, error = fit(f)
        print(f"# {f.formula}; error {mp.nstr(error, 2)}")
        print(f"{f.name} = (")
        for c in coefficients:
            print(f"    {float(c)!r},")
        print(")\n" if f is not last else ")")


if __name__ == "__main__":
    main()
