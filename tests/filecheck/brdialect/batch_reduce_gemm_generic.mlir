// RUN: br-opt %s --print-op-generic | filecheck %s

// The generic form: the operands lie in segments a, b, c, extras, count.

// CHECK: "br.batch_reduce_gemm"(%a, %b, %c, %e, %count) <{beta = 0.000000e+00 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}> ({
// CHECK-NEXT: ^bb{{.*}}(%{{.*}}: f32, %{{.*}}: f32):
// CHECK: "br.yield"(%{{.*}}) : (f32) -> ()
// CHECK: }) : (memref<2x6x4xf32>, memref<2x4x8xf32>, memref<6x8xf32>, memref<6x8xf32>, index) -> ()
func.func @all(%a: memref<2x6x4xf32>, %b: memref<2x4x8xf32>, %c: memref<6x8xf32>,
    %e: memref<6x8xf32>, %count: index) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x6x4xf32>, memref<2x4x8xf32>)
    outs(%c : memref<6x8xf32>) count(%count)
    {beta = 0.0 : f64} epilogue(%e : memref<6x8xf32>) {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.mulf %acc, %x : f32
    br.yield %s : f32
  }
  func.return
}

// CHECK: "br.batch_reduce_gemm"(%a, %b, %c) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> : (memref<6x4xf32>, memref<4x8xf32>, memref<6x8xf32>) -> ()
func.func @least(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>)
  func.return
}
