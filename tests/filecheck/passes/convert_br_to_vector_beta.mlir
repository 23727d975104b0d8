// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// beta = 0: C is not read, the accumulators start from zero.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @zero(
// CHECK: func.call @br_kernel_0(%a, %b, %c) : (memref<1x3xf32>, memref<3x8xf32>, memref<1x8xf32>) -> ()
func.func @zero(%a: memref<1x3xf32>, %b: memref<3x8xf32>, %c: memref<1x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<1x3xf32>, memref<3x8xf32>)
    outs(%c : memref<1x8xf32>) {beta = 0.0 : f64, register_block = array<i64: 1, 1>}
  func.return
}

// alpha: the sum starts from zero, is scaled, then C is added.
// CHECK-LABEL: @alpha(
// CHECK: func.call @br_kernel_1(%a, %b, %c) : (memref<1x3xf32>, memref<3x8xf32>, memref<1x8xf32>) -> ()
func.func @alpha(%a: memref<1x3xf32>, %b: memref<3x8xf32>, %c: memref<1x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<1x3xf32>, memref<3x8xf32>)
    outs(%c : memref<1x8xf32>)
    {alpha = 0.5 : f64, beta = 2.0 : f64, register_block = array<i64: 1, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<1x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<3x8xf32> {llvm.noalias}, %[[V2:\d+]]: memref<1x8xf32> {llvm.noalias}) {
// CHECK: %[[V3:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V9:\d+]] = scf.for %[[V10:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V11:\d+]] = %[[V3]]) -> (vector<8xf32>) {
// CHECK: %[[V12:\d+]] = vector.load %[[V1]][%[[V10]], %{{.*}}] : memref<3x8xf32>, vector<8xf32>
// CHECK: %[[V14:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V15:\d+]] = vector.fma %[[V14]], %[[V12]], %[[V11]] : vector<8xf32>
// CHECK: scf.yield %[[V15]] : vector<8xf32>
// CHECK: vector.store %[[V9]], %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
// CHECK-LABEL: func.func private @br_kernel_1(
// CHECK-SAME: %{{.*}}: memref<1x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<3x8xf32> {llvm.noalias}, %[[V2:\d+]]: memref<1x8xf32> {llvm.noalias}) {
// CHECK: %[[V3:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V9:\d+]] = scf.for %[[V10:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V11:\d+]] = %[[V3]]) -> (vector<8xf32>) {
// CHECK: %[[V12:\d+]] = vector.load %[[V1]][%[[V10]], %{{.*}}] : memref<3x8xf32>, vector<8xf32>
// CHECK: %[[V14:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V15:\d+]] = vector.fma %[[V14]], %[[V12]], %[[V11]] : vector<8xf32>
// CHECK: scf.yield %[[V15]] : vector<8xf32>
// CHECK: %[[V16:\d+]] = arith.constant dense<5.000000e-01> : vector<8xf32>
// CHECK: %[[V17:\d+]] = arith.mulf %[[V9]], %[[V16]] : vector<8xf32>
// CHECK: %[[V20:\d+]] = vector.load %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
// CHECK: %[[V21:\d+]] = arith.constant dense<2.000000e+00> : vector<8xf32>
// CHECK: %[[V22:\d+]] = vector.fma %[[V21]], %[[V20]], %[[V17]] : vector<8xf32>
// CHECK: vector.store %[[V22]], %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
