"""numpy's element types and MLIR's: the signless ones, on which arith computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    Float16Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    f32,
    f64,
    i1,
)
from xdsl.ir import Attribute

from brdialect.errors import BrError

DType = np.dtype[Any]

_FLOATS: dict[str, Attribute] = {
    "float16": Float16Type(),
    "bfloat16": BFloat16Type(),
    "float32": f32,
    "float64": f64,
}
HALVES = ("float16", "bfloat16")
"""The types in which values are kept, but not computed: that is f32."""


def element_type(dtype: DType) -> Attribute:
    """uint8 -> i8, float32 -> f32, bool -> i1"""
    if dtype.name in _FLOATS:
        return _FLOATS[dtype.name]
    if dtype == np.bool_:
        return i1
    if dtype.kind in "iu" and dtype.name in np.sctypeDict:
        return IntegerType(8 * dtype.itemsize)
    raise BrError(
        f"expected elements bool, int8 to int64, uint8 to uint64, {', '.join(_FLOATS)}"
        f", got {dtype}"
    )


def is_float(dtype: DType) -> bool:
    """Whether elements are floating-point numbers."""
    return dtype.name in _FLOATS


def lowest(dtype: DType) -> float | int:
    """What every maximum is above, or equal to."""
    if dtype == np.bool_:
        return 0
    return -math.inf if is_float(dtype) else int(np.iinfo(dtype).min)


def highest(dtype: DType) -> float | int:
    """What every minimum is below, or equal to."""
    if dtype == np.bool_:
        return 1
    return math.inf if is_float(dtype) else int(np.iinfo(dtype).max)


def constant_op(number: float, type_: Attribute) -> arith.ConstantOp:
    """A number of a type; of an integer, its low bits."""
    if isinstance(type_, AnyFloat):
        return arith.ConstantOp(FloatAttr(number, type_))
    assert isinstance(type_, IntegerType | IndexType)
    return arith.ConstantOp(IntegerAttr(int(number), type_, truncate_bits=True), type_)
