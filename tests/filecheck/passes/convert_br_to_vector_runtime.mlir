// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// A count known at run time only bounds the first batch dimension.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @count(
// CHECK: func.call @br_kernel_0(%a, %b, %c, %count) : (memref<9x1x3xf32>, memref<9x3x8xf32>, memref<1x8xf32>, index) -> ()
func.func @count(%a: memref<9x1x3xf32>, %b: memref<9x3x8xf32>, %c: memref<1x8xf32>,
    %count: index) {
  br.batch_reduce_gemm ins(%a, %b : memref<9x1x3xf32>, memref<9x3x8xf32>)
    outs(%c : memref<1x8xf32>) count(%count) {register_block = array<i64: 1, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<9x1x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<9x3x8xf32> {llvm.noalias}, %[[V2:\d+]]: memref<1x8xf32> {llvm.noalias}, %[[V3:\d+]]: index) {
// CHECK: %[[V6:\d+]] = vector.load %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
// CHECK: %[[V14:\d+]] = scf.for %[[V15:\d+]] = %{{.*}} to %[[V3]] step %{{.*}} iter_args(%[[V16:\d+]] = %[[V6]]) -> (vector<8xf32>) {
// CHECK: %[[V17:\d+]] = scf.for %[[V18:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V19:\d+]] = %[[V16]]) -> (vector<8xf32>) {
// CHECK: %[[V20:\d+]] = vector.load %[[V1]][%[[V15]], %[[V18]], %{{.*}}] : memref<9x3x8xf32>, vector<8xf32>
// CHECK: %[[V22:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V23:\d+]] = vector.fma %[[V22]], %[[V20]], %[[V19]] : vector<8xf32>
// CHECK: scf.yield %[[V23]] : vector<8xf32>
// CHECK: scf.yield %[[V17]] : vector<8xf32>
// CHECK: vector.store %[[V14]], %[[V2]][%{{.*}}, %{{.*}}] : memref<1x8xf32>, vector<8xf32>
