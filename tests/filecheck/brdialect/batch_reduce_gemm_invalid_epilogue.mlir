// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: batch_reduce_gemm_invalid_epilogue.mlir:7:3: 'br.batch_reduce_gemm': expected no epilogue operands without an epilogue region, got 1
func.func @no_region(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %e: memref<6x8xf32>) {
  // nothing says what to do with %e
  "br.batch_reduce_gemm"(%a, %b, %c, %e)
    <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0>}>
    : (memref<6x4xf32>, memref<4x8xf32>, memref<6x8xf32>, memref<6x8xf32>) -> ()
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected the epilogue's arguments to be the accumulated element and one of each operand, (f32, f32), got (f32)
func.func @arguments(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %e: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue(%e : memref<6x8xf32>) {
  ^bb0(%acc: f32):
    br.yield %acc : f32
  }
  func.return
}

// -----

// The accumulated element has the type of c, not that of a.
// CHECK: expected the epilogue's arguments to be the accumulated element and one of each operand, (f32), got (bf16)
func.func @accumulated(%a: memref<6x4xbf16>, %b: memref<4x8xbf16>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xbf16>, memref<4x8xbf16>)
    outs(%c : memref<6x8xf32>) epilogue {
  ^bb0(%acc: bf16):
    %x = arith.extf %acc : bf16 to f32
    br.yield %x : f32
  }
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected the epilogue to br.yield one f32
func.func @yields_nothing(%a: memref<6x4xf32>, %b: memref<4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue {
  ^bb0(%acc: f32):
    br.yield
  }
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected the epilogue to br.yield one f32
func.func @yields_a_truth(%a: memref<6x4xf32>, %b: memref<4x8xf32>,
    %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue {
  ^bb0(%acc: f32):
    %t = arith.cmpf oeq, %acc, %acc : f32
    br.yield %t : i1
  }
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': n of b and extra sizes differ: 8 and 1
func.func @extra_shape(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %e: memref<6x1xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue(%e : memref<6x1xf32>) {
  ^bb0(%acc: f32, %x: f32):
    br.yield %x : f32
  }
  func.return
}

// -----

// CHECK: 'br.batch_reduce_gemm': expected extra of rank 2, got rank 1
func.func @extra_rank(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %e: memref<8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue(%e : memref<8xf32>) {
  ^bb0(%acc: f32, %x: f32):
    br.yield %x : f32
  }
  func.return
}

// -----

// CHECK: expected all operands tensors or all memrefs
func.func @extra_kind(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>,
    %e: tensor<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue(%e : tensor<6x8xf32>) {
  ^bb0(%acc: f32, %x: f32):
    br.yield %x : f32
  }
  func.return
}
