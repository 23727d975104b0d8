// The example of docs/pipeline.md: a 3x3 convolution with bias and ReLU as PyTorch has
// it, channels first. The weights are given once, when the program is loaded.

#image = affine_map<(n, k, p, q) -> (n, k, p, q)>

module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

func.func @conv(%x: tensor<1x8x10x10xf32>, %w: tensor<32x8x3x3xf32> {br.bound = 1 : i64},
                %bias: tensor<32xf32>) -> tensor<1x32x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x32x8x8xf32>
  %init = linalg.broadcast ins(%bias : tensor<32xf32>)
      outs(%empty : tensor<1x32x8x8xf32>) dimensions = [0, 2, 3]
  %conv = linalg.conv_2d_nchw_fchw
      {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x8x10x10xf32>, tensor<32x8x3x3xf32>)
      outs(%init : tensor<1x32x8x8xf32>) -> tensor<1x32x8x8xf32>
  %relu = linalg.generic
      {indexing_maps = [#image, #image],
       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%conv : tensor<1x32x8x8xf32>) outs(%empty : tensor<1x32x8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<1x32x8x8xf32>
  func.return %relu : tensor<1x32x8x8xf32>
}
}
