"""memref, functions and control flow of convert-to-llvm, against numpy."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from compiled import Compiled, arange, lowered, run

from brdialect.errors import BrError


def test_dynamic_sizes_and_strides_are_arguments() -> None:
    """A pointer, then the sizes, then the strides; the offset is in the pointer."""
    strided = "memref<?x?xf32, strided<[?, ?], offset: ?>>"
    text = f"""
    func.func @f(%a: {strided}, %o: memref<?x?xf32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %m = memref.dim %a, %c0 : {strided}
      %n = memref.dim %a, %c1 : {strided}
      scf.for %i = %c0 to %m step %c1 {{
        scf.for %j = %c0 to %n step %c1 {{
          %x = memref.load %a[%i, %j] : {strided}
          memref.store %x, %o[%i, %j] : memref<?x?xf32>
        }}
      }}
      return
    }}"""
    a = arange(8, 9)[1:7:2, ::-2]
    o = np.zeros(a.shape, np.float32)
    strides = [s // 4 for s in a.strides]
    run(text, a, *a.shape, *strides, o, *o.shape)
    np.testing.assert_array_equal(o, a)


def test_views_of_views() -> None:
    """subview adds to the offset; reinterpret_cast counts from the allocation."""
    text = """
    func.func @f(%a: memref<6x8xf32>, %i: index, %o: memref<3xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %s = memref.subview %a[%i, 1] [2, 6] [2, 1]
         : memref<6x8xf32> to memref<2x6xf32, strided<[16, 1], offset: ?>>
      %t = memref.subview %s[1, 2] [1, 3] [1, 1]
         : memref<2x6xf32, strided<[16, 1], offset: ?>>
         to memref<3xf32, strided<[1], offset: ?>>
      %x = memref.load %t[%c1] : memref<3xf32, strided<[1], offset: ?>>
      memref.store %x, %o[%c0] : memref<3xf32>
      %r = memref.reinterpret_cast %t to offset: [5], sizes: [2, 2], strides: [1, 8]
         : memref<3xf32, strided<[1], offset: ?>>
         to memref<2x2xf32, strided<[1, 8], offset: 5>>
      %y = memref.load %r[%c1, %c1] : memref<2x2xf32, strided<[1, 8], offset: 5>>
      memref.store %y, %o[%c1] : memref<3xf32>
      %q = memref.reinterpret_cast %a to offset: [%i], sizes: [4], strides: [0]
         : memref<6x8xf32> to memref<4xf32, strided<[0], offset: ?>>
      %z = memref.load %q[%c2] : memref<4xf32, strided<[0], offset: ?>>
      memref.store %z, %o[%c2] : memref<3xf32>
      return
    }"""
    a, o = arange(6, 8), np.zeros(3, np.float32)
    run(text, a, 1, o)
    flat = a.ravel()
    np.testing.assert_array_equal(o, [a[3, 4], flat[5 + 1 + 8], flat[1]])


def test_a_static_offset_of_an_argument_is_already_added() -> None:
    t = "memref<4xf32, strided<[1], offset: 3>>"
    text = f"""
    func.func private @callee(%a: {t}, %o: memref<2xf32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %x = memref.load %a[%c0] : {t}
      memref.store %x, %o[%c0] : memref<2xf32>
      %w = memref.reinterpret_cast %a to offset: [0], sizes: [7], strides: [1]
         : {t} to memref<7xf32>
      %y = memref.load %w[%c1] : memref<7xf32>
      memref.store %y, %o[%c1] : memref<2xf32>
      return
    }}
    func.func @f(%a: memref<7xf32>, %o: memref<2xf32>) {{
      %s = memref.subview %a[3] [4] [1] : memref<7xf32> to {t}
      func.call @callee(%s, %o) : ({t}, memref<2xf32>) -> ()
      return
    }}"""
    o = np.zeros(2, np.float32)
    run(text, arange(7), o)
    np.testing.assert_array_equal(o, [3, 1])


def test_reshapes_and_byte_views() -> None:
    text = """
    func.func @f(%arena: memref<256xi8>, %i: index, %o: memref<2xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c64 = arith.constant 64 : index
      %v = memref.view %arena[%c64][] : memref<256xi8> to memref<2x3x4xf32>
      %c = memref.collapse_shape %v [[0], [1, 2]]
         : memref<2x3x4xf32> into memref<2x12xf32>
      %e = memref.expand_shape %c [[0], [1, 2]] output_shape [2, 6, 2]
         : memref<2x12xf32> into memref<2x6x2xf32>
      %x = memref.load %c[%c1, %i] : memref<2x12xf32>
      memref.store %x, %o[%c0] : memref<2xf32>
      %y = memref.load %e[%c1, %i, %c1] : memref<2x6x2xf32>
      memref.store %y, %o[%c1] : memref<2xf32>
      return
    }"""
    arena, o = arange(64), np.zeros(2, np.float32)
    run(text, arena, 3, o)
    v = arena[16:40]
    np.testing.assert_array_equal(
        o, [v.reshape(2, 12)[1, 3], v.reshape(2, 6, 2)[1, 3, 1]]
    )


def test_allocations_are_aligned_and_separate() -> None:
    """One on the heap, one on the stack inside a loop of 2**20 rounds."""
    text = """
    func.func @f(%n: index, %a: memref<?xf32>) -> index {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %many = arith.constant 1048576 : index
      %m = memref.alloc(%n) : memref<?xf32>
      memref.copy %a, %m : memref<?xf32> to memref<?xf32>
      scf.for %i = %c0 to %many step %c1 {
        %s = memref.alloca() : memref<64xf32>
        %x = memref.load %m[%c0] : memref<?xf32>
        memref.store %x, %s[%c0] : memref<64xf32>
        %y = memref.load %s[%c0] : memref<64xf32>
        memref.store %y, %a[%c1] : memref<?xf32>
      }
      %p = "memref.extract_aligned_pointer_as_index"(%m) : (memref<?xf32>) -> index
      memref.dealloc %m : memref<?xf32>
      return %p : index
    }"""
    a = arange(5) + 7
    address = run(text, 5, a, 5, result=ctypes.c_int64)
    assert address % 64 == 0
    assert a[1] == 7


def test_globals_hold_their_data() -> None:
    text = """
    memref.global "private" constant @w : memref<2x3xf32>
      = dense<[[1.5, -2.0, 3.0], [4.0, 5.0, 6.5]]>
    memref.global "private" constant @b : memref<3xi8> = dense<[34, 92, -1]>
    memref.global "private" @u : memref<4xf32> = uninitialized
    func.func @f(%i: index, %o: memref<3xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %w = memref.get_global @w : memref<2x3xf32>
      %x = memref.load %w[%c1, %i] : memref<2x3xf32>
      memref.store %x, %o[%c0] : memref<3xf32>
      %b = memref.get_global @b : memref<3xi8>
      %y = memref.load %b[%i] : memref<3xi8>
      %yf = arith.sitofp %y : i8 to f32
      memref.store %yf, %o[%c1] : memref<3xf32>
      %u = memref.get_global @u : memref<4xf32>
      memref.store %x, %u[%i] : memref<4xf32>
      %z = memref.load %u[%c0] : memref<4xf32>
      memref.store %z, %o[%c2] : memref<3xf32>
      return
    }"""
    o = np.full(3, 9, np.float32)
    run(text, 2, o)
    np.testing.assert_array_equal(o, [6.5, -1, 0])


def test_loops_branches_and_switches() -> None:
    text = """
    func.func @f(%n: index, %k: i1) -> index {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c100 = arith.constant 100 : index
      %s = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %c0) -> (index) {
        %x = scf.index_switch %i -> index
        case 2 { scf.yield %c100 : index }
        case 4294967299 { scf.yield %n : index }
        default { scf.yield %i : index }
        %y = scf.if %k -> (index) {
          scf.yield %x : index
        } else {
          %q, %count = scf.while (%b = %x, %j = %c0)
              : (index, index) -> (index, index) {
            %more = arith.cmpi slt, %b, %n : index
            scf.condition(%more) %b, %j : index, index
          } do {
          ^bb0(%b: index, %j: index):
            %b1 = arith.addi %b, %c1 : index
            %j1 = arith.addi %j, %c1 : index
            scf.yield %b1, %j1 : index, index
          }
          scf.yield %count : index
        }
        %t = arith.addi %acc, %y : index
        scf.yield %t : index
      }
      return %s : index
    }"""
    code = Compiled(text, "f")
    assert code("f", 5, 1, result=ctypes.c_int64) == 0 + 1 + 100 + 3 + 4
    assert code("f", 5, 0, result=ctypes.c_int64) == 5 + 4 + 0 + 2 + 1
    assert code("f", -1, 0, result=ctypes.c_int64) == 0


def test_one_block_reached_twice_from_one_branch() -> None:
    """Both edges carry their own values although they come from the same block."""
    text = """
    func.func @f(%k: i1, %n: index) -> index {
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      cf.cond_br %k, ^a(%c1 : index), ^a(%c2 : index)
    ^a(%x: index):
      cf.switch %n : index, [
        default: ^b(%x : index),
        3: ^b(%c1 : index),
        4: ^b(%n : index)
      ]
    ^b(%y: index):
      %r = arith.muli %x, %y : index
      return %r : index
    }"""
    code = Compiled(text, "f")
    for k in (0, 1):
        for n in (0, 3, 4):
            x = 1 if k else 2
            y = {0: x, 3: 1, 4: 4}[n]
            assert code("f", k, n, result=ctypes.c_int64) == x * y


def test_several_results_and_function_pointers() -> None:
    text = """
    func.func private @two(%x: index) -> (index, f32) {
      %f = arith.constant 2.5 : f32
      return %x, %f : index, f32
    }
    func.func @f(%x: index) -> f32 {
      %i, %y = func.call @two(%x) : (index) -> (index, f32)
      %n = arith.index_cast %i : index to i32
      %z = arith.sitofp %n : i32 to f32
      %r = arith.addf %y, %z : f32
      return %r : f32
    }"""
    assert run(text, 4, result=ctypes.c_float) == 6.5


def test_casts_between_pointers_and_memrefs() -> None:
    text = """
    func.func @f(%p: !llvm.ptr, %n: i64) -> f32 {
      %m = builtin.unrealized_conversion_cast %p, %n : !llvm.ptr, i64 to memref<?xf32>
      %s = memref.subview %m[1] [2] [1]
         : memref<?xf32> to memref<2xf32, strided<[1], offset: 1>>
      %q = builtin.unrealized_conversion_cast %s
         : memref<2xf32, strided<[1], offset: 1>> to !llvm.ptr
      %x = llvm.load %q : !llvm.ptr -> f32
      return %x : f32
    }"""
    assert run(text, arange(4), 4, result=ctypes.c_float) == 1


def test_assertions_pass() -> None:
    text = """
    func.func @f(%x: index) -> index {
      %c0 = arith.constant 0 : index
      %k = arith.cmpi sgt, %x, %c0 : index
      cf.assert %k, "positive"
      return %x : index
    }"""
    assert run(text, 4, result=ctypes.c_int64) == 4


OFFSET = "memref<4xf32, strided<[1], offset: ?>>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"""func.func @f(%a: {OFFSET}) {{
              %r = memref.reinterpret_cast %a to offset: [0], sizes: [4], strides: [1]
                 : {OFFSET} to memref<4xf32, strided<[1]>>
              return }}""",
            "<text>:2:.*'memref.reinterpret_cast'.*use memref.subview",
        ),
        (
            """func.func @f(%a: memref<4x4xf32, strided<[8, 1]>>, %b: memref<4x4xf32>) {
              memref.copy %a, %b : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
              return }""",
            "expected contiguous memrefs, got sizes .4, 4. with strides .8, 1.",
        ),
        (
            """func.func @f(%a: memref<4x4xf32>) {
              cf.br ^b(%a : memref<4x4xf32>)
            ^b(%b: memref<4x4xf32>):
              return }""",
            "expected no memref as a block argument, got memref<4x4xf32>",
        ),
        (
            "func.func @f(%a: vector<2x2xf32>) { return }",
            "got vector<2x2xf32>; split it into 1-D vectors",
        ),
        (
            "func.func @f(%a: memref<4xf32>) -> memref<4xf32> {"
            " return %a : memref<4xf32> }",
            "expected results that are no memrefs",
        ),
        (
            """func.func @f(%a: memref<8xi1>) {
              %c0 = arith.constant 0 : index
              %v = vector.load %a[%c0] : memref<8xi1>, vector<8xi1>
              return }""",
            "expected elements of whole bytes, got i1",
        ),
        (
            """func.func @f(%a: memref<8x8xf32, strided<[1, 8]>>) {
              %c0 = arith.constant 0 : index
              %v = vector.load %a[%c0, %c0]
                 : memref<8x8xf32, strided<[1, 8]>>, vector<8xf32>
              return }""",
            "expected the last dimension to have stride 1",
        ),
        (
            "func.func @f(%a: tensor<4xf32>) { return }",
            "got tensor<4xf32>; lower tensors by bufferize",
        ),
    ],
)
def test_what_has_no_lowering_says_so(text: str, message: str) -> None:
    with pytest.raises(BrError, match=message):
        lowered(text)
