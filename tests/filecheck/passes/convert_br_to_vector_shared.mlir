// RUN: br-opt %s -p convert-br-to-vector | filecheck %s

// Two calls of the same shapes, strides and epilogue share a kernel, wherever their
// operands begin; another beta is another kernel.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @main(
// CHECK: %[[V0:\d+]] = memref.cast %a : memref<6x4xf32, strided<[4, 1], offset: 8>> to memref<6x4xf32, strided<[4, 1], offset: ?>>
// CHECK: func.call @br_kernel_0(%[[V0]], %b, %c) : (memref<6x4xf32, strided<[4, 1], offset: ?>>, memref<4x8xf32>, memref<6x8xf32>) -> ()
// CHECK: func.call @br_kernel_0(%d, %b, %c) : (memref<6x4xf32, strided<[4, 1], offset: ?>>, memref<4x8xf32>, memref<6x8xf32>) -> ()
// CHECK: func.call @br_kernel_1(%d, %b, %c) : (memref<6x4xf32, strided<[4, 1], offset: ?>>, memref<4x8xf32>, memref<6x8xf32>) -> ()
func.func @main(%a: memref<6x4xf32, strided<[4, 1], offset: 8>>,
    %d: memref<6x4xf32, strided<[4, 1], offset: ?>>, %b: memref<4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm
    ins(%a, %b : memref<6x4xf32, strided<[4, 1], offset: 8>>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  br.batch_reduce_gemm
    ins(%d, %b : memref<6x4xf32, strided<[4, 1], offset: ?>>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  br.batch_reduce_gemm
    ins(%d, %b : memref<6x4xf32, strided<[4, 1], offset: ?>>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) {beta = 0.0 : f64}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<6x4xf32, strided<[4, 1], offset: ?>> {llvm.noalias}, %{{.*}}: memref<4x8xf32> {llvm.noalias}, %{{.*}}: memref<6x8xf32> {llvm.noalias}) {
// CHECK-LABEL: func.func private @br_kernel_1(
// CHECK-SAME: %{{.*}}: memref<6x4xf32, strided<[4, 1], offset: ?>> {llvm.noalias}, %{{.*}}: memref<4x8xf32> {llvm.noalias}, %{{.*}}: memref<6x8xf32> {llvm.noalias}) {
