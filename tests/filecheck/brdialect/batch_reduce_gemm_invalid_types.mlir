// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// What the operands, elements and the result must be.

// CHECK: batch_reduce_gemm_invalid_types.mlir:8:3: 'br.batch_reduce_gemm': expected elements f32, f32 -> f32; f64, f64 -> f64; bf16, bf16 -> f32 or bf16; f16, f16 -> f32 or f16; or integers, got f32, f64 -> f32
func.func @elements(%a: memref<6x4xf32>, %b: memref<4x8xf64>, %c: memref<6x8xf32>) {
  // a sum of products of unlike numbers is no kernel of any machine
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf64>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: got f32, f32 -> f64
func.func @accumulator(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf64>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf64>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected all operands tensors or all memrefs
func.func @mixed(%a: tensor<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : tensor<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected a result exactly where operands are tensors
func.func @no_result(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected a result exactly where operands are tensors
func.func @result(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  %r = br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) -> tensor<6x8xf32>
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected the result's type to be the destination's, tensor<6x8xf32>, got tensor<8x6xf32>
func.func @result_type(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>) {
  %r = br.batch_reduce_gemm ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<8x6xf32>
  func.return
}
