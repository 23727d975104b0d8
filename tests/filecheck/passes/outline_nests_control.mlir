// RUN: br-opt %s -p outline-nests | filecheck %s

// Nests in loops and branches are functions, too; a row that begins where the trip says
// is the same function as any other row.
// CHECK-LABEL: @main
// CHECK:       scf.for
// CHECK:         %r = memref.reinterpret_cast %x to offset: [%o]
// CHECK:         scf.if
// CHECK-NEXT:      [[P:%[0-9]+]] = builtin.unrealized_conversion_cast {{.*}} to !llvm.ptr
// CHECK-NEXT:      [[V:%[0-9]+]] = builtin.unrealized_conversion_cast [[P]] : !llvm.ptr to memref<8xf32, strided<[1]>>
// CHECK-NEXT:      func.call @br_fill_0(%v, [[V]])
// CHECK:       func.call @br_fill_0(
// CHECK:       func.func private @br_fill_0(%0: f32, %1: memref<8xf32, strided<[1]>>
// CHECK-NOT:   @br_fill_1
func.func @main(%x: memref<4x8xf32>, %c: i1, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %o = arith.muli %i, %c8 : index
    %r = memref.reinterpret_cast %x to offset: [%o], sizes: [8], strides: [1] : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    scf.if %c {
      linalg.fill ins(%v : f32) outs(%r : memref<8xf32, strided<[1], offset: ?>>)
    }
  }
  %s = memref.reinterpret_cast %x to offset: [16], sizes: [8], strides: [1] : memref<4x8xf32> to memref<8xf32, strided<[1], offset: 16>>
  linalg.fill ins(%v : f32) outs(%s : memref<8xf32, strided<[1], offset: 16>>)
  func.return
}
