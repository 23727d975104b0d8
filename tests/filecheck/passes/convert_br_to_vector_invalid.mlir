// RUN: br-opt %s -p convert-br-to-vector --split-input-file --verify-diagnostics \
// RUN:   | filecheck %s

// CHECK: convert_br_to_vector_invalid.mlir:6:3: 'br.batch_reduce_gemm': expected elements f32 or f64 alike in a, b and c, got bf16, bf16, f32; other element types have no CPU kernel yet
func.func @bf16(%a: memref<6x4xbf16>, %b: memref<4x8xbf16>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xbf16>, memref<4x8xbf16>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected elements f32 or f64 alike in a, b and c, got i8, i8, i32
func.func @i8(%a: memref<6x4xi8>, %b: memref<4x8xi8>, %c: memref<6x8xi32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xi8>, memref<4x8xi8>)
    outs(%c : memref<6x8xi32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected memrefs, got tensor<6x4xf32>; run bufferize first
func.func @tensors(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = br.batch_reduce_gemm ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected a strided memref, got memref<6x4xf32, affine_map<(d0, d1) -> ((d0 floordiv 2), d1)>>
func.func @layout(%a: memref<6x4xf32, affine_map<(i, j) -> (i floordiv 2, j)>>,
    %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm
    ins(%a, %b : memref<6x4xf32, affine_map<(i, j) -> (i floordiv 2, j)>>,
                 memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}
