// RUN: br-opt %s -p generalise-linalg,normalise-contractions | filecheck %s

// A transposed or broadcast copy that feeds a contraction is read through its map.

// CHECK-LABEL: @transpose
// CHECK: %r = br.contract ins(%a, %bt : tensor<6x4xf32>, tensor<8x4xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
func.func @transpose(%a: tensor<6x4xf32>, %bt: tensor<8x4xf32>, %e: tensor<4x8xf32>,
    %c: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %b = linalg.transpose ins(%bt : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>)
    permutation = [1, 0]
  %r = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// One matrix for all of a batch.
// CHECK-LABEL: @broadcast
// CHECK: %r = br.contract ins(%a, %b : tensor<2x6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<2x6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
func.func @broadcast(%a: tensor<2x6x4xf32>, %b: tensor<4x8xf32>, %e: tensor<2x4x8xf32>,
    %c: tensor<2x6x8xf32>) -> tensor<2x6x8xf32> {
  %all = linalg.broadcast ins(%b : tensor<4x8xf32>) outs(%e : tensor<2x4x8xf32>)
    dimensions = [0]
  %r = linalg.batch_matmul ins(%a, %all : tensor<2x6x4xf32>, tensor<2x4x8xf32>)
    outs(%c : tensor<2x6x8xf32>) -> tensor<2x6x8xf32>
  func.return %r : tensor<2x6x8xf32>
}
