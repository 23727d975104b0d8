"""Tensor, memref, vector and control-flow operations, one property each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from brdialect.errors import BrError, UnsupportedError
from brdialect.reference import ExecutionError, arguments, find_entry, run
from brdialect.source import parse_module

Array = NDArray[Any]


def call(signature: str, body: str, args: Sequence[Any], **options: Any) -> Any:
    """The results of a function with one body; a single one as itself."""
    module = parse_module(f"func.func @main{signature} {{\n{body}\n}}", "test.mlir")
    results = run(module, None, args, **options)
    return results[0] if len(results) == 1 else results


def numbers(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


# tensor


def test_pad_by_dynamic_amounts_with_a_value_of_the_indices():
    body = """
      %p = tensor.pad %x low[%n, 1] high[0, %n] {
      ^bb0(%i: index, %j: index):
        %s = arith.addi %i, %j : index
        %k = arith.index_cast %s : index to i64
        %v = arith.sitofp %k : i64 to f32
        tensor.yield %v : f32
      } : tensor<2x3xf32> to tensor<?x?xf32>
      func.return %p : tensor<?x?xf32>"""
    x = numbers(2, 3)
    got = call("(%x: tensor<2x3xf32>, %n: index) -> tensor<?x?xf32>", body, [x, 2])
    want = np.add.outer(np.arange(4.0), np.arange(6.0))
    want[2:, 1:4] = x
    np.testing.assert_array_equal(got, want)


def test_slices():
    body = """
      %a = tensor.extract_slice %x[1, %n] [1, 3] [1, 2]
        : tensor<4x8xf32> to tensor<3xf32>
      %y = tensor.insert_slice %a into %x[%n, 0] [1, 3] [1, 1]
        : tensor<3xf32> into tensor<4x8xf32>
      func.return %a, %y : tensor<3xf32>, tensor<4x8xf32>"""
    x = numbers(4, 8)
    signature = "(%x: tensor<4x8xf32>, %n: index) -> (tensor<3xf32>, tensor<4x8xf32>)"
    part, whole = call(signature, body, [x, 2])
    want = x.copy()
    want[2, :3] = x[1, 2:8:2]
    np.testing.assert_array_equal(part, x[1, 2:8:2])
    np.testing.assert_array_equal(whole, want)
    with pytest.raises(ExecutionError, match=r"test.mlir:3:7: 'tensor.extract_slice"):
        call(signature, body, [x, 4])


def test_a_part_without_dimensions():
    body = """
      %a = tensor.extract_slice %z[] [] [] : tensor<f32> to tensor<f32>
      %y = tensor.insert_slice %x into %a[] [] [] : tensor<f32> into tensor<f32>
      func.return %y : tensor<f32>"""
    x, z = numbers(), numbers()
    got = call("(%x: tensor<f32>, %z: tensor<f32>) -> tensor<f32>", body, [x, z])
    np.testing.assert_array_equal(got, x)


def test_shapes_of_tensors():
    body = """
      %c = tensor.collapse_shape %x [[0, 1], [2]]
        : tensor<2x3x4xf32> into tensor<6x4xf32>
      %e = tensor.expand_shape %c [[0], [1, 2]] output_shape [6, 2, 2]
        : tensor<6x4xf32> into tensor<6x2x2xf32>
      %f = arith.constant dense<[12, 2]> : tensor<2xi64>
      %r = tensor.reshape %e(%f)
        : (tensor<6x2x2xf32>, tensor<2xi64>) -> tensor<12x2xf32>
      %k = tensor.concat dim(1) %r, %r
        : (tensor<12x2xf32>, tensor<12x2xf32>) -> tensor<12x4xf32>
      %d = tensor.cast %k : tensor<12x4xf32> to tensor<?x4xf32>
      %zero = arith.constant 0 : index
      %n = tensor.dim %d, %zero : tensor<?x4xf32>
      func.return %d, %n : tensor<?x4xf32>, index"""
    x = numbers(2, 3, 4)
    got, n = call("(%x: tensor<2x3x4xf32>) -> (tensor<?x4xf32>, index)", body, [x])
    np.testing.assert_array_equal(got, np.tile(x.reshape(12, 2), 2))
    assert n == 12


def test_elements_of_tensors():
    body = """
      %one = arith.constant 1 : index
      %v = tensor.extract %x[%one] : tensor<3xf32>
      %f = tensor.from_elements %v, %v : tensor<2xf32>
      %y = tensor.insert %v into %x[%n] : tensor<3xf32>
      %s = tensor.splat %v : tensor<2x2xf32>
      func.return %f, %y, %s : tensor<2xf32>, tensor<3xf32>, tensor<2x2xf32>"""
    results = "(tensor<2xf32>, tensor<3xf32>, tensor<2x2xf32>)"
    x = np.array([1, 2, 3], np.float32)
    f, y, s = call(f"(%x: tensor<3xf32>, %n: index) -> {results}", body, [x, 0])
    assert (f.tolist(), y.tolist(), s.tolist()) == ([2, 2], [2, 2, 3], [[2, 2]] * 2)
    assert x.tolist() == [1, 2, 3]


def test_unwritten_memory_is_nan():
    body = "%e = tensor.empty() : tensor<2xf32>\n func.return %e : tensor<2xf32>"
    assert np.isnan(call("() -> tensor<2xf32>", body, [])).all()


# memref


@pytest.mark.parametrize("precise", [True, False])
def test_memrefs_are_written_in_place(precise: bool):
    body = """
      %one = arith.constant 1 : index
      %v = memref.subview %x[1, 2] [2, 2] [1, 2] : memref<4x6xf32>
        to memref<2x2xf32, strided<[6, 2], offset: 8>>
      %w = memref.subview %v[1, 0] [1, 2] [1, 1]
        : memref<2x2xf32, strided<[6, 2], offset: 8>>
        to memref<2xf32, strided<[2], offset: 14>>
      %a = memref.alloc() : memref<2xf32>
      memref.copy %w, %a : memref<2xf32, strided<[2], offset: 14>> to memref<2xf32>
      %s = memref.load %a[%one] : memref<2xf32>
      %t = arith.addf %s, %s : f32
      memref.store %t, %v[%one, %one] : memref<2x2xf32, strided<[6, 2], offset: 8>>
      memref.dealloc %a : memref<2xf32>
      func.return"""
    x = numbers(4, 6)
    want = x.copy()
    want[2, 4] *= 2
    assert call("(%x: memref<4x6xf32>)", body, [x], precise=precise) == ()
    np.testing.assert_array_equal(x, want)


@pytest.mark.parametrize("precise", [True, False])
def test_typed_views_of_an_arena(precise: bool):
    body = """
      %c = arith.constant 64 : index
      %zero = arith.constant 0 : index
      %a = memref.view %arena[%c][] : memref<128xi8> to memref<4x4xf32>
      memref.store %v, %a[%zero, %zero] : memref<4x4xf32>
      %b = memref.view %arena[%c][%n] : memref<128xi8> to memref<?xf32>
      %r = memref.load %b[%zero] : memref<?xf32>
      func.return %r : f32"""
    args = [np.zeros(128, np.int8), np.float32(2.5), 3]
    signature = "(%arena: memref<128xi8>, %v: f32, %n: index) -> f32"
    assert call(signature, body, args, precise=precise) == 2.5


def test_windows_beyond_the_buffer_are_refused():
    body = """
      %v = memref.reinterpret_cast %x to offset: [0], sizes: [3, 4], strides: [4, 1]
        : memref<10xf32> to memref<3x4xf32, strided<[4, 1]>>
      func.return"""
    with pytest.raises(ExecutionError, match=r"within 0..9 of its buffer, got 0..11"):
        call("(%x: memref<10xf32>)", body, [numbers(10)])


def test_globals_and_reshaped_memrefs():
    module = parse_module("""
      "memref.global"() {sym_name = "g", type = memref<2x3xf32>, constant,
        initial_value = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>,
        sym_visibility = "private"} : () -> ()
      func.func @main(%y: memref<6xf32>) {
        %g = memref.get_global @g : memref<2x3xf32>
        %c = memref.collapse_shape %g [[0, 1]] : memref<2x3xf32> into memref<6xf32>
        %e = memref.expand_shape %c [[0, 1]] output_shape [3, 2]
          : memref<6xf32> into memref<3x2xf32>
        %f = memref.collapse_shape %e [[0, 1]] : memref<3x2xf32> into memref<6xf32>
        memref.copy %f, %y : memref<6xf32> to memref<6xf32>
        func.return
      }""")
    y = np.zeros(6, np.float32)
    run(module, None, [y])
    assert y.tolist() == [1, 2, 3, 4, 5, 6]


# vector


def test_vectors():
    body = """
      %zero = arith.constant 0 : index
      %two = arith.constant 2 : index
      %f = arith.constant dense<0.0> : vector<4xf32>
      %m = vector.create_mask %two : vector<4xi1>
      %a = vector.load %x[%zero] : memref<6xf32>, vector<4xf32>
      %four = arith.constant 4 : index
      %b = vector.maskedload %x[%four], %m, %f
        : memref<6xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
      %s = vector.broadcast %k : f32 to vector<4xf32>
      %r = vector.fma %a, %s, %b : vector<4xf32>
      vector.maskedstore %x[%four], %m, %r
        : memref<6xf32>, vector<4xi1>, vector<4xf32>
      %h = vector.shuffle %a, %b [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
      %e = vector.extract %h[1] : f32 from vector<4xf32>
      %t = vector.reduction <add>, %a : vector<4xf32> into f32
      func.return %e, %t : f32, f32"""
    x = np.arange(1, 7, dtype=np.float32)
    signature = "(%x: memref<6xf32>, %k: f32) -> (f32, f32)"
    e, t = call(signature, body, [x, np.float32(10)])
    assert (e, t) == (5, 10)
    assert x.tolist() == [1, 2, 3, 4, 15, 26]


# scf, cf and func


def test_loops_and_branches():
    """The number of steps of the Collatz sequence, and a sum of squares."""
    body = """
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %two = arith.constant 2 : index
      %three = arith.constant 3 : index
      %end:2 = scf.while (%v = %n, %c = %zero) : (index, index) -> (index, index) {
        %go = arith.cmpi ne, %v, %one : index
        scf.condition(%go) %v, %c : index, index
      } do {
      ^bb0(%v: index, %c: index):
        %odd = arith.remui %v, %two : index
        %is = arith.cmpi eq, %odd, %one : index
        %next = scf.if %is -> (index) {
          %t = arith.muli %v, %three : index
          %u = arith.addi %t, %one : index
          scf.yield %u : index
        } else {
          %h = arith.divui %v, %two : index
          scf.yield %h : index
        }
        %d = arith.addi %c, %one : index
        scf.yield %next, %d : index, index
      }
      %sum = scf.for %i = %zero to %n step %one iter_args(%s = %zero) -> (index) {
        %q = arith.muli %i, %i : index
        %r = arith.addi %s, %q : index
        scf.yield %r : index
      }
      %par = "scf.parallel"(%zero, %n, %two, %zero) ({
      ^bb0(%i: index):
        scf.reduce(%i : index) {
        ^bb0(%l: index, %r: index):
          %m = arith.addi %l, %r : index
          scf.reduce.return %m : index
        }
      }) {operandSegmentSizes = array<i32: 1, 1, 1, 1>}
        : (index, index, index, index) -> index
      func.return %end#1, %sum, %par : index, index, index"""
    got = call("(%n: index) -> (index, index, index)", body, [6])
    assert [int(x) for x in got] == [8, 55, 0 + 2 + 4]


def test_a_failed_assertion_is_told_at_its_place():
    body = 'cf.assert %a, "no luck"\n func.return'
    call("(%a: i1)", body, [np.True_])
    with pytest.raises(ExecutionError, match=r"test.mlir:2:1: 'cf.assert': .*no luck"):
        call("(%a: i1)", body, [np.False_])


TWO = """
  func.func private @helper(%x: f32) -> f32 {
    %y = arith.addf %x, %x : f32
    func.return %y : f32
  }
  func.func @f(%x: f32) -> f32 {
    %y = func.call @helper(%x) : (f32) -> f32
    func.return %y : f32
  }"""


def test_entry():
    module = parse_module(TWO)
    assert find_entry(module).sym_name.data == "f"
    assert [str(t) for types in arguments(module) for t in types] == ["f32", "f32"]
    assert run(module, None, [2.0])[0] == 4
    assert run(module, "helper", [1.0])[0] == 2
    more = parse_module(TWO + "func.func @g() { func.return }")
    with pytest.raises(BrError, match=r"no @main .* @helper, @f, @g"):
        find_entry(more)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "expected 1 arguments for @main, got 0"),
        ([np.zeros((2, 2), np.float32)], r"#0 .*expected shape \[2, 3\], got \[2, 2\]"),
        ([np.zeros((2, 3), np.int32)], "expected elements f32, got numpy's int32"),
    ],
)
def test_wrong_arguments(args: list[Array], message: str):
    with pytest.raises(BrError, match=message):
        call("(%x: tensor<2x3xf32>)", "func.return", args)


def test_what_has_no_meaning_here_is_named():
    with pytest.raises(UnsupportedError, match=r"test.mlir:2:1: 'test.op'"):
        call("()", '"test.op"() : () -> ()\n func.return', [])
