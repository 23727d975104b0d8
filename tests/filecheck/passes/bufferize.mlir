// RUN: br-opt %s -p generalise-linalg,bufferize | filecheck %s

// Results are written where the caller wants them.
// CHECK-LABEL: func.func @result(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<4x8xf32> {br.result}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<4x8xf32>) outs(%[[V0]] : memref<4x8xf32>) {
func.func @result(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %y = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
    -> tensor<4x8xf32>
  func.return %y : tensor<4x8xf32>
}

// In place: %y is not read again, so %z takes its memory.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<4x8xf32> {br.result}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<4x8xf32>) outs(%[[V0]] : memref<4x8xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : memref<4x8xf32>) outs(%[[V0]] : memref<4x8xf32>) {
func.func @in_place(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %y = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
    -> tensor<4x8xf32>
  %z = linalg.negf ins(%y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
    -> tensor<4x8xf32>
  func.return %z : tensor<4x8xf32>
}

// Arguments are read only: what an op would overwrite is copied first.
// CHECK-LABEL: func.func @argument(
// CHECK-SAME: %x: memref<4x8xf32>, %y: memref<8xf32>, %[[V0:\d+]]: memref<8xf32> {br.result}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%y : memref<8xf32>) outs(%[[V0]] : memref<8xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>]{{.*}}} ins(%x : memref<4x8xf32>) outs(%[[V0]] : memref<8xf32>) {
func.func @argument(%x: tensor<4x8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %s = linalg.reduce { arith.addf } ins(%x : tensor<4x8xf32>) outs(%y : tensor<8xf32>)
    dimensions = [0]
  func.return %s : tensor<8xf32>
}

// An argument that is returned, and one value returned twice, are copied.
// CHECK-LABEL: func.func @returned(
// CHECK-SAME: %x: memref<8xf32>, %[[V0:\d+]]: memref<8xf32> {br.result}, %[[V1:\d+]]: memref<8xf32> {br.result}, %[[V2:\d+]]: memref<8xf32> {br.result}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : memref<8xf32>) outs(%[[V1]] : memref<8xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : memref<8xf32>) outs(%[[V0]] : memref<8xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V1]] : memref<8xf32>) outs(%[[V2]] : memref<8xf32>) {
func.func @returned(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  func.return %x, %y, %y : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
