// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// 28 rows, at most 6 at a time, are dealt out evenly: 3 tiles of 6, 2 of 5.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @main(
func.func @main(%a: memref<28x4xf32>, %b: memref<4x8xf32>, %c: memref<28x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x4xf32>, memref<4x8xf32>)
    outs(%c : memref<28x8xf32>) {register_block = array<i64: 6, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<28x4xf32> {llvm.noalias}, %{{.*}}: memref<4x8xf32> {llvm.noalias}, %{{.*}}: memref<28x8xf32> {llvm.noalias}) {
// CHECK: %[[V3:\d+]] = arith.constant 0 : index
// CHECK: %[[V4:\d+]] = arith.constant 18 : index
// CHECK: %[[V5:\d+]] = arith.constant 6 : index
// CHECK: %[[V17:\d+]] = arith.constant 0 : index
// CHECK: scf.for %{{.*}} = %[[V3]] to %[[V4]] step %[[V5]] {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = scf.for %{{.*}} = %[[V17]] to %{{.*}} step %{{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK: %[[V81:\d+]] = arith.constant 18 : index
// CHECK: %[[V82:\d+]] = arith.constant 28 : index
// CHECK: %[[V83:\d+]] = arith.constant 5 : index
// CHECK: %[[V93:\d+]] = arith.constant 0 : index
// CHECK: scf.for %{{.*}} = %[[V81]] to %[[V82]] step %[[V83]] {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = scf.for %{{.*}} = %[[V93]] to %{{.*}} step %{{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
