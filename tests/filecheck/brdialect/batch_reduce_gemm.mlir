// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s

// Every form keeps its meaning through print and parse, in both spellings.

// CHECK-LABEL: @on_memrefs
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<9x28x64xf32, strided<[64, 128, 1], offset: ?>>, memref<9x64x16xf32>) outs(%{{.*}} : memref<28x16xf32, strided<[64, 1]>>) {beta = 0.000000e+00 : f64, register_block = array<i64: 6, 2>}
// CHECK-NEXT: func.return
func.func @on_memrefs(
    %a: memref<9x28x64xf32, strided<[64, 128, 1], offset: ?>>,
    %b: memref<9x64x16xf32>, %c: memref<28x16xf32, strided<[64, 1]>>) {
  br.batch_reduce_gemm
    ins(%a, %b : memref<9x28x64xf32, strided<[64, 128, 1], offset: ?>>,
                 memref<9x64x16xf32>)
    outs(%c : memref<28x16xf32, strided<[64, 1]>>)
    {beta = 0.0 : f64, register_block = array<i64: 6, 2>}
  func.return
}

// CHECK-LABEL: @on_tensors
// CHECK: %[[R:.*]] = br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : tensor<6x4xf64>, tensor<4x8xf64>) outs(%{{.*}} : tensor<6x8xf64>) -> tensor<6x8xf64>
// CHECK-NEXT: func.return %[[R]]
func.func @on_tensors(%a: tensor<6x4xf64>, %b: tensor<4x8xf64>, %c: tensor<6x8xf64>)
    -> tensor<6x8xf64> {
  %r = br.batch_reduce_gemm ins(%a, %b : tensor<6x4xf64>, tensor<4x8xf64>)
    outs(%c : tensor<6x8xf64>) -> tensor<6x8xf64>
  func.return %r : tensor<6x8xf64>
}

// CHECK-LABEL: @transposed_and_scaled
// CHECK: br.batch_reduce_gemm ins({{.*}} : memref<2x4x6xf32>, memref<2x8x4xf32>) outs({{.*}}) {transpose_a, transpose_b, alpha = 5.000000e-01 : f64}
func.func @transposed_and_scaled(%a: memref<2x4x6xf32>, %b: memref<2x8x4xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x4x6xf32>, memref<2x8x4xf32>)
    outs(%c : memref<6x8xf32>) {transpose_a, transpose_b, alpha = 0.5 : f64}
  func.return
}

// Sizes may be open: those that are known must agree.
// CHECK-LABEL: @dynamic
// CHECK: br.batch_reduce_gemm ins({{.*}} : memref<?x6x?xf32>, memref<4x?x8xf32>) outs({{.*}} : memref<?x8xf32>) count(%{{.*}})
func.func @dynamic(%a: memref<?x6x?xf32>, %b: memref<4x?x8xf32>, %c: memref<?x8xf32>,
    %count: index) {
  br.batch_reduce_gemm ins(%a, %b : memref<?x6x?xf32>, memref<4x?x8xf32>)
    outs(%c : memref<?x8xf32>) count(%count)
  func.return
}

// All leading dimensions are the batch.
// CHECK-LABEL: @batch_of_two_dimensions
// CHECK: br.batch_reduce_gemm ins({{.*}} : memref<3x3x6x4xf32>, memref<3x3x4x8xf32>)
func.func @batch_of_two_dimensions(%a: memref<3x3x6x4xf32>, %b: memref<3x3x4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<3x3x6x4xf32>, memref<3x3x4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// CHECK-LABEL: @elements
// CHECK: memref<6x4xbf16>, memref<4x8xbf16>) outs({{.*}} : memref<6x8xf32>)
// CHECK: memref<6x4xf16>, memref<4x8xf16>) outs({{.*}} : memref<6x8xf32>)
// CHECK: memref<6x4xi8>, memref<4x8xi8>) outs({{.*}} : memref<6x8xi32>)
func.func @elements(%a: memref<6x4xbf16>, %b: memref<4x8xbf16>, %c: memref<6x8xf32>,
    %d: memref<6x4xf16>, %e: memref<4x8xf16>,
    %f: memref<6x4xi8>, %g: memref<4x8xi8>, %h: memref<6x8xi32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xbf16>, memref<4x8xbf16>)
    outs(%c : memref<6x8xf32>)
  br.batch_reduce_gemm ins(%d, %e : memref<6x4xf16>, memref<4x8xf16>)
    outs(%c : memref<6x8xf32>)
  br.batch_reduce_gemm ins(%f, %g : memref<6x4xi8>, memref<4x8xi8>)
    outs(%h : memref<6x8xi32>)
  func.return
}
