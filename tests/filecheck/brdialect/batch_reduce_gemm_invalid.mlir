// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// What the shapes must be. Each message names the place, and both numbers.

// CHECK: batch_reduce_gemm_invalid.mlir:7:3: 'br.batch_reduce_gemm': k sizes differ: 4 and 5
func.func @k(%a: memref<2x6x4xf32>, %b: memref<2x5x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x6x4xf32>, memref<2x5x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': k sizes differ: 6 and 4
func.func @k_of_transposed(%a: memref<6x4xf32>, %b: memref<4x8xf32>,
    %c: memref<4x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<4x8xf32>) {transpose_a}
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': m of a and c sizes differ: 6 and 7
func.func @m(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<7x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<7x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': n of b and c sizes differ: 8 and 9
func.func @n(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x9xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x9xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': batch dimension 1 sizes differ: 3 and 2
func.func @batch(%a: memref<5x3x6x4xf32>, %b: memref<5x2x4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<5x3x6x4xf32>, memref<5x2x4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': n of a and b sizes differ: 4 and 8
func.func @ranks(%a: memref<2x6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected a of rank batch + rows + 1 (or one more, for each column), b of rank batch + 2 and c of rank rows + 1, with rows at least 1, got ranks 2, 2 and 1
func.func @rank_of_c(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected no transposed operand where a has a matrix for each column
func.func @own_transposed(%a: memref<6x4x8xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4x8xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) {transpose_a}
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': m of c and next sizes differ: 6 and 4
func.func @next(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) next(%b : memref<4x8xf32>)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected a batch dimension for count, got none
func.func @count(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %count: index) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) count(%count)
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected register_block = [rows, vectors], got [6, 0]
func.func @register_block(%a: memref<6x4xf32>, %b: memref<4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) {register_block = array<i64: 6, 0>}
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected register_block = [rows, vectors], got [6]
func.func @register_block(%a: memref<6x4xf32>, %b: memref<4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) {register_block = array<i64: 6>}
  func.return
}
