// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues,bufferize | filecheck %s

// beta = 0 reads nothing: C is the result. beta = 1 onto an argument is a copy first.
// CHECK-LABEL: func.func @beta(
// CHECK-SAME: %a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>, %bias: memref<8xf32>, %[[V0:\d+]]: memref<6x8xf32> {br.result}, %[[V1:\d+]]: memref<6x8xf32> {br.result}) {
// CHECK: %zero = arith.constant 0.000000e+00 : f32
// CHECK: br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%[[V0]] : memref<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}}
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%c : memref<6x8xf32>) outs(%[[V1]] : memref<6x8xf32>) {
// CHECK: br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%[[V1]] : memref<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}}
func.func @beta(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %bias: tensor<8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %e = tensor.empty() : tensor<6x8xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%z : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %0, %1 : tensor<6x8xf32>, tensor<6x8xf32>
}

// A chain of two: the first result lives in the arena.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %a: memref<6x4xf32>, %b: memref<4x8xf32>, %d: memref<8x8xf32>, %[[V0:\d+]]: memref<6x8xf32> {br.result}, %[[V1:\d+]]: memref<192xi8> {br.arena}) {
// CHECK: %zero = arith.constant 0.000000e+00 : f32
// CHECK: %[[V2:\d+]] = arith.constant 0 : index
// CHECK: %[[V3:\d+]] = memref.view %[[V1]][%[[V2]]][] : memref<192xi8> to memref<6x8xf32>
// CHECK: br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%[[V3]] : memref<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}}
// CHECK: br.contract ins(%[[V3]], %d : memref<6x8xf32>, memref<8x8xf32>) outs(%[[V0]] : memref<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}}
func.func @chain(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %d: tensor<8x8xf32>)
    -> tensor<6x8xf32> {
  %e = tensor.empty() : tensor<6x8xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%z : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.matmul ins(%0, %d : tensor<6x8xf32>, tensor<8x8xf32>)
    outs(%z : tensor<6x8xf32>) -> tensor<6x8xf32>
  func.return %1 : tensor<6x8xf32>
}
