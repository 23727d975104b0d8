// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues | filecheck %s
// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts | filecheck %s --check-prefix LAYOUT

// A convolution of an image of one pixel (squeeze and excite): its transposes move only
// dimensions of size 1. What follows is fused all the same; where nothing reads it, the
// transpose is a reshape.
// CHECK-LABEL: @one_pixel
// CHECK: br.contract
// CHECK-SAME: epilogue(%bias : tensor<1x6x1x1xf32>)
// CHECK:   arith.addf
// CHECK:   br.yield
// CHECK-NOT: linalg.generic
// LAYOUT-LABEL: @one_pixel
// LAYOUT: %[[Y:\d+]] = br.contract
// LAYOUT: linalg.generic {{.*}} ins(%[[Y]], %bias : tensor<1x1x1x6xf32>, tensor<1x6x1x1xf32>)
// LAYOUT: tensor.collapse_shape
// LAYOUT-NEXT: tensor.expand_shape
// LAYOUT-NEXT: func.return
#id = affine_map<(n, k, p, q) -> (n, k, p, q)>
func.func @one_pixel(%x: tensor<1x4x1x1xf32>, %w: tensor<6x4x1x1xf32>,
                     %bias: tensor<1x6x1x1xf32>) -> tensor<1x6x1x1xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x6x1x1xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x6x1x1xf32>) -> tensor<1x6x1x1xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<1> : vector<2xi64>, dilations = dense<1> : vector<2xi64>}
      ins(%x, %w : tensor<1x4x1x1xf32>, tensor<6x4x1x1xf32>)
      outs(%f : tensor<1x6x1x1xf32>) -> tensor<1x6x1x1xf32>
  %z = linalg.generic {indexing_maps = [#id, #id, #id],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y, %bias : tensor<1x6x1x1xf32>, tensor<1x6x1x1xf32>)
      outs(%e : tensor<1x6x1x1xf32>) {
  ^bb0(%in: f32, %b: f32, %out: f32):
    %0 = arith.addf %in, %b : f32
    linalg.yield %0 : f32
  } -> tensor<1x6x1x1xf32>
  func.return %z : tensor<1x6x1x1xf32>
}
