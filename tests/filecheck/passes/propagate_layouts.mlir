// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts | filecheck %s

// Channels first, as PyTorch exports: the columns become the channels, which b, the
// weights, has by themselves. The result is transposed back at the end.
// CHECK-LABEL: @conv(
// CHECK: %[[V1:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}}} ins(%y : tensor<1x16x4x4xf32>) outs(%{{.*}} : tensor<1x4x4x16xf32>) {
// CHECK: %[[V4:\d+]] = br.contract ins(%x, %w : tensor<1x8x6x6xf32>, tensor<16x8x3x3xf32>) outs(%[[V1]] : tensor<1x4x4x16xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, (d2 + d5), (d3 + d6))>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d2, d3, d1)>]{{.*}}} -> tensor<1x4x4x16xf32>
// CHECK: %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}}} ins(%[[V4]] : tensor<1x4x4x16xf32>) outs(%{{.*}} : tensor<1x16x4x4xf32>) {
// CHECK: func.return %r : tensor<1x16x4x4xf32>
func.func @conv(%x: tensor<1x8x6x6xf32>, %w: tensor<16x8x3x3xf32>,
    %y: tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32> {
  %r = linalg.conv_2d_nchw_fchw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x8x6x6xf32>, tensor<16x8x3x3xf32>)
    outs(%y : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  func.return %r : tensor<1x16x4x4xf32>
}

// A transpose sinks through what follows: exp runs channels last.
// CHECK-LABEL: @through_exp(
// CHECK: %[[V1:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}}} ins(%x : tensor<1x4x4x16xf32>) outs(%{{.*}} : tensor<1x4x4x16xf32>) {
// CHECK: %{{.*}} = math.exp %{{.*}} : f32
// CHECK: %[[V6:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}}} ins(%[[V1]] : tensor<1x4x4x16xf32>) outs(%{{.*}} : tensor<1x16x4x4xf32>) {
// CHECK: func.return %[[V6]] : tensor<1x16x4x4xf32>
func.func @through_exp(%x: tensor<1x4x4x16xf32>, %t: tensor<1x16x4x4xf32>)
    -> tensor<1x16x4x4xf32> {
  %0 = linalg.transpose ins(%x : tensor<1x4x4x16xf32>) outs(%t : tensor<1x16x4x4xf32>)
    permutation = [0, 3, 1, 2]
  %1 = linalg.exp ins(%0 : tensor<1x16x4x4xf32>) outs(%t : tensor<1x16x4x4xf32>)
    -> tensor<1x16x4x4xf32>
  func.return %1 : tensor<1x16x4x4xf32>
}

// Two that undo one another are gone.
// CHECK-LABEL: @cancel(
// CHECK: %[[V1:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : tensor<4x16xf32>) outs(%{{.*}} : tensor<4x16xf32>) {
// CHECK: %{{.*}} = math.exp %{{.*}} : f32
// CHECK: func.return %[[V1]] : tensor<4x16xf32>
func.func @cancel(%x: tensor<4x16xf32>, %t: tensor<16x4xf32>) -> tensor<4x16xf32> {
  %0 = linalg.transpose ins(%x : tensor<4x16xf32>) outs(%t : tensor<16x4xf32>)
    permutation = [1, 0]
  %1 = linalg.exp ins(%0 : tensor<16x4xf32>) outs(%t : tensor<16x4xf32>)
    -> tensor<16x4xf32>
  %2 = linalg.transpose ins(%1 : tensor<16x4xf32>) outs(%x : tensor<4x16xf32>)
    permutation = [1, 0]
  func.return %2 : tensor<4x16xf32>
}
