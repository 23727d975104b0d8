// RUN: br-opt %s -p outline-parallel | filecheck %s

// On one thread parallel loops are plain ones, one inside the other.
module attributes {br.target = #br.target<"x86-64-v3", threads = 1>} {

// CHECK-LABEL: @main(
// CHECK: %[[V6:\d+]] = arith.constant 4 : index
// CHECK: scf.for %[[V8:\d+]] = %{{.*}} to %[[V6]] step %{{.*}} {
// CHECK: %[[V10:\d+]] = arith.constant 4 : index
// CHECK: scf.for %[[V12:\d+]] = %{{.*}} to %[[V10]] step %{{.*}} {
// CHECK: %[[V13:\d+]] = arith.constant 2 : index
// CHECK: %[[V14:\d+]] = arith.muli %[[V8]], %[[V13]] : index
// CHECK: %[[V15:\d+]] = arith.constant 16 : index
// CHECK: %[[V16:\d+]] = arith.muli %[[V12]], %[[V15]] : index
// CHECK: memref.store %y, %x[%[[V14]], %[[V16]]] : memref<8x64xf32>
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
