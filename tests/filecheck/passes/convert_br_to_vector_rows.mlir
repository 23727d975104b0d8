// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// 28 rows, at most 6 at a time, are dealt out evenly: 3 tiles of 6, 2 of 5.
module attributes {br.target = #br.target<"x86-64-v3">} {
func.func @main(%a: memref<28x3xf32>, %b: memref<3x8xf32>, %c: memref<28x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x3xf32>, memref<3x8xf32>)
    outs(%c : memref<28x8xf32>) {register_block = array<i64: 6, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK: %[[START:\d+]] = arith.constant 0 : index
// CHECK-NEXT: %[[MIDDLE:\d+]] = arith.constant 18 : index
// CHECK-NEXT: %[[SIX:\d+]] = arith.constant 6 : index
// CHECK: scf.for %{{.*}} = %[[START]] to %[[MIDDLE]] step %[[SIX]] {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = scf.for
// CHECK: %[[MIDDLE2:\d+]] = arith.constant 18 : index
// CHECK-NEXT: %[[END:\d+]] = arith.constant 28 : index
// CHECK-NEXT: %[[FIVE:\d+]] = arith.constant 5 : index
// CHECK: scf.for %{{.*}} = %[[MIDDLE2]] to %[[END]] step %[[FIVE]] {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = scf.for
