// RUN: br-opt %s -p generalise-linalg,normalise-contractions | filecheck %s

// CHECK-LABEL: @batch_matmul
// CHECK: %r = br.contract ins(%a, %b : tensor<2x6x4xf32>, tensor<2x4x8xf32>) outs(%c : tensor<2x6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
func.func @batch_matmul(%a: tensor<2x6x4xf32>, %b: tensor<2x4x8xf32>,
    %c: tensor<2x6x8xf32>) -> tensor<2x6x8xf32> {
  %r = linalg.batch_matmul ins(%a, %b : tensor<2x6x4xf32>, tensor<2x4x8xf32>)
    outs(%c : tensor<2x6x8xf32>) -> tensor<2x6x8xf32>
  func.return %r : tensor<2x6x8xf32>
}

// CHECK-LABEL: @batch_reduce_matmul
// CHECK: %r = br.contract ins(%a, %b : tensor<2x6x4xf32>, tensor<2x4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d2, d0, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1)>]
func.func @batch_reduce_matmul(%a: tensor<2x6x4xf32>, %b: tensor<2x4x8xf32>,
    %c: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %r = linalg.batch_reduce_matmul ins(%a, %b : tensor<2x6x4xf32>, tensor<2x4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// CHECK-LABEL: @vecmat
// CHECK: %r = br.contract ins(%x, %b : tensor<4xf32>, tensor<4x8xf32>) outs(%y : tensor<8xf32>) {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>]
func.func @vecmat(%x: tensor<4xf32>, %b: tensor<4x8xf32>, %y: tensor<8xf32>)
    -> tensor<8xf32> {
  %r = linalg.vecmat ins(%x, %b : tensor<4xf32>, tensor<4x8xf32>)
    outs(%y : tensor<8xf32>) -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// CHECK-LABEL: @mmt4d
// CHECK: %r = br.contract ins(%a, %b : tensor<2x3x6x4xf32>, tensor<5x3x8x4xf32>) outs(%c : tensor<2x5x6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d2, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d4, d3, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>]
func.func @mmt4d(%a: tensor<2x3x6x4xf32>, %b: tensor<5x3x8x4xf32>,
    %c: tensor<2x5x6x8xf32>) -> tensor<2x5x6x8xf32> {
  %r = linalg.mmt4d ins(%a, %b : tensor<2x3x6x4xf32>, tensor<5x3x8x4xf32>)
    outs(%c : tensor<2x5x6x8xf32>) -> tensor<2x5x6x8xf32>
  func.return %r : tensor<2x5x6x8xf32>
}
