// RUN: br-opt %s -p generalise-linalg,hoist-load-time | filecheck %s

// What depends on bound arguments and constants alone moves to @NAME_load.
// CHECK-LABEL: func.func @main_load(
// CHECK-SAME: %[[V0:\d+]]: tensor<8x4xf32> {br.bound = 1 : i64}) -> tensor<4x8xf32> {
// CHECK: %t = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>) {
// CHECK: func.return %t : tensor<4x8xf32>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %x: tensor<4x8xf32>, %t: tensor<4x8xf32> {br.packed}) -> tensor<4x8xf32> {
// CHECK: %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x, %t : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
// CHECK: %{{.*}} = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK: func.return %y : tensor<4x8xf32>
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64})
    -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %t = linalg.transpose ins(%w : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>)
    permutation = [1, 0]
  %y = linalg.add ins(%x, %t : tensor<4x8xf32>, tensor<4x8xf32>)
    outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %y : tensor<4x8xf32>
}
