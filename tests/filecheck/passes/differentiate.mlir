// RUN: br-opt %s -p 'differentiate{entry=layer wrt=0,1}' | filecheck %s

// Two layers: the contraction is saved, the ReLU computed again. The gradient of a
// contraction is a contraction whose maps have changed places.

#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (k, n)>
#result = affine_map<(m, n, k) -> (m, n)>
#same = affine_map<(m, n) -> (m, n)>

func.func @layer(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>) -> tensor<4x3xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x3xf32>) -> tensor<4x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x3xf32>)
      outs(%init : tensor<4x3xf32>) -> tensor<4x3xf32>
  %z = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x3xf32>) outs(%empty : tensor<4x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<4x3xf32>
  func.return %z : tensor<4x3xf32>
}

// CHECK:      func.func @layer(
// CHECK:        func.return %z : tensor<4x3xf32>

// CHECK:      func.func @layer_forward(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK:        func.return %z, %y : tensor<4x3xf32>, tensor<4x3xf32>

// CHECK:      func.func @layer_backward(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>, %y: tensor<4x3xf32>, %dz: tensor<4x3xf32>) -> (tensor<4x8xf32>, tensor<8x3xf32>)

// where the sum was positive the gradient goes through:
// CHECK:        %[[DY:.*]] = linalg.generic {{.*}} ins(%dz, %y : tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK-NEXT:   ^bb0(%[[G:.*]]: f32, %[[V:.*]]: f32, %{{.*}}: f32):
// CHECK:          %[[C:.*]] = arith.cmpf ogt, %[[V]], %{{.*}} : f32
// CHECK:          arith.select %[[C]], %[[G]], %{{.*}} : f32

// dx[m, k] += dy[m, n] * w[k, n]
// CHECK:        %[[DX:.*]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d2)>], iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[DY]], %w :
// CHECK:          arith.mulf
// CHECK-NEXT:     arith.addf
// CHECK-NEXT:     linalg.yield

// dw[k, n] += dy[m, n] * x[m, k]
// CHECK:        %[[DW:.*]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>], iterator_types = ["reduction", "parallel", "parallel"]} ins(%[[DY]], %x :
// CHECK:        func.return %[[DX]], %[[DW]] : tensor<4x8xf32>, tensor<8x3xf32>
