// A 3x3 convolution with bias and ReLU, any number of images.
//
//   br-run examples/conv.mlir --input 1x58x58x64xf32 --input 3x3x64x64xf32 --input 64xf32

#image = affine_map<(n, h, w, c) -> (n, h, w, c)>

func.func @conv(%x: tensor<?x58x58x64xf32>, %w: tensor<3x3x64x64xf32>,
                %bias: tensor<64xf32>) -> tensor<?x56x56x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x58x58x64xf32>
  %empty = tensor.empty(%n) : tensor<?x56x56x64xf32>
  // The convolution accumulates onto its bias ...
  %init = linalg.broadcast ins(%bias : tensor<64xf32>)
      outs(%empty : tensor<?x56x56x64xf32>) dimensions = [0, 1, 2]
  %y = linalg.conv_2d_nhwc_hwcf
      {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<?x58x58x64xf32>, tensor<3x3x64x64xf32>)
      outs(%init : tensor<?x56x56x64xf32>) -> tensor<?x56x56x64xf32>
  // ... and max(y, 0) rides along in registers.
  %relu = linalg.generic
      {indexing_maps = [#image, #image],
       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y : tensor<?x56x56x64xf32>) outs(%empty : tensor<?x56x56x64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<?x56x56x64xf32>
  return %relu : tensor<?x56x56x64xf32>
}
