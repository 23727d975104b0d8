// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s

// What follows a contraction element by element rides with it, each part optional.

#mn = affine_map<(m, n) -> (m, n)>
#n = affine_map<(m, n) -> (n)>

// CHECK-LABEL: @bias_relu
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%e : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d1)>]{{.*}}, beta = 0.000000e+00 : f64} epilogue(%bias : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32):
// CHECK-NEXT: %s = arith.addf %[[V1]], %[[V2]] : f32
// CHECK-NEXT: %s_1 = arith.maximumf %s, %zero : f32
// CHECK-NEXT: br.yield %s_1 : f32
func.func @bias_relu(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %bias: tensor<8xf32>)
    -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %c = linalg.fill ins(%zero : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.generic {indexing_maps = [#mn, #n, #mn],
                       iterator_types = ["parallel", "parallel"]}
      ins(%0, %bias : tensor<6x8xf32>, tensor<8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  %2 = linalg.generic {indexing_maps = [#mn, #mn],
                       iterator_types = ["parallel", "parallel"]}
      ins(%1 : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%x: f32, %out: f32):
    %s = arith.maximumf %x, %zero : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %2 : tensor<6x8xf32>
}

// Bias alone.
// CHECK-LABEL: @bias
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d1)>]{{.*}}} epilogue(%bias : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32):
// CHECK-NEXT: %s = arith.addf %[[V1]], %[[V2]] : f32
// CHECK-NEXT: br.yield %s : f32
func.func @bias(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %bias: tensor<8xf32>) -> tensor<6x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.generic {indexing_maps = [#mn, #n, #mn],
                       iterator_types = ["parallel", "parallel"]}
      ins(%0, %bias : tensor<6x8xf32>, tensor<8xf32>) outs(%c : tensor<6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %1 : tensor<6x8xf32>
}

// A residual: another whole tensor.
// CHECK-LABEL: @residual
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} epilogue(%r : tensor<6x8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32):
// CHECK-NEXT: %[[V3:\d+]] = arith.addf %[[V2]], %[[V1]] : f32
// CHECK-NEXT: br.yield %[[V3]] : f32
func.func @residual(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %r: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.add ins(%r, %0 : tensor<6x8xf32>, tensor<6x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %1 : tensor<6x8xf32>
}
