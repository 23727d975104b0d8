// An LSTM that reads a handwritten digit row by row: the 8 rows of an image are its
// steps, and its last state says which digit it is. Biases are one, the sum of PyTorch's
// two. The weights are arguments: examples/train_digits.py finds them.

func.func @main(%images: tensor<?x1x8x8xf32>,
                %w: tensor<1x256x8xf32>, %r: tensor<1x256x64xf32>,
                %b: tensor<1x256xf32>,
                %w2: tensor<64x10xf32>, %b2: tensor<10xf32>) -> tensor<?x10xf32> {
  %rows = tensor.collapse_shape %images [[0], [1, 2], [3]]
      : tensor<?x1x8x8xf32> into tensor<?x8x8xf32>
  %y, %h, %c = br.lstm
      ins(%rows, %w, %r
          : tensor<?x8x8xf32>, tensor<1x256x8xf32>, tensor<1x256x64xf32>)
      bias(%b : tensor<1x256xf32>) {batch_first, gates = "ifco"}
      -> (tensor<?x8x64xf32>, tensor<1x?x64xf32>, tensor<1x?x64xf32>)
  %last = tensor.collapse_shape %h [[0, 1], [2]]
      : tensor<1x?x64xf32> into tensor<?x64xf32>

  %first = arith.constant 0 : index
  %n = tensor.dim %images, %first : tensor<?x1x8x8xf32>
  %e2 = tensor.empty(%n) : tensor<?x10xf32>
  %bias2 = linalg.broadcast ins(%b2 : tensor<10xf32>) outs(%e2 : tensor<?x10xf32>)
      dimensions = [0]
  %logits = linalg.matmul ins(%last, %w2 : tensor<?x64xf32>, tensor<64x10xf32>)
      outs(%bias2 : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
