// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,coalesce-contractions,canonicalize | filecheck %s

// A whole network changes its layout once at each border: the first convolution reads the
// channels-first image as it is, and one transpose writes the channels-first result.
// Convolutions, grouped and depthwise ones, padding, pooling, a residual and a
// concatenation all work on channels-last images in between.

#image = affine_map<(n, c, p, q) -> (n, c, p, q)>

// CHECK-LABEL: @network
// CHECK-NOT:  affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
// CHECK-NOT:  affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK:      br.contract ins(%x, %w0 : tensor<1x4x12x12xf32>
// CHECK-NOT:  affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
// CHECK-NOT:  affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK:      %[[LAST:\d+]] = tensor.concat dim(3)
// CHECK-NEXT: %{{.*}} = tensor.empty() : tensor<1x32x10x10xf32>
// CHECK-NEXT: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}} ins(%[[LAST]] : tensor<1x10x10x32xf32>)
// CHECK-NOT:  linalg.generic
// CHECK:      func.return
func.func @network(%x: tensor<1x4x12x12xf32>, %w0: tensor<16x4x3x3xf32>,
    %w1: tensor<4x4x4x3x3xf32>, %w2: tensor<16x3x3xf32>) -> tensor<1x32x10x10xf32> {
  %zero = arith.constant 0.0 : f32
  %e_0 = tensor.empty() : tensor<1x16x10x10xf32>
  %f_0 = linalg.fill ins(%zero : f32) outs(%e_0 : tensor<1x16x10x10xf32>)
    -> tensor<1x16x10x10xf32>
  %c0 = linalg.conv_2d_nchw_fchw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w0 : tensor<1x4x12x12xf32>, tensor<16x4x3x3xf32>)
    outs(%f_0 : tensor<1x16x10x10xf32>) -> tensor<1x16x10x10xf32>
  %p0 = tensor.pad %c0 low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x16x10x10xf32> to tensor<1x16x12x12xf32>
  %g0 = tensor.expand_shape %p0 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 12, 12]
    : tensor<1x16x12x12xf32> into tensor<1x4x4x12x12xf32>
  %e_1 = tensor.empty() : tensor<1x4x4x10x10xf32>
  %f_1 = linalg.fill ins(%zero : f32) outs(%e_1 : tensor<1x4x4x10x10xf32>)
    -> tensor<1x4x4x10x10xf32>
  %c1 = linalg.conv_2d_ngchw_gfchw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%g0, %w1 : tensor<1x4x4x12x12xf32>, tensor<4x4x4x3x3xf32>)
    outs(%f_1 : tensor<1x4x4x10x10xf32>) -> tensor<1x4x4x10x10xf32>
  %g1 = tensor.collapse_shape %c1 [[0], [1, 2], [3], [4]]
    : tensor<1x4x4x10x10xf32> into tensor<1x16x10x10xf32>
  %e_2 = tensor.empty() : tensor<1x16x10x10xf32>
  %f_2 = linalg.fill ins(%zero : f32) outs(%e_2 : tensor<1x16x10x10xf32>)
    -> tensor<1x16x10x10xf32>
  %c2 = linalg.depthwise_conv_2d_nchw_chw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%p0, %w2 : tensor<1x16x12x12xf32>, tensor<16x3x3xf32>)
    outs(%f_2 : tensor<1x16x10x10xf32>) -> tensor<1x16x10x10xf32>
  %sum = linalg.generic {indexing_maps = [#image, #image, #image],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%g1, %c2 : tensor<1x16x10x10xf32>, tensor<1x16x10x10xf32>)
      outs(%e_0 : tensor<1x16x10x10xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<1x16x10x10xf32>
  %window = tensor.empty() : tensor<3x3xf32>
  %q0 = tensor.pad %sum low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x16x10x10xf32> to tensor<1x16x12x12xf32>
  %pool = linalg.pooling_nchw_max
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%q0, %window : tensor<1x16x12x12xf32>, tensor<3x3xf32>)
    outs(%f_0 : tensor<1x16x10x10xf32>) -> tensor<1x16x10x10xf32>
  %r = tensor.concat dim(1) %pool, %sum
    : (tensor<1x16x10x10xf32>, tensor<1x16x10x10xf32>) -> tensor<1x32x10x10xf32>
  func.return %r : tensor<1x32x10x10xf32>
}
