// RUN: br-opt %s -p generalise-linalg,fuse-epilogues | filecheck %s

// Element-wise operations are fused into one another without a contraction as well.
// CHECK-LABEL: @chain
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x, %y : tensor<6x8xf32>, tensor<8x6xf32>) outs(%{{.*}} : tensor<6x8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[V4:\d+]] = math.exp %[[V1]] : f32
// CHECK-NEXT: %[[V5:\d+]] = arith.addf %[[V4]], %[[V2]] : f32
// CHECK-NEXT: linalg.yield %[[V5]] : f32
func.func @chain(%x: tensor<6x8xf32>, %y: tensor<8x6xf32>, %e: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %0 = linalg.exp ins(%x : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  %1 = linalg.transpose ins(%y : tensor<8x6xf32>) outs(%e : tensor<6x8xf32>)
    permutation = [1, 0]
  %2 = linalg.add ins(%0, %1 : tensor<6x8xf32>, tensor<6x8xf32>)
    outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %2 : tensor<6x8xf32>
}

// Into a sum, too: each element is computed once, when the sum reads it.
// CHECK-LABEL: @into_a_sum
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>]{{.*}}} ins(%x : tensor<6x8xf32>) outs(%s : tensor<6xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32):
// CHECK-NEXT: %[[V3:\d+]] = arith.mulf %[[V1]], %[[V1]] : f32
// CHECK-NEXT: %[[V4:\d+]] = arith.addf %[[V2]], %[[V3]] : f32
// CHECK-NEXT: linalg.yield %[[V4]] : f32
func.func @into_a_sum(%x: tensor<6x8xf32>, %e: tensor<6x8xf32>, %s: tensor<6xf32>)
    -> tensor<6xf32> {
  %0 = linalg.square ins(%x : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<6x8xf32>) outs(%s : tensor<6xf32>)
    dimensions = [1]
  func.return %1 : tensor<6xf32>
}

// Not where it would be computed more than once: each row would ask for exp again.
// CHECK-LABEL: @computed_once
// CHECK: %[[V0:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : tensor<8xf32>) outs(%{{.*}} : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[V3:\d+]] = math.exp %[[V1]] : f32
// CHECK-NEXT: linalg.yield %[[V3]] : f32
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<8xf32>) outs(%{{.*}} : tensor<6x8xf32>) {
// CHECK-NEXT: ^bb0(%[[V5:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[V5]] : f32
func.func @computed_once(%x: tensor<8xf32>, %e: tensor<8xf32>, %y: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %0 = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %1 = linalg.broadcast ins(%0 : tensor<8xf32>) outs(%y : tensor<6x8xf32>)
    dimensions = [0]
  func.return %1 : tensor<6x8xf32>
}
