"""arith and math compute what their names say, in the width of their type."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from brdialect.reference import run
from brdialect.source import parse_module

Array = NDArray[Any]
INT8 = st.integers(-128, 127)


def call(signature: str, body: str, args: Sequence[Any], **options: Any) -> Any:
    """The results of a function with one body; a single one as itself."""
    module = parse_module(f"func.func @main{signature} {{\n{body}\n}}", "test.mlir")
    results = run(module, None, args, **options)
    return results[0] if len(results) == 1 else results


def i8(op: str, a: int, b: int) -> int:
    body = f"%r = arith.{op} %a, %b : i8\n func.return %r : i8"
    args = [np.int8(a), np.int8(b)]
    return int(call("(%a: i8, %b: i8) -> i8", body, args))


def wrapped(value: int) -> int:
    return (value + 128) % 256 - 128


@given(INT8, INT8.filter(lambda b: b != 0))
def test_integer_division_rounds_as_its_name_says(a: int, b: int):
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert i8("divsi", a, b) == wrapped(quotient)
    assert i8("remsi", a, b) == wrapped(a - b * quotient)
    assert i8("floordivsi", a, b) == wrapped(a // b)
    assert i8("ceildivsi", a, b) == wrapped(-(-a // b))
    assert i8("divui", a, b) == wrapped((a % 256) // (b % 256))
    assert i8("remui", a, b) == wrapped((a % 256) % (b % 256))


@given(INT8, INT8, st.integers(0, 7))
def test_integers_wrap_and_compare_in_their_width(a: int, b: int, shift: int):
    assert i8("addi", a, b) == wrapped(a + b)
    assert i8("muli", a, b) == wrapped(a * b)
    assert i8("maxui", a, b) == wrapped(max(a % 256, b % 256))
    assert i8("shrui", a, shift) == wrapped((a % 256) >> shift)
    assert i8("shrsi", a, shift) == a >> shift
    body = "%r = arith.cmpi ult, %a, %b : i8\n func.return %r : i1"
    less = call("(%a: i8, %b: i8) -> i1", body, [np.int8(a), np.int8(b)])
    assert bool(less) == (a % 256 < b % 256)


# whether it holds for: equal, greater, less, unordered
PREDICATES = {
    "false": "    ",
    "oeq": "e   ",
    "ogt": " g  ",
    "oge": "eg  ",
    "olt": "  l ",
    "ole": "e l ",
    "one": " gl ",
    "ord": "egl ",
    "ueq": "e  u",
    "ugt": " g u",
    "uge": "eg u",
    "ult": "  lu",
    "ule": "e lu",
    "une": " glu",
    "uno": "   u",
    "true": "eglu",
}


@pytest.mark.parametrize("predicate", PREDICATES)
def test_float_comparison(predicate: str):
    a = np.array([1, 2, 1, np.nan], np.float32)
    b = np.array([1, 1, 2, np.nan], np.float32)
    body = f"""
      %r = arith.cmpf {predicate}, %a, %b : tensor<4xf32>
      func.return %r : tensor<4xi1>"""
    got = call("(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xi1>", body, [a, b])
    assert got.tolist() == [letter != " " for letter in PREDICATES[predicate]]


def test_one_bit_arithmetic_is_modulo_two():
    body = """
      %s = arith.addi %a, %a : i1
      %e = arith.extsi %a : i1 to i32
      %u = arith.extui %a : i1 to i32
      %f = arith.uitofp %a : i1 to f32
      func.return %s, %e, %u, %f : i1, i32, i32, f32"""
    got = call("(%a: i1) -> (i1, i32, i32, f32)", body, [np.True_])
    assert [float(x) for x in got] == [0, -1, 1, 1]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("cmpi slt,", "0010"),
        ("cmpi sle,", "1011"),
        ("cmpi sgt,", "0100"),
        ("cmpi sge,", "1101"),
        ("cmpi ult,", "0100"),
        ("cmpi uge,", "1011"),
        ("maxsi", "0001"),
        ("minsi", "0111"),
        ("maxui", "0111"),
        ("minui", "0001"),
        ("subi", "0110"),
        ("muli", "0001"),
    ],
)
def test_true_is_minus_one_where_one_bit_has_a_sign(op: str, expected: str):
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    body = f"%r = arith.{op} %a, %b : tensor<4xi1>\n func.return %r : tensor<4xi1>"
    got = call("(%a: tensor<4xi1>, %b: tensor<4xi1>) -> tensor<4xi1>", body, [a, b])
    assert got.dtype == np.bool_
    assert "".join(str(int(bit)) for bit in got) == expected


def test_one_bit_is_counted_and_divided_as_one_bit():
    body = """
      %z = math.ctlz %a : i1
      %t = math.cttz %a : i1
      %p = math.ctpop %a : i1
      %d = arith.floordivsi %a, %b : i1
      %r = arith.remsi %a, %b : i1
      %s = arith.shrsi %a, %c : i1
      func.return %z, %t, %p, %d, %r, %s : i1, i1, i1, i1, i1, i1"""
    signature = "(%a: i1, %b: i1, %c: i1) -> (i1, i1, i1, i1, i1, i1)"
    for a in (0, 1):
        got = call(signature, body, [np.bool_(a), np.True_, np.False_])
        assert [bool(x) for x in got] == [not a, not a, a, a, False, a]


def test_conversions_to_and_from_one_bit():
    body = """
      %i = arith.fptosi %x : f32 to i1
      %u = arith.fptoui %x : f32 to i1
      %f = arith.sitofp %i : i1 to f32
      func.return %i, %u, %f : i1, i1, f32"""
    i, u, f = call("(%x: f32) -> (i1, i1, f32)", body, [np.float32(0.5)])
    assert (i, u, f) == (False, False, 0)
    assert not np.signbit(f)
    assert call("(%x: f32) -> (i1, i1, f32)", body, [np.float32(-1.5)])[2] == -1


def test_casts_between_widths():
    body = """
      %n = arith.trunci %a : i32 to i8
      %z = arith.extui %n : i8 to i32
      %f = arith.sitofp %n : i8 to f32
      %b = arith.bitcast %f : f32 to i32
      %c = arith.bitcast %b : i32 to f32
      %i = arith.fptosi %c : f32 to i64
      func.return %n, %z, %f, %b, %i : i8, i32, f32, i32, i64"""
    for precise in (True, False):
        results = "(i8, i32, f32, i32, i64)"
        got = call(
            f"(%a: i32) -> {results}", body, [np.int32(384 - 3)], precise=precise
        )
        bits = int(np.float32(125).view(np.int32))
        assert [float(x) for x in got] == [125, 125, 125.0, bits, 125]


def test_precise_keeps_what_the_type_would_round():
    body = """
      %one = arith.constant 1.0 : f32
      %s = arith.addf %a, %one : f32
      %r = arith.subf %s, %one : f32
      func.return %r : f32"""
    assert call("(%a: f32) -> f32", body, [np.float32(1e-9)]) == pytest.approx(1e-9)
    own = call("(%a: f32) -> f32", body, [np.float32(1e-9)], precise=False)
    assert own.dtype == np.float32
    assert own == 0


def test_bf16_rounds_to_nearest_even_after_each_operation():
    body = "%r = arith.addf %a, %b : bf16\n func.return %r : bf16"
    args = [np.float32(256), np.float32(1)]  # eight bits: 257 is halfway, 259 rounds up
    assert call("(%a: bf16, %b: bf16) -> bf16", body, args, precise=False) == 256
    args = [np.float32(256), np.float32(3)]
    assert call("(%a: bf16, %b: bf16) -> bf16", body, args, precise=False) == 260
    assert call("(%a: bf16, %b: bf16) -> bf16", body, args) == 259


@pytest.mark.parametrize(
    ("op", "x", "want"),
    [
        ("math.erf", 0.5, 0.5204998778130465),
        ("math.rsqrt", 4.0, 0.5),
        ("math.round", -2.5, -3.0),
        ("math.roundeven", -2.5, -2.0),
        ("math.cbrt", -8.0, -2.0),
        ("math.expm1", 0.0, 0.0),
    ],
)
def test_math(op: str, x: float, want: float):
    body = f"%r = {op} %a : f64\n func.return %r : f64"
    assert call("(%a: f64) -> f64", body, [x]) == pytest.approx(want)


@pytest.mark.parametrize(
    ("op", "x", "want"),
    [
        ("ctlz", 1, 31),
        ("cttz", 8, 3),
        ("cttz", 0, 32),
        ("ctpop", -1, 32),
        ("ctlz", 0, 32),
    ],
)
def test_bits(op: str, x: int, want: int):
    body = f"%r = math.{op} %a : i32\n func.return %r : i32"
    assert call("(%a: i32) -> i32", body, [np.int32(x)]) == want
