// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s

// A chain of four element-wise operations, 1 / (1 + exp(-x)), all in one epilogue.
// CHECK-LABEL: @sigmoid
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} epilogue(%ones : tensor<6x8xf32>) {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32, %[[V2:\d+]]: f32):
// CHECK-NEXT: %[[V3:\d+]] = arith.negf %[[V1]] : f32
// CHECK-NEXT: %[[V4:\d+]] = math.exp %[[V3]] : f32
// CHECK-NEXT: %[[V5:\d+]] = arith.addf %[[V4]], %[[V2]] : f32
// CHECK: %[[V7:\d+]] = arith.divf %{{.*}}, %[[V5]] : f32
// CHECK-NEXT: br.yield %[[V7]] : f32
func.func @sigmoid(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %ones: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.negf ins(%0 : tensor<6x8xf32>) outs(%c : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  %2 = linalg.exp ins(%1 : tensor<6x8xf32>) outs(%c : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  %3 = linalg.add ins(%2, %ones : tensor<6x8xf32>, tensor<6x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %4 = linalg.reciprocal ins(%3 : tensor<6x8xf32>) outs(%c : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  func.return %4 : tensor<6x8xf32>
}

// The value may be used more than once by the same operation: x * x.
// CHECK-LABEL: @square
// CHECK: %{{.*}} = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} epilogue {
// CHECK-NEXT: ^bb0(%[[V1:\d+]]: f32):
// CHECK-NEXT: %[[V2:\d+]] = arith.mulf %[[V1]], %[[V1]] : f32
// CHECK-NEXT: br.yield %[[V2]] : f32
func.func @square(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.mul ins(%0, %0 : tensor<6x8xf32>, tensor<6x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %1 : tensor<6x8xf32>
}
