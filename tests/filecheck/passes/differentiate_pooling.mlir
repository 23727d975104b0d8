// RUN: br-opt %s -p 'differentiate' | filecheck %s

// The gradient of a maximum goes to the first element that has it: which one that is, is
// found by a search for the least number. Windows that lie end to end reach each element
// once, so the gradient is computed as [n, p, r, q, s, c] and reshaped.

func.func @pool(%x: tensor<2x6x8x5xf32>) -> tensor<2x3x4x5xf32> {
  %low = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<2x3x4x5xf32>
  %init = linalg.fill ins(%low : f32) outs(%e : tensor<2x3x4x5xf32>)
      -> tensor<2x3x4x5xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %y = linalg.pooling_nhwc_max
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %window : tensor<2x6x8x5xf32>, tensor<2x2xf32>)
      outs(%init : tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  func.return %y : tensor<2x3x4x5xf32>
}

// CHECK-LABEL: func.func @pool_backward(
// CHECK-SAME:      %x: tensor<2x6x8x5xf32>, %y: tensor<2x3x4x5xf32>, %dy: tensor<2x3x4x5xf32>) -> tensor<2x6x8x5xf32>
// CHECK:         %[[F:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<2x3x4x5xi32>)
// CHECK:           arith.cmpf oeq
// CHECK:           arith.minsi
// CHECK:         %[[D:.*]] = linalg.generic {{.*}} ins(%dy, %[[F]]
// CHECK-SAME:      outs(%{{.*}} : tensor<2x3x2x4x2x5xf32>)
// CHECK:           arith.cmpi eq
// CHECK:           arith.select
// CHECK:         %[[R:.*]] = tensor.collapse_shape %[[D]] {{.*}} : tensor<2x3x2x4x2x5xf32> into tensor<2x6x8x5xf32>
// CHECK-NEXT:    func.return %[[R]]
