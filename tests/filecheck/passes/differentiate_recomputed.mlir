// RUN: br-opt %s -p 'differentiate{save=false}' | filecheck %s

// Nothing is saved: one function computes the product again, and then the gradient.

func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>) -> tensor<4x3xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x3xf32>) -> tensor<4x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x3xf32>)
      outs(%init : tensor<4x3xf32>) -> tensor<4x3xf32>
  %z = linalg.exp ins(%y : tensor<4x3xf32>) outs(%empty : tensor<4x3xf32>)
      -> tensor<4x3xf32>
  func.return %z : tensor<4x3xf32>
}

// CHECK-NOT:  func.func @main_forward
// CHECK:      func.func @main_backward(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>, %dz: tensor<4x3xf32>) -> (tensor<4x8xf32>, tensor<8x3xf32>)
// CHECK:        %[[Y:.*]] = linalg.generic {{.*}} ins(%x, %w
// CHECK:        linalg.generic {{.*}} ins(%dz, %[[Y]]
// CHECK:          math.exp
