// Two layers, relu(x W1 + b1) W2 + b2, that read a handwritten digit off 8x8 pixels.
// The weights are arguments: examples/train_digits.py finds them.

#full = affine_map<(n, f) -> (n, f)>

func.func @main(%images: tensor<?x1x8x8xf32>,
                %w1: tensor<64x128xf32>, %b1: tensor<128xf32>,
                %w2: tensor<128x10xf32>, %b2: tensor<10xf32>) -> tensor<?x10xf32> {
  %zero = arith.constant 0.0 : f32
  %first = arith.constant 0 : index
  %n = tensor.dim %images, %first : tensor<?x1x8x8xf32>
  %x = tensor.collapse_shape %images [[0], [1, 2, 3]]
      : tensor<?x1x8x8xf32> into tensor<?x64xf32>

  %e1 = tensor.empty(%n) : tensor<?x128xf32>
  %bias1 = linalg.broadcast ins(%b1 : tensor<128xf32>) outs(%e1 : tensor<?x128xf32>)
      dimensions = [0]
  %h = linalg.matmul ins(%x, %w1 : tensor<?x64xf32>, tensor<64x128xf32>)
      outs(%bias1 : tensor<?x128xf32>) -> tensor<?x128xf32>
  %relu = linalg.generic
      {indexing_maps = [#full, #full], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<?x128xf32>) outs(%e1 : tensor<?x128xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<?x128xf32>

  %e2 = tensor.empty(%n) : tensor<?x10xf32>
  %bias2 = linalg.broadcast ins(%b2 : tensor<10xf32>) outs(%e2 : tensor<?x10xf32>)
      dimensions = [0]
  %logits = linalg.matmul ins(%relu, %w2 : tensor<?x128xf32>, tensor<128x10xf32>)
      outs(%bias2 : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
