"""Every operation of arith and math that convert-to-llvm takes, against numpy.

Each runs on scalars and on vectors, over values that include the odd ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import Array, Compiled, lowered, run

from brdialect.errors import BrError

LANES = 8
FORMS = ("scalar", "vector")
FLOATS = [0.0, -0.0, 1.5, -2.5, 3e38, np.inf, np.nan, 1e-40]
INTEGERS = [0, 1, -1, 7, -128, 100, 127, -3]
DTYPES = {
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "index": np.int64,
}


def elementwise(statements: str, inputs: list[str], output: str) -> str:
    """A module that applies `statements` to arrays of 8.

    They make %r of %x, %y and %z, whose types they call $r, $x, $y and $z: scalars in
    `@scalar`, vectors in `@vector`.
    """
    names = "xyz"[: len(inputs)]
    types: dict[str, str] = dict(zip((*names, "r"), (*inputs, output), strict=True))
    arguments = ", ".join(f"%m{n}: memref<{LANES}x{t}>" for n, t in types.items())

    def body(load: str, store: str, shape: str) -> str:
        lines = [load.format(n=n, t=types[n]) for n in names]
        text = statements
        for n, t in types.items():
            text = text.replace(f"${n}", shape.format(t))
        return "\n".join([*lines, text, store.format(t=types["r"])])

    scalar = body(
        "%{n} = memref.load %m{n}[%i] : memref<8x{t}>",
        "memref.store %r, %mr[%i] : memref<8x{t}>",
        "{}",
    )
    vector = body(
        "%{n} = vector.load %m{n}[%i] : memref<8x{t}>, vector<8x{t}>",
        "vector.store %r, %mr[%i] : memref<8x{t}>, vector<8x{t}>",
        "vector<8x{}>",
    )
    return f"""
    func.func @scalar({arguments}) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      scf.for %i = %c0 to %c8 step %c1 {{
        {scalar}
      }}
      return
    }}
    func.func @vector({arguments}) {{
      %i = arith.constant 0 : index
      {vector}
      return
    }}"""


def check(
    statements: str, output: str, expected: Array, *inputs: tuple[str, Array]
) -> None:
    """Scalars and vectors both give `expected`, to the last bit, NaN being NaN."""
    code = Compiled(elementwise(statements, [t for t, _ in inputs], output), *FORMS)
    for name in FORMS:
        result = np.full(LANES, 99).astype(DTYPES[output])
        code(name, *(array for _, array in inputs), result)
        np.testing.assert_array_equal(result, expected, err_msg=name)
        zeros = (result == 0) & (expected == 0)
        assert (np.signbit(result) == np.signbit(expected))[zeros].all(), name


def floats(t: str = "f32") -> tuple[str, Array]:
    return t, np.array(FLOATS).astype(DTYPES[t])


def integers(t: str, *values: int) -> tuple[str, Array]:
    return t, np.array(values or INTEGERS).astype(DTYPES[t])


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


def wrapped(values: list[int], t: str) -> Array:
    """Integers modulo the width of `t`."""
    bits = 8 * np.dtype(DTYPES[t]).itemsize
    return np.array(
        [(v + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for v in values]
    ).astype(DTYPES[t])


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


CASTS: list[tuple[str, str, str, Callable[[Array], Array]]] = [
    ("arith.extf", "f32", "f64", lambda x: x.astype(np.float64)),
    ("arith.extf", "f16", "f32", lambda x: x.astype(np.float32)),
    ("arith.truncf", "f64", "f32", lambda x: x.astype(np.float32)),
    ("arith.truncf", "f32", "f16", lambda x: x.astype(np.float16)),
    ("arith.extsi", "i8", "i32", lambda x: x.astype(np.int32)),
    ("arith.extui", "i8", "i32", lambda x: x.astype(np.uint8).astype(np.int32)),
    ("arith.trunci", "i32", "i8", lambda x: x.astype(np.int8)),
    ("arith.sitofp", "i32", "f32", lambda x: x.astype(np.float32)),
    ("arith.uitofp", "i32", "f32", lambda x: x.astype(np.uint32).astype(np.float32)),
    ("arith.index_cast", "i32", "index", lambda x: x.astype(np.int64)),
    ("arith.index_cast", "index", "i16", lambda x: x.astype(np.int16)),
    ("arith.bitcast", "i32", "f32", lambda x: x.view(np.float32)),
    ("arith.bitcast", "f32", "i32", lambda x: x.view(np.int32)),
]


@pytest.mark.parametrize(("op", "source", "target", "numpy"), CASTS)
def test_casts(
    op: str, source: str, target: str, numpy: Callable[[Array], Array]
) -> None:
    given = floats(source) if source.startswith("f") else integers(source)
    with np.errstate(all="ignore"):
        expected = numpy(given[1])
    check(f"%r = {op} %x : $x to $r", target, expected, given)


@pytest.mark.parametrize(
    ("op", "lowest"), [("arith.fptosi", -100.9), ("arith.fptoui", 0.9)]
)
def test_float_to_integer_goes_towards_zero(op: str, lowest: float) -> None:
    x = np.linspace(lowest, 127.9, LANES, dtype=np.float32)
    check(f"%r = {op} %x : $x to $r", "i8", np.trunc(x).astype(np.int8), ("f32", x))


def bf16_bits(x: Array) -> Array:
    """The upper halves of f32, rounded to the nearest, ties to even."""
    bits = x.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return (
        np.where(np.isnan(x), bits >> 16 | 0x40, rounded)
        .astype(np.uint16)
        .view(np.int16)
    )


BF16_INPUT = np.array(
    [1.0, 1.00390625, 1.01171875, -3.3, 3.4e38, np.inf, np.nan, 1e-40], np.float32
)


def test_bf16_rounds_to_nearest_even() -> None:
    statements = "%h = arith.truncf %x : $x to {0} %r = arith.bitcast %h : {0} to $r"
    text = elementwise(statements, ["f32"], "i16")
    head, _, tail = text.partition("func.func @vector")
    text = (
        head.replace("{0}", "bf16")
        + "func.func @vector"
        + tail.replace("{0}", "vector<8xbf16>")
    )
    code = Compiled(text, *FORMS)
    for name in FORMS:
        result = np.zeros(LANES, np.int16)
        code(name, BF16_INPUT, result)
        np.testing.assert_array_equal(result, bf16_bits(BF16_INPUT))


def test_bf16_arithmetic_goes_through_f32() -> None:
    text = """
    func.func @f(%x: memref<8xbf16>, %r: memref<8xbf16>) {
      %i = arith.constant 0 : index
      %v = vector.load %x[%i] : memref<8xbf16>, vector<8xbf16>
      %s = arith.mulf %v, %v : vector<8xbf16>
      %n = arith.negf %s : vector<8xbf16>
      vector.store %n, %r[%i] : memref<8xbf16>, vector<8xbf16>
      return
    }"""
    x = np.array([1, 1.5, -3, 7, 0.1, 100, np.inf, 0], np.float32)
    stored = bf16_bits(x)
    wide = (stored.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    result = np.zeros(8, np.int16)
    run(text, stored, result)
    square = (bf16_bits(wide * wide).view(np.uint16).astype(np.uint32) << 16).view(
        np.float32
    )
    np.testing.assert_array_equal(result, bf16_bits(-square))


ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    "oeq": np.equal,
    "ogt": np.greater,
    "oge": np.greater_equal,
    "olt": np.less,
    "ole": np.less_equal,
    "one": lambda x, y: (x != y) & ~np.isnan(x) & ~np.isnan(y),
    "ord": lambda x, y: ~np.isnan(x) & ~np.isnan(y),
}
COMPARE_FLOATS: dict[str, Callable[[Any, Any], Any]] = {
    **ORDERED,
    "ueq": lambda x, y: ~ORDERED["one"](x, y),
    "ugt": lambda x, y: ~(x <= y),
    "uge": lambda x, y: ~(x < y),
    "ult": lambda x, y: ~(x >= y),
    "ule": lambda x, y: ~(x > y),
    "une": np.not_equal,
    "uno": lambda x, y: np.isnan(x) | np.isnan(y),
}
COMPARE_INTEGERS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": np.less,
    "sle": np.less_equal,
    "sgt": np.greater,
    "sge": np.greater_equal,
    "ult": lambda x, y: x.view(np.uint32) < y.view(np.uint32),
    "ule": lambda x, y: x.view(np.uint32) <= y.view(np.uint32),
    "ugt": lambda x, y: x.view(np.uint32) > y.view(np.uint32),
    "uge": lambda x, y: x.view(np.uint32) >= y.view(np.uint32),
}


@pytest.mark.parametrize("predicate", COMPARE_FLOATS)
def test_compare_floats_and_select(predicate: str) -> None:
    x, y = floats()[1], floats()[1][[0, 0, 3, 2, 4, 6, 6, 7]]
    expected = np.where(COMPARE_FLOATS[predicate](x, y), x, y)
    statements = f"%c = arith.cmpf {predicate}, %x, %y : $x\n%r = {SELECT} : $r"
    check_select(statements, "f32", expected, x, y)


@pytest.mark.parametrize("predicate", COMPARE_INTEGERS)
def test_compare_integers_and_select(predicate: str) -> None:
    x, y = (integers("i32", *v)[1] for v in (INTEGERS, [0, -1, 1, 7, 100, 2, 127, 5]))
    expected = np.where(COMPARE_INTEGERS[predicate](x, y), x, y)
    statements = f"%c = arith.cmpi {predicate}, %x, %y : $x\n%r = {SELECT} : $r"
    check_select(statements, "i32", expected, x, y)


SELECT = "arith.select %c, %x, %y"


def check_select(statements: str, t: str, expected: Array, x: Array, y: Array) -> None:
    """As `check`, but a vector's condition needs its type written out."""
    text = elementwise(statements, [t, t], t)
    vector = f"{SELECT} : vector<8xi1>, vector<8x{t}>"
    text = text.replace(f"{SELECT} : vector<8x{t}>", vector)
    code = Compiled(text, *FORMS)
    for name in FORMS:
        result = np.zeros_like(expected)
        code(name, x, y, result)
        np.testing.assert_array_equal(result, expected, err_msg=name)


