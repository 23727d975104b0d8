// RUN: br-opt %s -p outline-parallel | filecheck %s

// Two loops in a row are two functions, with names of their own.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @main(
// CHECK: br.parallel_call @main_parallel_1(%y, %x : f32, memref<8xf32>) tasks %{{.*}} threads 2 : i64
// CHECK: br.parallel_call @main_parallel_0(%x : memref<8xf32>) tasks %{{.*}} threads 2 : i64
func.func @main(%x: memref<8xf32>, %y: f32) {
  %0 = arith.constant 0 : index
  %1 = arith.constant 1 : index
  %8 = arith.constant 8 : index
  scf.parallel (%i) = (%0) to (%8) step (%1) {
    memref.store %y, %x[%i] : memref<8xf32>
    scf.reduce
  }
  scf.parallel (%i) = (%0) to (%8) step (%1) {
    %z = memref.load %x[%i] : memref<8xf32>
    %s = arith.addf %z, %z : f32
    memref.store %s, %x[%i] : memref<8xf32>
    scf.reduce
  }
  func.return
}
}

// CHECK-LABEL: func.func private @main_parallel_0(
// CHECK-SAME: %[[V0:\d+]]: memref<8xf32>, %[[V1:\d+]]: index, %[[V2:\d+]]: index) {
// CHECK: scf.for %[[V7:\d+]] = %[[V1]] to %[[V2]] step %{{.*}} {
// CHECK: %s = arith.addf %z, %z : f32
// CHECK: memref.store %s, %[[V0]][%[[V7]]] : memref<8xf32>
// CHECK-LABEL: func.func private @main_parallel_1(
// CHECK-SAME: %[[V0:\d+]]: f32, %[[V1:\d+]]: memref<8xf32>, %[[V2:\d+]]: index, %[[V3:\d+]]: index) {
// CHECK: scf.for %[[V8:\d+]] = %[[V2]] to %[[V3]] step %{{.*}} {
// CHECK: memref.store %[[V0]], %[[V1]][%[[V8]]] : memref<8xf32>
