// Two 3x3 convolutions, a maximum over 2x2 pixels and a matrix that read a handwritten
// digit off 8x8 pixels. The weights are arguments: examples/train_digits.py finds them.

#same = affine_map<(n, c, h, w) -> (n, c, h, w)>

func.func @main(%images: tensor<?x1x8x8xf32>,
                %k1: tensor<16x1x3x3xf32>, %b1: tensor<16xf32>,
                %k2: tensor<32x16x3x3xf32>, %b2: tensor<32xf32>,
                %w3: tensor<512x10xf32>, %b3: tensor<10xf32>) -> tensor<?x10xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %first = arith.constant 0 : index
  %n = tensor.dim %images, %first : tensor<?x1x8x8xf32>

  %e1 = tensor.empty(%n) : tensor<?x16x8x8xf32>
  %p1 = tensor.pad %images low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<?x1x8x8xf32> to tensor<?x1x10x10xf32>
  %bias1 = linalg.broadcast ins(%b1 : tensor<16xf32>) outs(%e1 : tensor<?x16x8x8xf32>)
      dimensions = [0, 2, 3]
  %c1 = linalg.conv_2d_nchw_fchw
      ins(%p1, %k1 : tensor<?x1x10x10xf32>, tensor<16x1x3x3xf32>)
      outs(%bias1 : tensor<?x16x8x8xf32>) -> tensor<?x16x8x8xf32>
  %h1 = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c1 : tensor<?x16x8x8xf32>) outs(%e1 : tensor<?x16x8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<?x16x8x8xf32>

  %e2 = tensor.empty(%n) : tensor<?x32x8x8xf32>
  %p2 = tensor.pad %h1 low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<?x16x8x8xf32> to tensor<?x16x10x10xf32>
  %bias2 = linalg.broadcast ins(%b2 : tensor<32xf32>) outs(%e2 : tensor<?x32x8x8xf32>)
      dimensions = [0, 2, 3]
  %c2 = linalg.conv_2d_nchw_fchw
      ins(%p2, %k2 : tensor<?x16x10x10xf32>, tensor<32x16x3x3xf32>)
      outs(%bias2 : tensor<?x32x8x8xf32>) -> tensor<?x32x8x8xf32>
  %h2 = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c2 : tensor<?x32x8x8xf32>) outs(%e2 : tensor<?x32x8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<?x32x8x8xf32>

  %e3 = tensor.empty(%n) : tensor<?x32x4x4xf32>
  %start = linalg.fill ins(%lowest : f32) outs(%e3 : tensor<?x32x4x4xf32>)
      -> tensor<?x32x4x4xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %pooled = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>}
      ins(%h2, %window : tensor<?x32x8x8xf32>, tensor<2x2xf32>)
      outs(%start : tensor<?x32x4x4xf32>) -> tensor<?x32x4x4xf32>

  %x = tensor.collapse_shape %pooled [[0], [1, 2, 3]]
      : tensor<?x32x4x4xf32> into tensor<?x512xf32>
  %e4 = tensor.empty(%n) : tensor<?x10xf32>
  %bias3 = linalg.broadcast ins(%b3 : tensor<10xf32>) outs(%e4 : tensor<?x10xf32>)
      dimensions = [0]
  %logits = linalg.matmul ins(%x, %w3 : tensor<?x512xf32>, tensor<512x10xf32>)
      outs(%bias3 : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
