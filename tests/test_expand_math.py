"""expand-math: every function, through machine code, against a wider type.

f32 is compared with numpy in f64 on some two million points of all 2^32 bit patterns,
so on every exponent and both signs; f64 with numpy's long double. The bounds are those
in the pass's docstring.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from native import native
from xdsl.context import Context
from xdsl.utils.exceptions import PassFailedException

from brdialect.source import parse_module
from passes.registry import pass_named

F32, F64, WIDER = np.float32, np.float64, np.longdouble
NAMES = {F32: "f32", F64: "f64"}

has_long_double = pytest.mark.skipif(
    np.finfo(WIDER).nmant < 63, reason="f64 needs a longer long double to compare with"
)


def _erf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf, otypes=[F64])(x.astype(F64))


FUNCTIONS = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "erf": _erf,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "cbrt": np.cbrt,
    "atan": np.arctan,
    "asin": np.arcsin,
    "acos": np.arccos,
}
BOUNDS = {
    # function: (f32, f64)
    "exp": (1.0, 1.1),
    "exp2": (1.0, 1.0),
    "expm1": (1.5, 2.0),
    "log": (1.0, 1.0),
    "log2": (2.0, 2.0),
    "log10": (2.5, 3.0),
    "log1p": (1.5, 1.5),
    "tanh": (5.0, 2.5),
    "erf": (3.0, 3.0),  # f64 against libm's erf, which is 1 off itself
    "rsqrt": (1.5, 1.5),
    "tan": (0.51, 3.0),
    "sinh": (0.51, 2.5),
    "cosh": (0.51, 3.5),
    "acos": (0.51, 2.5),
}
OTHERS = (0.51, 2.0)


def source(op: str, element: str, count: int, arguments: int = 1) -> str:
    """A function that applies `math.op` to arrays."""
    memref = f"memref<{count}x{element}>"
    each = range(arguments)
    return f"""
    #m = affine_map<(d0) -> (d0)>
    func.func @f({", ".join(f"%x{i}: {memref}" for i in each)}, %y: {memref}) {{
      linalg.generic {{
        indexing_maps = [{", ".join("#m" for _ in range(arguments + 1))}],
        iterator_types = ["parallel"]}}
      ins({", ".join(f"%x{i}" for i in each)} : {", ".join(memref for _ in each)})
      outs(%y : {memref}) {{
      ^bb0({", ".join(f"%a{i}: {element}" for i in each)}, %o: {element}):
        %r = math.{op} {", ".join(f"%a{i}" for i in each)} : {element}
        linalg.yield %r : {element}
      }}
      return
    }}"""


def evaluate(op: str, *arrays: np.ndarray) -> np.ndarray:
    """The compiled function on arrays of one length."""
    element = NAMES[arrays[0].dtype.type]
    result = np.empty_like(arrays[0])
    native(source(op, element, result.size, len(arrays)))(*arrays, result)
    return result


def specials(dtype: type) -> np.ndarray:
    """Where functions change their minds."""
    info = np.finfo(dtype)
    positive = [0, info.smallest_subnormal, info.tiny, 0.5, 1, 2, 3, info.max, np.inf]
    positive += [0.9, 4.1, 6.1, 88.72, 88.73, 87.4, 103.9, 104, 709.78, 709.79, 745.1]
    positive += [745.2, 710.4, 40, 20, 1 + info.eps, 1 - info.epsneg]
    return np.array([*positive, *(-x for x in positive), np.nan], dtype)


def whole_range(dtype: type, count: int) -> np.ndarray:
    """All exponents alike, then where most programs live, then the special ones."""
    rng = np.random.default_rng(0)
    if dtype is F32:
        step = (1 << 32) // count | 1
        bits = np.arange(0, 1 << 32, step, dtype=np.uint64).astype(np.uint32)
    else:
        bits = rng.integers(0, 1 << 64, count, dtype=np.uint64)
    usual = (rng.uniform(-20, 20, count // 8), rng.uniform(0.5, 2, count // 8))
    return np.concatenate([bits.view(dtype), *usual, specials(dtype)]).astype(dtype)


def check(got: np.ndarray, exact: np.ndarray, bound: float, *at: np.ndarray) -> None:
    """Finite results are within `bound` units in the last place; the others, and the
    signs of zeros, are the same."""
    with np.errstate(all="ignore"):
        want = exact.astype(got.dtype)
        unit = np.spacing(np.abs(want)).astype(exact.dtype)
        error = np.abs(got.astype(exact.dtype) - exact) / unit
    finite = np.isfinite(want)
    right = np.where(
        finite, error <= bound, (got == want) | (np.isnan(got) & np.isnan(want))
    )
    right &= (want != 0) | (got != 0) | (np.signbit(want) == np.signbit(got))
    wrong = np.flatnonzero(~right)
    if wrong.size:
        i = wrong[np.argmax(np.where(finite, error, 0)[wrong])]
        raise AssertionError(
            f"{wrong.size} of {got.size} wrong, such as f({[x[i] for x in at]}) = "
            f"{got[i]!r}, expected {exact[i]!r}, off by {error[i]:.2f}"
        )


@pytest.mark.parametrize("op", FUNCTIONS)
def test_f32_over_all_exponents(op: str) -> None:
    x = whole_range(F32, 1 << 18 if op == "erf" else 1 << 21)
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[op](x.astype(F64))
    check(evaluate(op, x), exact, BOUNDS.get(op, OTHERS)[0], x)


@has_long_double
@pytest.mark.parametrize("op", FUNCTIONS)
def test_f64_over_all_exponents(op: str) -> None:
    x = whole_range(F64, 1 << 17)
    if op in ("sin", "cos", "tan"):
        x = x[~(np.abs(x) > 2**20 * math.pi / 2) | np.isinf(x)]
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[op](x.astype(WIDER))
    check(evaluate(op, x), exact, BOUNDS.get(op, OTHERS)[1], x)


@pytest.mark.parametrize("dtype", [F32, pytest.param(F64, marks=has_long_double)])
@pytest.mark.parametrize("op", ["powf", "atan2"])
def test_two_arguments(op: str, dtype: type) -> None:
    """All pairs of special values, and random ones whose result is finite."""
    function = {"powf": np.power, "atan2": np.arctan2}[op]
    rng = np.random.default_rng(1)
    some = specials(dtype)
    x, y = (a.ravel() for a in np.meshgrid(some, some))
    base = np.exp(rng.uniform(-60, 60, 100_000)) * rng.choice([1.0, -1.0], 100_000)
    power = rng.uniform(-700, 700, base.size) / np.maximum(
        1, np.abs(np.log(np.abs(base)))
    )
    power[::2] = np.round(power[::2])
    base[: base.size // 4] = rng.uniform(0.9, 1.1, base.size // 4)
    x = np.concatenate([x, base]).astype(dtype)
    y = np.concatenate([y, power]).astype(dtype)
    wider = F64 if dtype is F32 else WIDER
    with np.errstate(all="ignore"):
        exact = function(x.astype(wider), y.astype(wider))
    bound = 0.51 if dtype is F32 else {"powf": 8.0, "atan2": 2.0}[op]
    check(evaluate(op, x, y), exact, bound, x, y)


def test_sigmoid_as_written_never_becomes_nan() -> None:
    """1 / (1 + exp(-x)), where exp may overflow."""
    x = whole_range(F32, 1 << 20)
    x = x[: x.size // 8 * 8]
    y = np.empty_like(x)
    body = """
        %n = arith.negf %a0 : f32
        %e = math.exp %n : f32
        %one = arith.constant 1.0 : f32
        %d = arith.addf %e, %one : f32
        %r = arith.divf %one, %d : f32"""
    text = source("exp", "f32", x.size).replace("%r = math.exp %a0 : f32", body)
    native(text)(x, y)
    assert np.array_equal(np.isnan(x), np.isnan(y))
    with np.errstate(all="ignore"):
        exact = 1 / (1 + np.exp(-x.astype(F64)))
    normal = ~(x < -87)  # below, exp(-x) overflows before 1/exp(-x) is 0
    check(y[normal], exact[normal], 4.0, x[normal])
    assert (np.abs(y - exact)[x < -87] < 2e-38).all()


@pytest.mark.parametrize("count", [1, 5])
def test_scalars_and_tails(count: int) -> None:
    """One element is scalar code or one masked vector."""
    x = np.linspace(0.1, 1, count, dtype=F32)
    np.testing.assert_allclose(evaluate("log", x), np.log(x), rtol=3e-7)


def test_half_precision_is_computed_in_f32() -> None:
    x = np.linspace(-8, 8, 64).astype(np.float16)
    y = np.empty_like(x)
    native(source("tanh", "f16", x.size))(x, y)
    check(y, np.tanh(x.astype(F32)), 0.51, x)


INTEGER_POWER = """
    #m = affine_map<(d0) -> (d0)>
    func.func @f(%x: memref<NxT>, %n: memref<Nxi32>, %y: memref<NxT>) {
      linalg.generic {indexing_maps = [#m, #m, #m], iterator_types = ["parallel"]}
      ins(%x, %n : memref<NxT>, memref<Nxi32>) outs(%y : memref<NxT>) {
      ^bb0(%a: T, %k: i32, %o: T):
        %r = OP
        linalg.yield %r : T
      }
      return
    }"""


def integer_power(op: str, element: str, x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """`op` on a base and an i32 power."""
    text = INTEGER_POWER.replace("OP", op).replace("NxT", f"{x.size}x{element}")
    text = text.replace("Nx", f"{x.size}x").replace(": T", f": {element}")
    y = np.empty_like(x)
    native(text)(x, n, y)
    return y


def test_fpowi() -> None:
    x, n = (a.ravel() for a in np.meshgrid(specials(F32), np.arange(-9, 10)))
    got = integer_power("math.fpowi %a, %k : f32, i32", "f32", x, n.astype(np.int32))
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(F64), n.astype(F64))
    check(got, exact, 0.51, x, n)


def test_ipowi() -> None:
    x, n = (a.ravel() for a in np.meshgrid(np.arange(-5, 6), np.arange(-4, 9)))
    keep = (x != 0) | (n >= 0)
    x, n = x[keep].astype(np.int32), n[keep].astype(np.int32)
    got = integer_power("math.ipowi %a, %k : i32", "i32", x, n)
    want = [math.trunc(float(b) ** int(e)) for b, e in zip(x, n, strict=True)]
    assert got.tolist() == want


def test_what_has_no_expansion_is_named() -> None:
    module = parse_module("""
    func.func @f(%x: vector<2x4xf32>) -> vector<2x4xf32> {
      %y = math.exp %x : vector<2x4xf32>
      return %y : vector<2x4xf32>
    }""")
    with pytest.raises(PassFailedException, match=r":3:.*math\.exp.*1-D vector of f16"):
        pass_named("expand-math")().apply(Context(), module)
