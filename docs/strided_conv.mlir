// The example of docs/differentiate.md: a 3x3 convolution with stride 2 and padding 1,
// then ReLU.

#same = affine_map<(n, k, p, q) -> (n, k, p, q)>

func.func @conv(%x: tensor<1x8x8x8xf32>, %w: tensor<16x8x3x3xf32>)
    -> tensor<1x16x4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %v: index):
    tensor.yield %zero : f32
  } : tensor<1x8x8x8xf32> to tensor<1x8x10x10xf32>
  %empty = tensor.empty() : tensor<1x16x4x4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x16x4x4xf32>)
      -> tensor<1x16x4x4xf32>
  %y = linalg.conv_2d_nchw_fchw
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%padded, %w : tensor<1x8x10x10xf32>, tensor<16x8x3x3xf32>)
      outs(%init : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  %z = linalg.generic
      {indexing_maps = [#same, #same],
       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y : tensor<1x16x4x4xf32>) outs(%empty : tensor<1x16x4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<1x16x4x4xf32>
  func.return %z : tensor<1x16x4x4xf32>
}
