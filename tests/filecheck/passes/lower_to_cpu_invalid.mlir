// RUN: br-opt %s -p lower-to-cpu --split-input-file --verify-diagnostics | filecheck %s

// A dynamic dimension that nothing binds ends in one message, at its place.
// CHECK: lower_to_cpu_invalid.mlir:7:3: 'br.contract': expected static sizes
func.func @dynamic(%a: tensor<?x4xf32>, %b: tensor<4x8xf32>, %c: tensor<?x8xf32>)
    -> tensor<?x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<?x8xf32>) -> tensor<?x8xf32>
  func.return %0 : tensor<?x8xf32>
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected elements f32 or f64 alike
func.func @bf16(%a: memref<6x4xbf16>, %b: memref<4x8xbf16>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xbf16>, memref<4x8xbf16>)
    outs(%c : memref<6x8xf32>)
  func.return
}
