// RUN: br-opt %s -p generalise-linalg,normalise-contractions,coalesce-contractions | filecheck %s

// A 1x1 convolution is a product of matrices: taps of one trip are left out, and image,
// rows and pixels, which lie side by side everywhere, are one.
// CHECK-LABEL: @pointwise(
// CHECK: %[[V0:\d+]] = tensor.collapse_shape %x {{\[\[}}0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x10x10x8xf32> into tensor<20x10x8xf32>
// CHECK: %[[V1:\d+]] = tensor.collapse_shape %y {{\[\[}}0 : i64, 1 : i64], [2 : i64], [3 : i64]] : tensor<2x10x10x16xf32> into tensor<20x10x16xf32>
// CHECK: %[[V2:\d+]] = tensor.collapse_shape %[[V0]] {{\[\[}}0 : i64, 1 : i64], [2 : i64]] : tensor<20x10x8xf32> into tensor<200x8xf32>
// CHECK: %[[V3:\d+]] = tensor.collapse_shape %[[V1]] {{\[\[}}0 : i64, 1 : i64], [2 : i64]] : tensor<20x10x16xf32> into tensor<200x16xf32>
// CHECK: %[[V4:\d+]] = br.contract ins(%[[V2]], %w : tensor<200x8xf32>, tensor<1x1x8x16xf32>) outs(%[[V3]] : tensor<200x16xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (0, 0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<200x16xf32>
// CHECK: %[[V5:\d+]] = tensor.expand_shape %[[V4]] {{\[\[}}0 : i64, 1 : i64], [2 : i64]] output_shape [20, 10, 16] : tensor<200x16xf32> into tensor<20x10x16xf32>
// CHECK: %r = tensor.expand_shape %[[V5]] {{\[\[}}0 : i64, 1 : i64], [2 : i64], [3 : i64]] output_shape [2, 10, 10, 16] : tensor<20x10x16xf32> into tensor<2x10x10x16xf32>
// CHECK: func.return %r : tensor<2x10x10x16xf32>
func.func @pointwise(%x: tensor<2x10x10x8xf32>, %w: tensor<1x1x8x16xf32>,
    %y: tensor<2x10x10x16xf32>) -> tensor<2x10x10x16xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<2x10x10x8xf32>, tensor<1x1x8x16xf32>)
    outs(%y : tensor<2x10x10x16xf32>) -> tensor<2x10x10x16xf32>
  func.return %r : tensor<2x10x10x16xf32>
}

// In a window the pixels meet the taps: all iterators stay.
// CHECK-LABEL: @window(
// CHECK: %r = br.contract ins(%x, %w : tensor<1x12x12x8xf32>, tensor<3x3x8x16xf32>) outs(%y : tensor<1x10x10x16xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d1 + d4), (d2 + d5), d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>]{{.*}}} -> tensor<1x10x10x16xf32>
// CHECK: func.return %r : tensor<1x10x10x16xf32>
func.func @window(%x: tensor<1x12x12x8xf32>, %w: tensor<3x3x8x16xf32>,
    %y: tensor<1x10x10x16xf32>) -> tensor<1x10x10x16xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x12x12x8xf32>, tensor<3x3x8x16xf32>)
    outs(%y : tensor<1x10x10x16xf32>) -> tensor<1x10x10x16xf32>
  func.return %r : tensor<1x10x10x16xf32>
}
