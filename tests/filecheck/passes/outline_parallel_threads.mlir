// RUN: br-opt %s -p outline-parallel | filecheck %s

// On two threads the body is a function that runs a range of the 16 tasks. What it uses
// comes as arguments; constants are made anew.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @main(
// CHECK: arith.constant 16 : index
// CHECK-NEXT: %[[V5:\d+]] = arith.constant 16 : index
// CHECK: br.parallel_call @main_parallel_0(%y, %x : f32, memref<8x64xf32>) tasks %[[V5]] threads 2 : i64
func.func @main(%x: memref<8x64xf32>, %y: f32) {
  %0 = arith.constant 0 : index
  %1 = arith.constant 8 : index
  %2 = arith.constant 64 : index
  %3 = arith.constant 2 : index
  %4 = arith.constant 16 : index
  scf.parallel (%i, %j) = (%0, %0) to (%1, %2) step (%3, %4) {
    memref.store %y, %x[%i, %j] : memref<8x64xf32>
    scf.reduce
  }
  func.return
}
}

// CHECK-LABEL: func.func private @main_parallel_0(
// CHECK-SAME: %[[V0:\d+]]: f32, %[[V1:\d+]]: memref<8x64xf32>, %[[V2:\d+]]: index, %[[V3:\d+]]: index) {
// CHECK: scf.for %[[V11:\d+]] = %[[V2]] to %[[V3]] step %{{.*}} {
// CHECK: %[[V12:\d+]] = arith.constant 4 : index
// CHECK: %[[V13:\d+]] = arith.remui %[[V11]], %[[V12]] : index
// CHECK: %[[V14:\d+]] = arith.constant 4 : index
// CHECK: %[[V15:\d+]] = arith.divui %[[V11]], %[[V14]] : index
// CHECK: %[[V16:\d+]] = arith.constant 2 : index
// CHECK: %[[V17:\d+]] = arith.muli %[[V15]], %[[V16]] : index
// CHECK: %[[V18:\d+]] = arith.constant 16 : index
// CHECK: %[[V19:\d+]] = arith.muli %[[V13]], %[[V18]] : index
// CHECK: memref.store %[[V0]], %[[V1]][%[[V17]], %[[V19]]] : memref<8x64xf32>
