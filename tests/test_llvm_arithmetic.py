"""Every operation of arith and math that convert-to-llvm takes, against numpy.

Each runs on scalars and on vectors, over values that include the odd ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import Array, Compiled, lowered
from elementwise import (
    DTYPES,
    INTEGERS,
    LANES,
    check,
    elementwise,
    floats,
    integers,
    wrapped,
)

from brdialect.errors import BrError


def _propagating(pick: Callable[[Any, Any], Any]) -> Callable[[Array, Array], Array]:
    """max and min as IEEE 754-2019 has them: NaN wins, and -0.0 < 0.0"""

    def apply(x: Array, y: Array) -> Array:
        lower_sign = np.where(np.signbit(x), x, y)
        upper_sign = np.where(np.signbit(x), y, x)
        zero = lower_sign if pick is np.minimum else upper_sign
        return np.where(x == y, zero, pick(x, y))

    return apply


FLOAT_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "arith.addf": np.add,
    "arith.subf": np.subtract,
    "arith.mulf": np.multiply,
    "arith.divf": np.divide,
    "arith.maximumf": _propagating(np.maximum),
    "arith.minimumf": _propagating(np.minimum),
    "math.copysign": np.copysign,
}


@pytest.mark.parametrize("t", ["f32", "f64"])
@pytest.mark.parametrize("op", FLOAT_BINARY)
def test_float_binary(op: str, t: str) -> None:
    x, y = floats(t)[1], floats(t)[1][[3, 0, 6, 6, 4, 4, 1, 2]]
    with np.errstate(all="ignore"):
        expected = FLOAT_BINARY[op](x, y)
    check(f"%r = {op} %x, %y : $r", t, expected, (t, x), (t, y))


@pytest.mark.parametrize(
    ("op", "numpy"), [("arith.maxnumf", np.fmax), ("arith.minnumf", np.fmin)]
)
def test_maxnum_prefers_numbers_to_nan(op: str, numpy: Callable[..., Array]) -> None:
    x = np.array([1, np.nan, 2, np.nan, -3, 4, 5, np.inf], np.float32)
    y = np.array([2, 1, np.nan, np.nan, -4, 4, -np.inf, 0], np.float32)
    check(f"%r = {op} %x, %y : $r", "f32", numpy(x, y), ("f32", x), ("f32", y))


def _round_half_away(x: Array) -> Array:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


FLOAT_UNARY: dict[str, Callable[[Array], Array]] = {
    "arith.negf": np.negative,
    "math.absf": np.abs,
    "math.ceil": np.ceil,
    "math.floor": np.floor,
    "math.round": _round_half_away,
    "math.roundeven": np.round,
    "math.sqrt": np.sqrt,
    "math.trunc": np.trunc,
}


@pytest.mark.parametrize("op", FLOAT_UNARY)
def test_float_unary(op: str) -> None:
    x = np.array([2.5, -2.5, 0.5, -0.5, -0.0, np.inf, np.nan, 1e9 + 0.5], np.float32)
    with np.errstate(all="ignore"):
        expected = FLOAT_UNARY[op](x)
    check(f"%r = {op} %x : $r", "f32", expected, ("f32", x))


def test_fma_rounds_once() -> None:
    x = np.full(LANES, 1 + 2**-12, np.float32)
    exact = (x.astype(np.float64) * x - 1).astype(np.float32)
    assert (exact != x * x - np.float32(1)).all()
    minus_one = ("f32", np.full(LANES, -1, np.float32))
    check("%r = math.fma %x, %x, %y : $r", "f32", exact, ("f32", x), minus_one)


INTEGER_BINARY: dict[str, Callable[[int, int], int]] = {
    "arith.addi": lambda x, y: x + y,
    "arith.subi": lambda x, y: x - y,
    "arith.muli": lambda x, y: x * y,
    "arith.divsi": lambda x, y: int(x / y),
    "arith.remsi": lambda x, y: x - y * int(x / y),
    "arith.floordivsi": lambda x, y: x // y,
    "arith.ceildivsi": lambda x, y: -(-x // y),
    "arith.andi": lambda x, y: x & y,
    "arith.ori": lambda x, y: x | y,
    "arith.xori": lambda x, y: x ^ y,
    "arith.maxsi": max,
    "arith.minsi": min,
}
UNSIGNED: dict[str, Callable[[int, int], int]] = {
    "arith.divui": lambda x, y: x // y,
    "arith.remui": lambda x, y: x % y,
    "arith.ceildivui": lambda x, y: -(-x // y),
    "arith.maxui": max,
    "arith.minui": min,
}


@pytest.mark.parametrize("t", ["i8", "i32", "index"])
@pytest.mark.parametrize("op", INTEGER_BINARY | UNSIGNED)
def test_integer_binary(op: str, t: str) -> None:
    x, y = INTEGERS, [3, -2, 5, -7, 7, 100, -1, 2]
    if op in UNSIGNED:
        bits = 8 * np.dtype(DTYPES[t]).itemsize
        pairs = [(a % 2**bits, b % 2**bits) for a, b in zip(x, y, strict=True)]
        expected = wrapped([UNSIGNED[op](a, b) for a, b in pairs], t)
    else:
        values = [INTEGER_BINARY[op](a, b) for a, b in zip(x, y, strict=True)]
        expected = wrapped(values, t)
    check(f"%r = {op} %x, %y : $r", t, expected, integers(t), integers(t, *y))


@pytest.mark.parametrize("op", INTEGER_BINARY | UNSIGNED)
def test_one_bit_binary(op: str) -> None:
    """Its bit is the sign of a signed one. Only -1 divides."""
    x, y = [0, 0, 1, 1] * 2, [0, 1, 0, 1] * 2
    if "div" in op or "rem" in op:
        x, y = [0, 1] * 4, [1] * 8
    sign = 1 if op in UNSIGNED else -1
    apply = (INTEGER_BINARY | UNSIGNED)[op]
    pairs = zip(x, y, strict=True)
    expected = np.array([apply(sign * a, sign * b) & 1 for a, b in pairs], np.int8)
    body = f"""
      %a = arith.trunci %x : $x to $i1
      %b = arith.trunci %y : $y to $i1
      %c = {op} %a, %b : $i1
      %r = arith.extui %c : $i1 to $r"""
    check(body, "i8", expected, integers("i8", *x), integers("i8", *y))


@pytest.mark.parametrize(
    ("op", "apply"),
    [
        ("arith.shli", lambda x, s: x << s),
        ("arith.shrsi", lambda x, s: x >> s),
        ("arith.shrui", lambda x, s: (x % 2**32) >> s),
    ],
)
def test_shifts(op: str, apply: Callable[[int, int], int]) -> None:
    by = [0, 1, 2, 3, 4, 5, 31, 7]
    expected = wrapped([apply(x, s) for x, s in zip(INTEGERS, by, strict=True)], "i32")
    check(
        f"%r = {op} %x, %y : $r", "i32", expected, integers("i32"), integers("i32", *by)
    )


@pytest.mark.parametrize(
    ("op", "apply"),
    [
        ("math.absi", abs),
        ("math.ctpop", lambda x: (x % 2**32).bit_count()),
        ("math.ctlz", lambda x: 32 - (x % 2**32).bit_length()),
        ("math.cttz", lambda x: (x & -x).bit_length() - 1 if x else 32),
    ],
)
def test_integer_unary(op: str, apply: Callable[[int], int]) -> None:
    expected = wrapped([apply(x) for x in INTEGERS], "i32")
    check(f"%r = {op} %x : $r", "i32", expected, integers("i32"))


def test_extended_arithmetic() -> None:
    x, y = INTEGERS, [3, -2, 5, -7, 7, 100, -1, 2]
    pairs = list(zip(x, y, strict=True))
    operands = (integers("i8"), integers("i8", *y))
    carry = (
        "%s, %c = arith.addui_extended %x, %y : $x, {}\n%r = arith.extui %c : {} to $r"
    )
    overflow = [(a % 256 + b % 256) >> 8 for a, b in pairs]
    for op, products in (
        ("mulsi_extended", [a * b for a, b in pairs]),
        ("mului_extended", [(a % 256) * (b % 256) for a, b in pairs]),
    ):
        low = wrapped(products, "i8")
        check(f"%r, %h = arith.{op} %x, %y : $r", "i8", low, *operands)
        high = wrapped([p >> 8 for p in products], "i8")
        check(f"%l, %r = arith.{op} %x, %y : $r", "i8", high, *operands)
    text = elementwise(carry, ["i8", "i8"], "i8")
    scalar = text.split("func.func @vector")[0].replace("{}", "i1")
    result = np.zeros(LANES, np.int8)
    Compiled(scalar, "scalar")("scalar", operands[0][1], operands[1][1], result)
    np.testing.assert_array_equal(result, overflow)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("%r = math.exp %x : f32", "got 'math.exp'; run expand-math first"),
        (
            "%i = arith.fptosi %x : f32 to i64 %r = arith.sitofp %i : i64 to bf16",
            "cast to f32",
        ),
    ],
)
def test_what_has_no_lowering_says_so(body: str, message: str) -> None:
    with pytest.raises(BrError, match=message):
        lowered(f"func.func @f(%x: f32) {{ {body} return }}")
