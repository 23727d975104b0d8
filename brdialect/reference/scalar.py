"""arith and math as tables of numpy functions: they work on scalars and, element by
element, on arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IntegerAttr
from xdsl.ir import Operation

from brdialect.reference.machine import Frame, Handler
from brdialect.reference.values import (
    Array,
    Value,
    decode,
    element_of,
    encode,
)
from brdialect.resources import dense_value

Function = Callable[..., Any]


def _unsigned_array(x: Array) -> Array:
    """The same bits, read without a sign."""
    x = np.asarray(x)
    return x if x.dtype.kind in "ub" else x.view(f"u{x.itemsize}")


def _unsigned(function: Function) -> Function:
    """The integer function on unsigned readings of its operands, back in their type."""

    def apply(a: Array, b: Array) -> Array:
        result = np.asarray(function(_unsigned_array(a), _unsigned_array(b)))
        return result.astype(np.asarray(a).dtype)

    return apply


def _with_sign(x: Array) -> Array:
    """The number that MLIR reads: i1's only bit is its sign, true is -1."""
    x = np.asarray(x)
    return -x.astype(np.int8) if x.dtype == np.bool_ else x


def _integer(function: Function) -> Function:
    """The function of integers, also on i1, which numpy holds as bool: it counts modulo
    2 there, and has a sign."""

    def apply(*args: Array) -> Array:
        if np.asarray(args[0]).dtype != np.bool_:
            return function(*args)
        return _truncate(function(*map(_with_sign, args)), np.dtype(np.bool_))

    return apply


def _counting(function: Function, one_bit: Function) -> Function:
    """What counts bits, of which bool has seven too many."""

    def apply(x: Array) -> Array:
        return (one_bit if np.asarray(x).dtype == np.bool_ else function)(x)

    return apply


def _divsi(a: Array, b: Array) -> Array:
    return (a - np.fmod(a, b)) // b


def _ceildivsi(a: Array, b: Array) -> Array:
    return np.floor_divide(a, b) + (np.mod(a, b) != 0).astype(np.asarray(a).dtype)


def _ceildivui(a: Array, b: Array) -> Array:
    return a // b + (a % b != 0).astype(a.dtype)


def _round_half_away(x: Array) -> Array:
    whole = np.trunc(x)
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x).astype(np.asarray(x).dtype)


def _erf(x: Array) -> Array:
    x = np.asarray(x)
    values = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size)
    return values.reshape(x.shape).astype(x.dtype)


def _leading_zeros(x: Array) -> Array:
    x = np.asarray(x)
    bits = _unsigned_array(x)
    width = 8 * x.itemsize
    zeros = np.zeros(x.shape, x.dtype)
    for shift in range(width):
        zeros += ((bits >> shift) == 0).astype(x.dtype)
    return zeros


def _trailing_zeros(x: Array) -> Array:
    x = np.asarray(x)
    low = np.bitwise_and(x, -x) - np.asarray(1, x.dtype)
    return np.bitwise_count(_unsigned_array(low)).astype(x.dtype)


def _population(x: Array) -> Array:
    return np.bitwise_count(_unsigned_array(x)).astype(np.asarray(x).dtype)


def _fma(a: Array, b: Array, c: Array) -> Array:
    return a * b + c


def _fpowi(x: Array, exponent: Array) -> Array:
    return np.power(x, np.asarray(exponent).astype(np.asarray(x).dtype))


def _rsqrt(x: Array) -> Array:
    return np.asarray(1, np.asarray(x).dtype) / np.sqrt(x)


_WHERE: Function = np.where

