// RUN: br-opt %s -p generalise-linalg,propagate-layouts | filecheck %s

// Padding comes before the transpose, and so does concatenation.
// CHECK-LABEL: @pad(
// CHECK: %[[V0:\d+]] = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
// CHECK: %[[V2:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]{{.*}}} ins(%[[V0]] : tensor<1x6x6x16xf32>) outs(%{{.*}} : tensor<1x16x6x6xf32>) {
// CHECK: func.return %[[V2]] : tensor<1x16x6x6xf32>
func.func @pad(%x: tensor<1x4x4x16xf32>, %t: tensor<1x16x4x4xf32>)
    -> tensor<1x16x6x6xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.transpose ins(%x : tensor<1x4x4x16xf32>) outs(%t : tensor<1x16x4x4xf32>)
    permutation = [0, 3, 1, 2]
  %1 = tensor.pad %0 low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x16x4x4xf32> to tensor<1x16x6x6xf32>
  func.return %1 : tensor<1x16x6x6xf32>
}

// CHECK-LABEL: @concat(
// CHECK: %[[V0:\d+]] = tensor.concat dim(0) %x, %y : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<12x16xf32>
// CHECK: %[[V2:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<12x16xf32>) outs(%{{.*}} : tensor<16x12xf32>) {
// CHECK: func.return %[[V2]] : tensor<16x12xf32>
func.func @concat(%x: tensor<4x16xf32>, %y: tensor<8x16xf32>, %t: tensor<16x4xf32>,
    %u: tensor<16x8xf32>) -> tensor<16x12xf32> {
  %0 = linalg.transpose ins(%x : tensor<4x16xf32>) outs(%t : tensor<16x4xf32>)
    permutation = [1, 0]
  %1 = linalg.transpose ins(%y : tensor<8x16xf32>) outs(%u : tensor<16x8xf32>)
    permutation = [1, 0]
  %2 = tensor.concat dim(1) %0, %1
    : (tensor<16x4xf32>, tensor<16x8xf32>) -> tensor<16x12xf32>
  func.return %2 : tensor<16x12xf32>
}

// One that moves only dimensions of size 1 is a reshape.
// CHECK-LABEL: @reshape(
// CHECK: %[[V0:\d+]] = tensor.collapse_shape %x {{\[\[}}0 : i64, 1 : i64, 2 : i64]] : tensor<1x1x16xf32> into tensor<16xf32>
// CHECK: %[[V1:\d+]] = tensor.expand_shape %[[V0]] {{\[\[}}0 : i64, 1 : i64, 2 : i64]] output_shape [1, 16, 1] : tensor<16xf32> into tensor<1x16x1xf32>
// CHECK: func.return %[[V1]] : tensor<1x16x1xf32>
func.func @reshape(%x: tensor<1x1x16xf32>, %t: tensor<1x16x1xf32>)
    -> tensor<1x16x1xf32> {
  %0 = linalg.transpose ins(%x : tensor<1x1x16xf32>) outs(%t : tensor<1x16x1xf32>)
    permutation = [0, 2, 1]
  func.return %0 : tensor<1x16x1xf32>
}
