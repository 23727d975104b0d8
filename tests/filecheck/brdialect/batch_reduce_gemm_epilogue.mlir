// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s

// An epilogue takes the accumulated element and one of each further operand. A stride
// of 0 broadcasts, here a bias along the rows.

// CHECK-LABEL: @bias_relu
// CHECK: {beta = 0.000000e+00 : f64} epilogue(%{{.*}} : memref<6x8xf32, strided<[0, 1]>>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[X:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[ACC]], %[[X]] : f32
// CHECK-NEXT: %[[R:.*]] = arith.maximumf %[[S]], %{{.*}} : f32
// CHECK-NEXT: br.yield %[[R]] : f32
// CHECK-NEXT: }
func.func @bias_relu(%a: memref<2x6x4xf32>, %b: memref<2x4x8xf32>, %c: memref<6x8xf32>,
    %bias: memref<6x8xf32, strided<[0, 1]>>) {
  %zero = arith.constant 0.0 : f32
  br.batch_reduce_gemm ins(%a, %b : memref<2x6x4xf32>, memref<2x4x8xf32>)
    outs(%c : memref<6x8xf32>)
    {beta = 0.0 : f64} epilogue(%bias : memref<6x8xf32, strided<[0, 1]>>) {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    %r = arith.maximumf %s, %zero : f32
    br.yield %r : f32
  }
  func.return
}

// It needs no operands.
// CHECK-LABEL: @negated
// CHECK: outs(%{{.*}} : memref<6x8xf32>) epilogue {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32):
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[ACC]] : f32
// CHECK-NEXT: br.yield %[[N]] : f32
func.func @negated(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xf32>) epilogue {
  ^bb0(%acc: f32):
    %n = arith.negf %acc : f32
    br.yield %n : f32
  }
  func.return
}

// An operand may have elements of another type, such as a mask.
// CHECK-LABEL: @masked
// CHECK: %[[R:.*]] = br.batch_reduce_gemm {{.*}} count(%{{.*}}) epilogue(%{{.*}} : tensor<6x8xi1>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[M:.*]]: i1):
// CHECK-NEXT: %[[S:.*]] = arith.select %[[M]], %[[ACC]], %{{.*}} : f32
// CHECK: } -> tensor<6x8xf32>
func.func @masked(%a: tensor<2x6x4xf32>, %b: tensor<2x4x8xf32>, %c: tensor<6x8xf32>,
    %mask: tensor<6x8xi1>, %count: index) -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %r = br.batch_reduce_gemm ins(%a, %b : tensor<2x6x4xf32>, tensor<2x4x8xf32>)
    outs(%c : tensor<6x8xf32>) count(%count) epilogue(%mask : tensor<6x8xi1>) {
  ^bb0(%acc: f32, %m: i1):
    %s = arith.select %m, %acc, %zero : f32
    br.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}
