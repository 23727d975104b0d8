// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=1},convert-br-to-vector' | filecheck %s

// Each tile of rows brings the same rows of `next`, in parts at each place in the batch:
// 6 rows of 3 parts of two cache lines, at 2 places.

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME:    %[[NEXT:[0-9a-z]+]]: memref<6x3x32xf32, strided<[640, 160, 1], offset: ?>>
// CHECK:         scf.for
// CHECK:         br.prefetch %[[NEXT]][{{.*}}] {far}
// CHECK-COUNT-17: br.prefetch %[[NEXT]]
// CHECK-NOT:     br.prefetch %[[NEXT]]
// CHECK:         vector.fma
func.func @rows(%a: memref<2x6x64xf32>, %b: memref<2x64x16xf32>, %c: memref<6x16xf32>,
    %n: memref<6x3x32xf32, strided<[640, 160, 1], offset: ?>>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x6x64xf32>, memref<2x64x16xf32>)
    outs(%c : memref<6x16xf32>)
    next(%n : memref<6x3x32xf32, strided<[640, 160, 1], offset: ?>>)
  func.return
}
