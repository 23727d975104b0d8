// The product of two matrices, C[m,n] = sum over k of A[m,k] * B[k,n].
//
//   br-run examples/matmul.mlir --verify
//   br-opt examples/matmul.mlir -p lower-to-cpu -t asm

func.func @matmul(%a: tensor<256x512xf32>, %b: tensor<512x128xf32>)
    -> tensor<256x128xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<256x128xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<256x128xf32>)
      -> tensor<256x128xf32>
  %c = linalg.matmul
      ins(%a, %b : tensor<256x512xf32>, tensor<512x128xf32>)
      outs(%init : tensor<256x128xf32>) -> tensor<256x128xf32>
  return %c : tensor<256x128xf32>
}
