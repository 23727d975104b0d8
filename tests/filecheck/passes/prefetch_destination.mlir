// RUN: br-opt %s -p convert-br-to-vector --split-input-file | filecheck %s

// The lines of a tile of C are asked for one by one while its sum is made, and C is
// added at the end, when they are there. A tile has 2 rows of 2 lines, and the sum 64
// steps: a line every 12 steps, so that the last one is asked for in step 36.

module attributes {br.target = #br.target<"x86-64-v4">} {

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK:      scf.for %[[ROW:\d+]] =
// CHECK-NOT:    vector.load %{{.*}} : memref<4x32xf32
// CHECK:      scf.for %[[K:\d+]] = %{{.*}} iter_args
// CHECK-NEXT: %[[EVERY:\d+]] = arith.constant 12 : index
// CHECK-NEXT: %[[LINE:\d+]] = arith.divui %[[K]], %[[EVERY]] : index
// CHECK-NEXT: %[[LAST:\d+]] = arith.constant 3 : index
// CHECK-NEXT: %[[NUMBER:\d+]] = arith.minsi %[[LINE]], %[[LAST]] : index
// CHECK-NEXT: %[[TWO:\d+]] = arith.constant 2 : index
// CHECK-NEXT: %[[DOWN:\d+]] = arith.divui %[[NUMBER]], %[[TWO]] : index
// CHECK-NEXT: %[[I:\d+]] = arith.addi %[[ROW]], %[[DOWN]] : index
// CHECK-NEXT: %{{\d+}} = arith.constant 2 : index
// CHECK-NEXT: %[[ACROSS:\d+]] = arith.remui %[[NUMBER]], %{{\d+}} : index
// CHECK-NEXT: %{{\d+}} = arith.constant 16 : index
// CHECK-NEXT: %[[COLUMN:\d+]] = arith.muli %[[ACROSS]], %{{\d+}} : index
// CHECK:      br.prefetch %{{.*}}[%[[I]], %[[COLUMN]]] : memref<4x32xf32
// CHECK:      scf.yield
// CHECK:      vector.load %{{.*}} : memref<4x32xf32
// CHECK:      vector.fma
// CHECK:      vector.store %{{.*}} : memref<4x32xf32
func.func @long(%a: memref<4x64xf32>, %b: memref<64x32xf32>, %c: memref<4x32xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<4x64xf32>, memref<64x32xf32>)
    outs(%c : memref<4x32xf32>) {register_block = array<i64: 2, 2>}
  func.return
}

}

// -----

// A short sum leaves no time for it.

module attributes {br.target = #br.target<"x86-64-v4">} {

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-NOT:  br.prefetch
// CHECK:      func.return
func.func @short(%a: memref<4x16xf32>, %b: memref<16x32xf32>, %c: memref<4x32xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<4x16xf32>, memref<16x32xf32>)
    outs(%c : memref<4x32xf32>) {register_block = array<i64: 2, 2>}
  func.return
}

}
