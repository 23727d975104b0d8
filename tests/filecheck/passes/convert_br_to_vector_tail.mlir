// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// 13 columns in vectors of 8: the last one has 5 lanes, by a mask and not by scalars.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @main(
// CHECK: func.call @br_kernel_0(%a, %b, %c) : (memref<1x3xf32>, memref<3x13xf32>, memref<1x13xf32>) -> ()
func.func @main(%a: memref<1x3xf32>, %b: memref<3x13xf32>, %c: memref<1x13xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<1x3xf32>, memref<3x13xf32>)
    outs(%c : memref<1x13xf32>) {register_block = array<i64: 1, 2>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<1x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<3x13xf32> {llvm.noalias}, %[[V2:\d+]]: memref<1x13xf32> {llvm.noalias}) {
// CHECK: %[[V5:\d+]] = vector.load %[[V2]][%{{.*}}, %{{.*}}] : memref<1x13xf32>, vector<8xf32>
// CHECK: %[[V8:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V9:\d+]] = arith.constant dense<[true, true, true, true, true, false, false, false]> : vector<8xi1>
// CHECK: %[[V10:\d+]] = vector.maskedload %[[V2]][%{{.*}}, %{{.*}}], %[[V9]], %[[V8]] : memref<1x13xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: %[[V16:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V17:\d+]] = arith.constant dense<[true, true, true, true, true, false, false, false]> : vector<8xi1>
// CHECK: %[[V19:\d+]], %[[V20:\d+]] = scf.for %[[V21:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V22:\d+]] = %[[V5]], %[[V23:\d+]] = %[[V10]]) -> (vector<8xf32>, vector<8xf32>) {
// CHECK: %[[V24:\d+]] = vector.load %[[V1]][%[[V21]], %{{.*}}] : memref<3x13xf32>, vector<8xf32>
// CHECK: %[[V25:\d+]] = vector.maskedload %[[V1]][%[[V21]], %{{.*}}], %[[V17]], %[[V16]] : memref<3x13xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: %[[V27:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V28:\d+]] = vector.fma %[[V27]], %[[V24]], %[[V22]] : vector<8xf32>
// CHECK: %[[V29:\d+]] = vector.fma %[[V27]], %[[V25]], %[[V23]] : vector<8xf32>
// CHECK: scf.yield %[[V28]], %[[V29]] : vector<8xf32>, vector<8xf32>
// CHECK: vector.store %[[V19]], %[[V2]][%{{.*}}, %{{.*}}] : memref<1x13xf32>, vector<8xf32>
// CHECK: %[[V34:\d+]] = arith.constant dense<[true, true, true, true, true, false, false, false]> : vector<8xi1>
// CHECK: vector.maskedstore %[[V2]][%{{.*}}, %{{.*}}], %[[V34]], %[[V20]] : memref<1x13xf32>, vector<8xi1>, vector<8xf32>
