// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s

// What C starts from is folded where it is zero or a broadcast.

// CHECK-LABEL: @zero
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%{{.*}} : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, beta = 0.000000e+00 : f64} -> tensor<6x8xf32>
func.func @zero(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %c = linalg.fill ins(%zero : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}

// As torch exports a convolution with a bias.
// CHECK-LABEL: @broadcast
// CHECK: %{{.*}} = br.contract ins(%x, %w : tensor<1x10x10x4xf32>, tensor<3x3x4x8xf32>) outs(%{{.*}} : tensor<1x8x8x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d1 + d4), (d2 + d5), d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3)>]{{.*}}, beta = 0.000000e+00 : f64} epilogue(%bias : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[V2:\d+]]: f32, %[[V3:\d+]]: f32):
// CHECK-NEXT: %[[V4:\d+]] = arith.addf %[[V2]], %[[V3]] : f32
// CHECK-NEXT: br.yield %[[V4]] : f32
func.func @broadcast(%x: tensor<1x10x10x4xf32>, %w: tensor<3x3x4x8xf32>,
    %bias: tensor<8xf32>) -> tensor<1x8x8x8xf32> {
  %e = tensor.empty() : tensor<1x8x8x8xf32>
  %c = linalg.broadcast ins(%bias : tensor<8xf32>) outs(%e : tensor<1x8x8x8xf32>)
    dimensions = [0, 1, 2]
  %0 = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x10x10x4xf32>, tensor<3x3x4x8xf32>)
    outs(%c : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  func.return %0 : tensor<1x8x8x8xf32>
}

// Another number is no zero: C is read, beta stays 1.
// CHECK-LABEL: @one
// CHECK: %c = linalg.fill ins(%one : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
// CHECK-NEXT: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<6x8xf32>
func.func @one(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %c = linalg.fill ins(%one : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}