def test_constants_are_exact() -> None:
    values = {"0.1": 0.1, "-1.0e-45": -1e-45, "3.4028235e38": 3.4028235e38}
    values |= {"0x7F800000": np.inf, "0x7FC00000": np.nan}
    lines = "\n".join(
        f"%v{i} = arith.constant {text} : f32\n"
        f"%i{i} = arith.constant {i} : index\n"
        f"memref.store %v{i}, %o[%i{i}] : memref<5xf32>"
        for i, text in enumerate(values)
    )
    result = np.zeros(5, np.float32)
    run(f"func.func @f(%o: memref<5xf32>) {{ {lines} return }}", result)
    np.testing.assert_array_equal(result, np.array([*values.values()], np.float32))


@pytest.mark.parametrize(("t", "dtype"), [("f64", np.float64), ("f16", np.float16)])
def test_constants_of_other_widths(t: str, dtype: Any) -> None:
    text = f"""
    func.func @f(%o: memref<2x{t}>) {{
      %c0 = arith.constant 0 : index
      %v = arith.constant dense<[0.1, -3.0]> : vector<2x{t}>
      %x = arith.constant 0.1 : {t}
      vector.store %v, %o[%c0] : memref<2x{t}>, vector<2x{t}>
      memref.store %x, %o[%c0] : memref<2x{t}>
      return
    }}"""
    result = np.zeros(2, dtype)
    run(text, result)
    np.testing.assert_array_equal(result, np.array([0.1, -3.0], dtype))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("%r = math.exp %x : f32", "got 'math.exp'; run expand-math first"),
        (
            "%d = arith.extf %x : f32 to f64 %r = arith.truncf %d : f64 to bf16",
            "go through",
        ),
        (
            "%i = arith.fptosi %x : f32 to i32 %r = arith.sitofp %i : i32 to bf16",
            "cast to f32",
        ),
    ],
)
def test_what_has_no_lowering_says_so(body: str, message: str) -> None:
    with pytest.raises(BrError, match=message):
        lowered(f"func.func @f(%x: f32) {{ {body} return }}")
