// RUN: not br-opt %s -p convert-linalg-to-vector 2>&1 | filecheck %s

// CHECK: convert_linalg_to_vector_invalid.mlir:5:3: 'linalg.fill': expected memrefs, got tensor<4xf32>; run bufferize first
func.func @tensors(%c: f32, %x: tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.fill ins(%c : f32) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}