FUNCTIONS: dict[str, Function] = {
    "arith.addf": np.add,
    "arith.subf": np.subtract,
    "arith.mulf": np.multiply,
    "arith.divf": np.divide,
    "arith.remf": np.fmod,
    "arith.negf": np.negative,
    "arith.maximumf": np.maximum,
    "arith.minimumf": np.minimum,
    "arith.maxnumf": np.fmax,
    "arith.minnumf": np.fmin,
    "arith.addi": _integer(np.add),
    "arith.subi": _integer(np.subtract),
    "arith.muli": _integer(np.multiply),
    "arith.divsi": _integer(_divsi),
    "arith.remsi": _integer(np.fmod),
    "arith.floordivsi": _integer(np.floor_divide),
    "arith.ceildivsi": _integer(_ceildivsi),
    "arith.divui": _unsigned(np.floor_divide),
    "arith.remui": _unsigned(np.mod),
    "arith.ceildivui": _unsigned(_ceildivui),
    "arith.maxsi": _integer(np.maximum),
    "arith.minsi": _integer(np.minimum),
    "arith.maxui": _unsigned(np.maximum),
    "arith.minui": _unsigned(np.minimum),
    "arith.andi": np.bitwise_and,
    "arith.ori": np.bitwise_or,
    "arith.xori": np.bitwise_xor,
    "arith.shli": _integer(np.left_shift),
    "arith.shrsi": _integer(np.right_shift),
    "arith.shrui": _unsigned(np.right_shift),
    "math.absf": np.abs,
    "math.absi": _integer(np.abs),
    "math.acos": np.arccos,
    "math.acosh": np.arccosh,
    "math.asin": np.arcsin,
    "math.asinh": np.arcsinh,
    "math.atan": np.arctan,
    "math.atan2": np.arctan2,
    "math.atanh": np.arctanh,
    "math.cbrt": np.cbrt,
    "math.ceil": np.ceil,
    "math.copysign": np.copysign,
    "math.cos": np.cos,
    "math.cosh": np.cosh,
    "math.ctlz": _counting(_leading_zeros, np.logical_not),
    "math.cttz": _counting(_trailing_zeros, np.logical_not),
    "math.ctpop": _population,
    "math.erf": _erf,
    "math.exp": np.exp,
    "math.exp2": np.exp2,
    "math.expm1": np.expm1,
    "math.floor": np.floor,
    "math.fma": _fma,
    "math.fpowi": _fpowi,
    "math.log": np.log,
    "math.log10": np.log10,
    "math.log1p": np.log1p,
    "math.log2": np.log2,
    "math.powf": np.power,
    "math.round": _round_half_away,
    "math.roundeven": np.rint,
    "math.rsqrt": _rsqrt,
    "math.sin": np.sin,
    "math.sinh": np.sinh,
    "math.sqrt": np.sqrt,
    "math.tan": np.tan,
    "math.tanh": np.tanh,
    "math.trunc": np.trunc,
    "vector.fma": _fma,
}


def _unsigned_compare(function: Function) -> Function:
    def compare(a: Array, b: Array) -> Array:
        return function(_unsigned_array(a), _unsigned_array(b))

    return compare


def _signed_compare(function: Function) -> Function:
    def compare(a: Array, b: Array) -> Array:
        return function(_with_sign(a), _with_sign(b))

    return compare


def _is_unordered(a: Array, b: Array) -> Array:
    return np.isnan(a) | np.isnan(b)


def _always(value: bool) -> Function:
    def compare(a: Array, b: Array) -> Array:
        return np.full(np.broadcast(a, b).shape, value)

    return compare


def _one(a: Array, b: Array) -> Array:
    return np.not_equal(a, b) & ~_is_unordered(a, b)


def _ord(a: Array, b: Array) -> Array:
    return ~_is_unordered(a, b)


def _or_unordered(function: Function) -> Function:
    def compare(a: Array, b: Array) -> Array:
        return function(a, b) | _is_unordered(a, b)

    return compare


