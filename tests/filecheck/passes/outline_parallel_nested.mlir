// RUN: br-opt %s -p outline-parallel | filecheck %s

// A team runs the outer loop; the loop inside it runs in place.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @main(
// CHECK: br.parallel_call @main_parallel_0(%y, %x : f32, memref<8x64xf32>) tasks %{{.*}} threads 2 : i64
func.func @main(%x: memref<8x64xf32>, %y: f32) {
  %0 = arith.constant 0 : index
  %1 = arith.constant 1 : index
  %8 = arith.constant 8 : index
  %64 = arith.constant 64 : index
  scf.parallel (%i) = (%0) to (%8) step (%1) {
    scf.parallel (%j) = (%0) to (%64) step (%1) {
      memref.store %y, %x[%i, %j] : memref<8x64xf32>
      scf.reduce
    }
    scf.reduce
  }
  func.return
}
}

// CHECK-LABEL: func.func private @main_parallel_0(
// CHECK-SAME: %[[V0:\d+]]: f32, %[[V1:\d+]]: memref<8x64xf32>, %[[V2:\d+]]: index, %[[V3:\d+]]: index) {
// CHECK: scf.for %[[V8:\d+]] = %[[V2]] to %[[V3]] step %{{.*}} {
// CHECK: scf.for %[[V12:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: memref.store %[[V0]], %[[V1]][%[[V8]], %[[V12]]] : memref<8x64xf32>
