"""Vectors in convert-to-llvm, against numpy: masks, reductions, moving lanes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from compiled import arange, run


@pytest.mark.parametrize("n", [-5, 0, 1, 5, 8, 9, 2**40, 5 - 2**40])
def test_masks_guard_memory(n: int) -> None:
    """Lanes beyond n are neither read nor written."""
    text = """
    func.func @f(%n: index, %a: memref<?xf32>, %o: memref<?xf32>) {
      %c0 = arith.constant 0 : index
      %rest = arith.constant dense<-1.0> : vector<8xf32>
      %m = vector.create_mask %n : vector<8xi1>
      %x = vector.maskedload %a[%c0], %m, %rest
         : memref<?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
      %y = arith.addf %x, %x : vector<8xf32>
      vector.maskedstore %o[%c0], %m, %y : memref<?xf32>, vector<8xi1>, vector<8xf32>
      return
    }"""
    a, o = arange(8), np.full(8, 77, np.float32)
    run(text, n, a, 8, o, 8)
    count = min(max(n, 0), 8)
    np.testing.assert_array_equal(o[:count], 2 * a[:count])
    assert (o[count:] == 77).all()


@pytest.mark.parametrize("t", ["i32", "f64", "i8"])
def test_masks_take_any_element(t: str) -> None:
    text = f"""
    func.func @f(%a: memref<8x{t}>, %o: memref<8x{t}>) {{
      %c0 = arith.constant 0 : index
      %c3 = arith.constant 3 : index
      %z = vector.load %o[%c0] : memref<8x{t}>, vector<8x{t}>
      %m = vector.create_mask %c3 : vector<8xi1>
      %x = vector.maskedload %a[%c0], %m, %z
         : memref<8x{t}>, vector<8xi1>, vector<8x{t}> into vector<8x{t}>
      vector.maskedstore %o[%c0], %m, %x : memref<8x{t}>, vector<8xi1>, vector<8x{t}>
      return
    }}"""
    dtype = {"i32": np.int32, "f64": np.float64, "i8": np.int8}[t]
    a, o = np.arange(1, 9).astype(dtype), np.zeros(8, dtype)
    run(text, a, o)
    np.testing.assert_array_equal(o, [1, 2, 3, 0, 0, 0, 0, 0])


REDUCTIONS = {
    "add": np.sum,
    "mul": np.prod,
    "minsi": np.min,
    "maxsi": np.max,
    "minui": lambda x: np.min(x.view(np.uint32)).astype(np.uint32).view(np.int32),
    "maxui": lambda x: np.max(x.view(np.uint32)).astype(np.uint32).view(np.int32),
    "and": np.bitwise_and.reduce,
    "or": np.bitwise_or.reduce,
    "xor": np.bitwise_xor.reduce,
}


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_integer_reductions(kind: str) -> None:
    text = f"""
    func.func @f(%a: memref<9xi32>) -> i32 {{
      %c0 = arith.constant 0 : index
      %c8 = arith.constant 8 : index
      %v = vector.load %a[%c0] : memref<9xi32>, vector<8xi32>
      %s = memref.load %a[%c8] : memref<9xi32>
      %r = vector.reduction <{kind}>, %v, %s : vector<8xi32> into i32
      return %r : i32
    }}"""
    a = np.array([3, -1, 7, 5, -9, 11, 2, 6, 13], np.int32)
    assert run(text, a, result=ctypes.c_int32) == REDUCTIONS[kind](a)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("add", 1e8 + 0.5 - 1e8),
        ("mul", 0.0),
        ("minnumf", -1e8),
        ("maxnumf", 1e8),
        ("minimumf", -1e8),
        ("maximumf", 1e8),
    ],
)
def test_float_reductions_keep_their_order(kind: str, expected: float) -> None:
    """(1e8 + 0.5) - 1e8 is 0 in f32 from left to right, and only then."""
    text = f"""
    func.func @f(%a: memref<4xf32>) -> f32 {{
      %c0 = arith.constant 0 : index
      %v = vector.load %a[%c0] : memref<4xf32>, vector<4xf32>
      %r = vector.reduction <{kind}>, %v : vector<4xf32> into f32
      return %r : f32
    }}"""
    a = np.array([1e8, 0.5, -1e8, 0.0], np.float32)
    result = run(text, a, result=ctypes.c_float)
    assert result == (0.0 if kind == "add" else expected)
    a[1] = np.nan
    if "imum" in kind:
        assert np.isnan(run(text, a, result=ctypes.c_float))
    elif "num" in kind:
        assert run(text, a, result=ctypes.c_float) == expected


def test_moving_lanes() -> None:
    text = """
    func.func @f(%a: memref<8xf32>, %i: index, %o: memref<12xf32>) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %v = vector.load %a[%c0] : memref<8xf32>, vector<8xf32>
      %x = vector.extract %v[2] : f32 from vector<8xf32>
      %y = vector.extract %v[%i] : f32 from vector<8xf32>
      %w = vector.shuffle %v, %v [7, 6, 8, 9] : vector<8xf32>, vector<8xf32>
      %w1 = vector.insert %y, %w[%i] : f32 into vector<4xf32>
      vector.store %w1, %o[%c0] : memref<12xf32>, vector<4xf32>
      %b = vector.broadcast %x : f32 to vector<4xf32>
      vector.store %b, %o[%c4] : memref<12xf32>, vector<4xf32>
      %u = vector.shuffle %w, %v [0, 4, 11, 3] : vector<4xf32>, vector<8xf32>
      vector.store %u, %o[%c8] : memref<12xf32>, vector<4xf32>
      return
    }"""
    a, o = arange(8) + 10, np.zeros(12, np.float32)
    run(text, a, 3, o)
    expected = [17, 16, 10, 13, 12, 12, 12, 12, 17, 10, 17, 11]
    np.testing.assert_array_equal(o, expected)
