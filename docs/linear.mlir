// x w^T, as a linear layer has its weights.
func.func @main(%x: tensor<104x64xf32>, %w: tensor<128x64xf32>) -> tensor<104x128xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<104x128xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<104x128xf32>)
      -> tensor<104x128xf32>
  %y = linalg.matmul indexing_maps = [
      affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
      affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<104x64xf32>, tensor<128x64xf32>)
      outs(%init : tensor<104x128xf32>) -> tensor<104x128xf32>
  func.return %y : tensor<104x128xf32>
}