_INEQUALITIES = (np.less, np.less_equal, np.greater, np.greater_equal)
# Both indexed by the predicate's number: eq ne slt sle sgt sge ult ule ugt uge
CMPI: Sequence[Function] = (
    np.equal,
    np.not_equal,
    *map(_signed_compare, _INEQUALITIES),
    *map(_unsigned_compare, _INEQUALITIES),
)
# oeq ogt oge olt ole one
_ORDERED: Sequence[Function] = (
    np.equal,
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    _one,
)
# false, _ORDERED, ord, then ueq ugt uge ult ule une, uno, true: `u` also holds on NaN
CMPF: Sequence[Function] = (
    _always(False),
    *_ORDERED,
    _ord,
    *map(_or_unordered, _ORDERED),
    _is_unordered,
    _always(True),
)


def _sign_extend(x: Array, to: np.dtype[Any]) -> Array:
    return _with_sign(x).astype(to)


def _zero_extend(x: Array, to: np.dtype[Any]) -> Array:
    return _unsigned_array(x).astype(to)


def _truncate(x: Array, to: np.dtype[Any]) -> Array:
    return (x & 1).astype(to) if to == np.bool_ else x.astype(to)


def _to_signed(x: Array, to: np.dtype[Any]) -> Array:
    return np.trunc(x).astype(to)  # for numpy 0.5 is true


def _to_unsigned(x: Array, to: np.dtype[Any]) -> Array:
    return _to_signed(x, to) if to == np.bool_ else x.astype(f"u{to.itemsize}").view(to)


def _convert(x: Array, to: np.dtype[Any]) -> Array:
    return x.astype(to)


CASTS: dict[str, Function] = {
    "arith.extf": _convert,
    "arith.truncf": _convert,
    "arith.fptosi": _to_signed,
    "arith.fptoui": _to_unsigned,
    "arith.sitofp": _sign_extend,
    "arith.uitofp": _zero_extend,
    "arith.extsi": _sign_extend,
    "arith.extui": _zero_extend,
    "arith.trunci": _truncate,
    "arith.index_cast": _sign_extend,
    "arith.index_castui": _zero_extend,
}


def _elementwise(function: Function) -> Handler:
    def handler(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
        return (function(*args),)

    return handler


def _cast(function: Function) -> Handler:
    def handler(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
        return (function(np.asarray(args[0]), frame.dtype(op.results[0].type)),)

    return handler


def _compare(table: Sequence[Function]) -> Handler:
    def handler(
        frame: Frame, op: arith.CmpiOp | arith.CmpfOp, args: Sequence[Value]
    ) -> Sequence[Value]:
        return (table[op.predicate.value.data](*args),)

    return handler


def bitcast(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """The bits of the element's own type, even where it is held in a wider one."""
    target = op.results[0].type
    raw = encode(np.asarray(args[0]), op.operands[0].type)
    typed = raw.view(encode(np.zeros(1), target).dtype)
    if frame.dtype(target).kind == "f":
        return (decode(typed, target, frame.machine.precise),)
    return (typed,)


def select(frame: Frame, op: Operation, args: Sequence[Value]) -> Sequence[Value]:
    """Element by element, or one of two whole values by a single condition."""
    condition, yes, no = args
    if np.ndim(condition) == 0:
        return (yes if condition else no,)
    return (_WHERE(condition, yes, no),)


def constant(
    frame: Frame, op: arith.ConstantOp, args: Sequence[Value]
) -> Sequence[Value]:
    """A number, or the tensor of a dense literal or resource."""
    type_ = op.result.type
    if isinstance(op.value, IntegerAttr | FloatAttr):
        return (np.asarray(op.value.value.data).astype(frame.dtype(type_))[()],)
    literal = dense_value(op.value, frame.machine.resources)
    return (decode(literal, element_of(type_), frame.machine.precise),)


HANDLERS: dict[str, Handler] = {
    **{name: _elementwise(function) for name, function in FUNCTIONS.items()},
    **{name: _cast(function) for name, function in CASTS.items()},
    "arith.cmpi": _compare(CMPI),
    "arith.cmpf": _compare(CMPF),
    "arith.bitcast": bitcast,
    "vector.bitcast": bitcast,
    "arith.select": select,
    "arith.constant": constant,
}
