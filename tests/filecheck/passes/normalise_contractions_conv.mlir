// RUN: br-opt %s -p generalise-linalg,normalise-contractions | filecheck %s

// Convolutions of any rank, layout, stride, dilation and grouping differ in their maps.

// CHECK-LABEL: @conv_1d_nwc
// CHECK: %r = br.contract ins(%x, %w : tensor<1x10x4xf32>, tensor<3x4x8xf32>) outs(%y : tensor<1x8x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, (d1 + d3), d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d3, d4, d2)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>]
func.func @conv_1d_nwc(%x: tensor<1x10x4xf32>, %w: tensor<3x4x8xf32>,
    %y: tensor<1x8x8xf32>) -> tensor<1x8x8xf32> {
  %r = linalg.conv_1d_nwc_wcf
    {strides = dense<1> : tensor<1xi64>, dilations = dense<1> : tensor<1xi64>}
    ins(%x, %w : tensor<1x10x4xf32>, tensor<3x4x8xf32>)
    outs(%y : tensor<1x8x8xf32>) -> tensor<1x8x8xf32>
  func.return %r : tensor<1x8x8xf32>
}

// CHECK-LABEL: @conv_2d_nhwc
// CHECK: %r = br.contract ins(%x, %w : tensor<1x11x11x4xf32>, tensor<3x3x4x8xf32>) outs(%y : tensor<1x4x4x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, ((d1 * 2) + (d4 * 2)), ((d2 * 2) + (d5 * 2)), d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>]
func.func @conv_2d_nhwc(%x: tensor<1x11x11x4xf32>, %w: tensor<3x3x4x8xf32>,
    %y: tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<2> : tensor<2xi64>, dilations = dense<2> : tensor<2xi64>}
    ins(%x, %w : tensor<1x11x11x4xf32>, tensor<3x3x4x8xf32>)
    outs(%y : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  func.return %r : tensor<1x4x4x8xf32>
}

// Channels first: the pixels of a row are the columns, so the image becomes b.
// CHECK-LABEL: @conv_2d_nchw
// CHECK: %r = br.contract ins(%w, %x : tensor<8x4x3x3xf32>, tensor<1x4x10x10xf32>) outs(%y : tensor<1x8x8x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, (d2 + d5), (d3 + d6))>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>]
func.func @conv_2d_nchw(%x: tensor<1x4x10x10xf32>, %w: tensor<8x4x3x3xf32>,
    %y: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %r = linalg.conv_2d_nchw_fchw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x4x10x10xf32>, tensor<8x4x3x3xf32>)
    outs(%y : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  func.return %r : tensor<1x8x8x8xf32>
}

// CHECK-LABEL: @conv_2d_grouped
// CHECK: %r = br.contract ins(%w, %x : tensor<2x8x4x3x3xf32>, tensor<1x2x4x10x10xf32>) outs(%y : tensor<1x2x8x8x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>, affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, (d3 + d6), (d4 + d7))>, affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>]
func.func @conv_2d_grouped(%x: tensor<1x2x4x10x10xf32>, %w: tensor<2x8x4x3x3xf32>,
    %y: tensor<1x2x8x8x8xf32>) -> tensor<1x2x8x8x8xf32> {
  %r = linalg.conv_2d_ngchw_gfchw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x2x4x10x10xf32>, tensor<2x8x4x3x3xf32>)
    outs(%y : tensor<1x2x8x8x8xf32>) -> tensor<1x2x8x8x8xf32>
  func.return %r : tensor<1x2x8x8x8xf32>
}

// CHECK-LABEL: @conv_3d_ndhwc
// CHECK: %r = br.contract ins(%x, %w : tensor<1x6x6x6x4xf32>, tensor<3x3x3x4x8xf32>) outs(%y : tensor<1x4x4x4x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, (d1 + d5), (d2 + d6), (d3 + d7), d8)>, affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d5, d6, d7, d8, d4)>, affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1, d2, d3, d4)>]
func.func @conv_3d_ndhwc(%x: tensor<1x6x6x6x4xf32>, %w: tensor<3x3x3x4x8xf32>,
    %y: tensor<1x4x4x4x8xf32>) -> tensor<1x4x4x4x8xf32> {
  %r = linalg.conv_3d_ndhwc_dhwcf
    {strides = dense<1> : tensor<3xi64>, dilations = dense<1> : tensor<3xi64>}
    ins(%x, %w : tensor<1x6x6x6x4xf32>, tensor<3x3x3x4x8xf32>)
    outs(%y : tensor<1x4x4x4x8xf32>) -> tensor<1x4x4x4x8xf32>
  func.return %r : tensor<1x4x4x4x8xf32>
}
