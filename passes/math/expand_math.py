"""`expand-math`: functions of the math dialect as arithmetic.

    %y = math.exp %x : vector<8xf32>
    ->
    n = round(x / ln 2), r = x - n ln 2, y = 2^n (1 + r + r^2 q(r))   // 20 arith ops

LLVM has no vector library for these: left alone, each lane becomes a call. The code is
free of branches and takes scalars and 1-D vectors of f16, bf16, f32 and f64. All inputs
count: zeros, subnormals, infinities and NaN give what IEEE 754 asks for.

Errors in units in the last place, the largest found by `tests/test_expand_math.py`:

    function   f32   f64    |  function   f32   f64    |  function   f32   f64
    exp        1.0   1.1    |  tanh       5.0   2.5    |  asin       0.51  2.0
    exp2       1.0   1.0    |  erf        3.0   3.0    |  acos       0.51  2.5
    expm1      1.5   2.0    |  rsqrt      1.5   1.5    |  atan       0.51  2.0
    log        1.0   1.0    |  sinh       0.51  2.5    |  atan2      0.51  2.0
    log2       2.0   2.0    |  cosh       0.51  3.5    |  cbrt       0.51  2.0
    log10      2.5   3.0    |  asinh      0.51  2.0    |  sin, cos   0.51  2.0
    log1p      1.5   1.5    |  acosh      0.51  2.0    |  tan        0.51  3.0
                            |  atanh      0.51  2.0    |  powf       0.51  8.0

sin, cos, tan and those of `BY_F64` compute f32 in f64; f16 and bf16 widen to f32. An
f64 in sin, cos and tan may be as large as 2^20 pi/2; beyond, accuracy is lost. powf of
f32 holds for all pairs; fpowi is powf. What the machine has stays: math.absf, ceil,
copysign, floor, fma, round, roundeven, sqrt, trunc and the bit counts of integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import math
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    ModuleOp,
    VectorType,
    f32,
    f64,
)
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from passes.math import math_exponential as exponential
from passes.math import math_powers as powers
from passes.math import math_trigonometric as trigonometric
from passes.math.float_code import Float, Int, element_type

OWN_F32: Mapping[type[Operation], Callable[..., Float]] = {
    math.ExpOp: exponential.exp,
    math.Exp2Op: exponential.exp2,
    math.ExpM1Op: exponential.expm1,
    math.LogOp: exponential.log,
    math.Log2Op: exponential.log2,
    math.Log10Op: exponential.log10,
    math.Log1pOp: exponential.log1p,
    math.TanhOp: exponential.tanh,
    math.ErfOp: exponential.erf,
    math.RsqrtOp: exponential.rsqrt,
    math.SinOp: trigonometric.sin,
    math.CosOp: trigonometric.cos,
    math.TanOp: trigonometric.tan,
}
"""Functions with code for both f32 and f64."""

BY_F64: Mapping[type[Operation], Callable[..., Float]] = {
    math.SinhOp: exponential.sinh,
    math.CoshOp: exponential.cosh,
    math.AsinhOp: exponential.asinh,
    math.AcoshOp: exponential.acosh,
    math.AtanhOp: exponential.atanh,
    math.CbrtOp: exponential.cbrt,
    math.AtanOp: trigonometric.atan,
    math.Atan2Op: trigonometric.atan2,
    math.AsinOp: trigonometric.asin,
    math.AcosOp: trigonometric.acos,
    math.PowFOp: powers.powf,
}
"""Rarer functions, and those that need more precision inside: f32 goes through f64."""

FLOATS = (BFloat16Type, Float16Type, Float32Type, Float64Type)


def check(op: Operation) -> AnyFloat:
    """The element type of the result, one that can be expanded."""
    type_ = op.results[0].type
    element = element_type(type_)
    if (isa(type_, VectorType) and type_.get_num_dims() != 1) or not isinstance(
        element, FLOATS
    ):
        unsupported(
            op,
            f"expected a scalar or 1-D vector of f16, bf16, f32 or f64, got {type_}; "
            f"convert-linalg-to-vector makes such vectors of tensors and memrefs",
        )
    return element


def expand(op: Operation) -> SSAValue | None:
    """Emits the code for `op` and returns its result; None for what stays."""
    if isinstance(op, math.IPowIOp):
        return powers.ipowi(op.lhs, op.rhs)
    if isinstance(op, math.FPowIOp):
        element = check(op)
        power = Int(op.rhs).to_float(f64)
        return powers.powf(Float(op.lhs).cast(f64), power).cast(element).value
    function = OWN_F32.get(type(op)) or BY_F64.get(type(op))
    if function is None:
        return None
    element = check(op)
    inside = f64 if type(op) in BY_F64 or isinstance(element, Float64Type) else f32
    return function(*(Float(v).cast(inside) for v in op.operands)).cast(element).value


def replace_by_code(op: Operation) -> None:
    """One function -> its code, where it stands."""
    with ImplicitBuilder(Builder(InsertPoint.before(op))):
        result = expand(op)
    if result is not None:
        op.results[0].replace_all_uses_with(result)
        Rewriter.erase_op(op)


@dataclass(frozen=True)
class ExpandMathPass(ModulePass):
    """Replaces math functions by branch-free arithmetic on scalars and vectors."""

    name = "expand-math"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [o for o in op.walk() if o.name.startswith("math.")]:
            replace_by_code(function)
