"""Casts, comparisons, bf16 and constants of convert-to-llvm, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import Array, Compiled, run
from elementwise import FORMS, INTEGERS, LANES, check, elementwise, floats, integers

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


def to_bf16(op: str, source: str, x: Array) -> list[Array]:
    """The bits of bf16 that `op` makes, of scalars and of a vector."""
    statements = f"%h = {op} %x : $x to {{0}} %r = arith.bitcast %h : {{0}} to $r"
    text = elementwise(statements, [source], "i16")
    head, _, tail = text.partition("func.func @vector")
    text = (
        head.replace("{0}", "bf16")
        + "func.func @vector"
        + tail.replace("{0}", "vector<8xbf16>")
    )
    code = Compiled(text, *FORMS)
    results = [np.zeros(LANES, np.int16) for _ in FORMS]
    for name, result in zip(FORMS, results, strict=True):
        code(name, x, result)
    return results


def test_bf16_rounds_to_nearest_even() -> None:
    for result in to_bf16("arith.truncf", "f32", BF16_INPUT):
        np.testing.assert_array_equal(result, bf16_bits(BF16_INPUT))


@pytest.mark.parametrize("t", ["i8", "i32"])
def test_integers_to_bf16(t: str) -> None:
    x = integers(t, *([0, 1, -1, 127, -128, 7, 5, -3] if t == "i8" else LARGE))[1]
    # the first is less than half a bf16's step above 2^24, by a bit that f32 lacks
    want = x.astype(np.float32) if t == "i8" else np.array(LARGE_BF16, np.float32)
    for result in to_bf16("arith.sitofp", t, x):
        np.testing.assert_array_equal(result, bf16_bits(want))


STEP = 1 << 17
LARGE = [(1 << 24) + STEP // 2 + 1, (1 << 24) + STEP // 2, 3, -5, 0, 129, 257, -(2**31)]
LARGE_BF16 = [(1 << 24) + STEP, 1 << 24, 3, -5, 0, 129, 256, -(2**31)]


@pytest.mark.parametrize("target", ["f16", "bf16"])
def test_f64_is_rounded_once(target: str) -> None:
    """Not to f32 first, which makes ties of what is just above or below one."""
    half = 2.0 ** (-11 if target == "f16" else -8)
    above, below = 1 + half + 2.0**-40, 1 + half - 2.0**-40
    up, even = 1 + 2 * half, 1.0
    x = np.array([above, below, 1 + half, -above, 1e300, np.inf, np.nan, 1e-320])
    want = np.array([up, even, even, -up, np.inf, np.inf, np.nan, 0.0], np.float32)
    if target == "f16":
        narrow = "%r = arith.truncf %x : $x to $r"
        check(narrow, "f16", want.astype(np.float16), ("f64", x))
    else:
        for result in to_bf16("arith.truncf", "f64", x):
            np.testing.assert_array_equal(result, bf16_bits(want))


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
