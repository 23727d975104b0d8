// Two layers, relu(x W1 + b1) W2, with weights that compute "exclusive or" of two
// numbers in each row of x.
//
//   br-run examples/mlp.mlir --input 4x2xf32=0,0,0,1,1,0,1,1

#hidden = affine_map<(row, column) -> (row, column)>

func.func @mlp(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = arith.constant dense<[[1.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %b1 = arith.constant dense<[0.0, -1.0]> : tensor<2xf32>
  %w2 = arith.constant dense<[[1.0], [-2.0]]> : tensor<2x1xf32>

  %e1 = tensor.empty() : tensor<4x2xf32>
  %bias = linalg.broadcast ins(%b1 : tensor<2xf32>)
      outs(%e1 : tensor<4x2xf32>) dimensions = [0]
  %h = linalg.matmul ins(%x, %w1 : tensor<4x2xf32>, tensor<2x2xf32>)
      outs(%bias : tensor<4x2xf32>) -> tensor<4x2xf32>
  %relu = linalg.generic
      {indexing_maps = [#hidden, #hidden], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<4x2xf32>) outs(%e1 : tensor<4x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  } -> tensor<4x2xf32>

  %e2 = tensor.empty() : tensor<4x1xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e2 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %y = linalg.matmul ins(%relu, %w2 : tensor<4x2xf32>, tensor<2x1xf32>)
      outs(%init : tensor<4x1xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}
