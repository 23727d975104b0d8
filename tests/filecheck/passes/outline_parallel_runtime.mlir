// RUN: br-opt %s -p outline-parallel | filecheck %s

// Bounds known at run time only: they are passed, and the tasks counted.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @main(
// CHECK: %[[SPAN:\d+]] = arith.subi %high, %low : index
// CHECK: %[[V1:\d+]] = arith.maxsi %[[SPAN]], %{{.*}} : index
// CHECK: br.parallel_call @main_parallel_0(%y, %x, %low, %high : f32, memref<?xf32>, index, index) tasks %[[V1]] threads 2 : i64
func.func @main(%x: memref<?xf32>, %y: f32, %low: index, %high: index) {
  %1 = arith.constant 1 : index
  scf.parallel (%i) = (%low) to (%high) step (%1) {
    memref.store %y, %x[%i] : memref<?xf32>
    scf.reduce
  }
  func.return
}
}

// CHECK-LABEL: func.func private @main_parallel_0(
// CHECK-SAME: %[[V0:\d+]]: f32, %[[V1:\d+]]: memref<?xf32>, %[[V2:\d+]]: index, %[[V3:\d+]]: index, %[[V4:\d+]]: index, %[[V5:\d+]]: index) {
// CHECK: %{{.*}} = arith.subi %[[V3]], %[[V2]] : index
// CHECK: scf.for %[[V9:\d+]] = %[[V4]] to %[[V5]] step %{{.*}} {
// CHECK: %[[V10:\d+]] = arith.addi %[[V2]], %[[V9]] : index
// CHECK: memref.store %[[V0]], %[[V1]][%[[V10]]] : memref<?xf32>
