// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// A is read element by element, so it may lie any way; columns of a transposed B are
// gathered.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @main(
// CHECK: func.call @br_kernel_0(%a, %b, %c) : (memref<3x2xf32>, memref<8x3xf32>, memref<2x8xf32>) -> ()
func.func @main(%a: memref<3x2xf32>, %b: memref<8x3xf32>, %c: memref<2x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<3x2xf32>, memref<8x3xf32>)
    outs(%c : memref<2x8xf32>)
    {transpose_a, transpose_b, register_block = array<i64: 2, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %[[V0:\d+]]: memref<3x2xf32> {llvm.noalias}, %{{.*}}: memref<8x3xf32> {llvm.noalias}, %[[V2:\d+]]: memref<2x8xf32> {llvm.noalias}) {
// CHECK: %[[V5:\d+]] = vector.load %[[V2]][%{{.*}}, %{{.*}}] : memref<2x8xf32>, vector<8xf32>
// CHECK: %[[V8:\d+]] = vector.load %[[V2]][%{{.*}}, %{{.*}}] : memref<2x8xf32>, vector<8xf32>
// CHECK: %[[V13:\d+]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[V23:\d+]], %[[V24:\d+]] = scf.for %[[V25:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V26:\d+]] = %[[V5]], %[[V27:\d+]] = %[[V8]]) -> (vector<8xf32>, vector<8xf32>) {
// CHECK: %[[V29:\d+]] = vector.insert %{{.*}}, %[[V13]] [0] : f32 into vector<8xf32>
// CHECK: %[[V31:\d+]] = vector.insert %{{.*}}, %[[V29]] [1] : f32 into vector<8xf32>
// CHECK: %[[V33:\d+]] = vector.insert %{{.*}}, %[[V31]] [2] : f32 into vector<8xf32>
// CHECK: %[[V35:\d+]] = vector.insert %{{.*}}, %[[V33]] [3] : f32 into vector<8xf32>
// CHECK: %[[V37:\d+]] = vector.insert %{{.*}}, %[[V35]] [4] : f32 into vector<8xf32>
// CHECK: %[[V39:\d+]] = vector.insert %{{.*}}, %[[V37]] [5] : f32 into vector<8xf32>
// CHECK: %[[V41:\d+]] = vector.insert %{{.*}}, %[[V39]] [6] : f32 into vector<8xf32>
// CHECK: %[[V43:\d+]] = vector.insert %{{.*}}, %[[V41]] [7] : f32 into vector<8xf32>
// CHECK: %[[V44:\d+]] = memref.load %[[V0]][%[[V25]], %{{.*}}] : memref<3x2xf32>
// CHECK: %[[V45:\d+]] = vector.broadcast %[[V44]] : f32 to vector<8xf32>
// CHECK: %[[V46:\d+]] = vector.fma %[[V45]], %[[V43]], %[[V26]] : vector<8xf32>
// CHECK: %[[V47:\d+]] = memref.load %[[V0]][%[[V25]], %{{.*}}] : memref<3x2xf32>
// CHECK: %[[V48:\d+]] = vector.broadcast %[[V47]] : f32 to vector<8xf32>
// CHECK: %[[V49:\d+]] = vector.fma %[[V48]], %[[V43]], %[[V27]] : vector<8xf32>
// CHECK: scf.yield %[[V46]], %[[V49]] : vector<8xf32>, vector<8xf32>
// CHECK: vector.store %[[V23]], %[[V2]][%{{.*}}, %{{.*}}] : memref<2x8xf32>, vector<8xf32>
// CHECK: vector.store %[[V24]], %[[V2]][%{{.*}}, %{{.*}}] : memref<2x8xf32>, vector<8xf32>
