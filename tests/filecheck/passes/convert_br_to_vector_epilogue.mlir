// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// The epilogue works on whole vectors, between the loops and the store.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @main(
// CHECK: func.call @br_kernel_0(%a, %b, %c, %{{.*}}, %slope, %zero) : (memref<1x3xf32>, memref<3x8xf32>, memref<1x8xf32>, memref<1x8xf32, strided<[0, 1], offset: ?>>, f32, f32) -> ()
func.func @main(%a: memref<1x3xf32>, %b: memref<3x8xf32>, %c: memref<1x8xf32>,
    %bias: memref<1x8xf32, strided<[0, 1]>>, %slope: f32) {
  %zero = arith.constant 0.0 : f32
  br.batch_reduce_gemm ins(%a, %b : memref<1x3xf32>, memref<3x8xf32>)
    outs(%c : memref<1x8xf32>) {beta = 0.0 : f64, register_block = array<i64: 1, 1>}
    epilogue(%bias : memref<1x8xf32, strided<[0, 1]>>) {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    %t = arith.mulf %s, %slope : f32
    %r = arith.maximumf %t, %zero : f32
    br.yield %r : f32
  }
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<1x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<3x8xf32> {llvm.noalias}, %[[V2:\d+]]: memref<1x8xf32> {llvm.noalias}, %[[V3:\d+]]: memref<1x8xf32, strided<[0, 1], offset: ?>> {llvm.noalias}, %slope: f32, %zero: f32) {
// CHECK: %[[V4:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V10:\d+]] = scf.for %[[V11:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V12:\d+]] = %[[V4]]) -> (vector<8xf32>) {
// CHECK: %[[V13:\d+]] = vector.load %[[V1]][%[[V11]], %{{.*}}] : memref<3x8xf32>, vector<8xf32>
// CHECK: %[[V15:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V16:\d+]] = vector.fma %[[V15]], %[[V13]], %[[V12]] : vector<8xf32>
// CHECK: scf.yield %[[V16]] : vector<8xf32>
// CHECK: %[[V19:\d+]] = vector.load %[[V3]][%{{.*}}, %{{.*}}] : memref<1x8xf32, strided<[0, 1], offset: ?>>, vector<8xf32>
// CHECK: %[[V20:\d+]] = arith.addf %[[V10]], %[[V19]] : vector<8xf32>
// CHECK: %[[V21:\d+]] = vector.broadcast %slope : f32 to vector<8xf32>
// CHECK: %[[V22:\d+]] = arith.mulf %[[V20]], %[[V21]] : vector<8xf32>
// CHECK: %[[V23:\d+]] = vector.broadcast %zero : f32 to vector<8xf32>
// CHECK: %[[V24:\d+]] = arith.maximumf %[[V22]], %[[V23]] : vector<8xf32>
// CHECK: vector.store %[[V24]], %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
