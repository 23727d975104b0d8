// RUN: br-opt %s -p bufferize | filecheck %s

// Another shape of the same elements moves nothing.
// CHECK-LABEL: func.func @reshape(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<2x16xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %x to offset: [0], sizes: [32], strides: [1] : memref<4x8xf32> to memref<32xf32>
// CHECK: %[[V2:\d+]] = memref.reinterpret_cast %[[V1]] to offset: [0], sizes: [2, 16], strides: [16, 1] : memref<32xf32> to memref<2x16xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V2]] : memref<2x16xf32>) outs(%[[V0]] : memref<2x16xf32>) {
func.func @reshape(%x: tensor<4x8xf32>) -> tensor<2x16xf32> {
  %y = tensor.collapse_shape %x [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %z = tensor.expand_shape %y [[0, 1]] output_shape [2, 16]
    : tensor<32xf32> into tensor<2x16xf32>
  func.return %z : tensor<2x16xf32>
}

// A slice is a strided view.
// CHECK-LABEL: func.func @slice(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<2x4xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %x to offset: [8], sizes: [2, 4], strides: [8, 2] : memref<4x8xf32> to memref<2x4xf32, strided<[8, 2], offset: 8>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V1]] : memref<2x4xf32, strided<[8, 2], offset: 8>>) outs(%[[V0]] : memref<2x4xf32>) {
func.func @slice(%x: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %y = tensor.extract_slice %x[1, 0] [2, 4] [1, 2] : tensor<4x8xf32> to tensor<2x4xf32>
  func.return %y : tensor<2x4xf32>
}

// A slice has gaps, so it is copied before it takes another shape.
// CHECK-LABEL: func.func @reshape_of_slice(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<8xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %x to offset: [8], sizes: [2, 4], strides: [8, 2] : memref<4x8xf32> to memref<2x4xf32, strided<[8, 2], offset: 8>>
// CHECK: %[[V2:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [0], sizes: [2, 4], strides: [4, 1] : memref<8xf32> to memref<2x4xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V1]] : memref<2x4xf32, strided<[8, 2], offset: 8>>) outs(%[[V2]] : memref<2x4xf32>) {
func.func @reshape_of_slice(%x: tensor<4x8xf32>) -> tensor<8xf32> {
  %y = tensor.extract_slice %x[1, 0] [2, 4] [1, 2] : tensor<4x8xf32> to tensor<2x4xf32>
  %z = tensor.collapse_shape %y [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
  func.return %z : tensor<8xf32>
}

// A slice of one row, without that dimension.
// CHECK-LABEL: func.func @row(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<8xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %x to offset: [16], sizes: [8], strides: [1] : memref<4x8xf32> to memref<8xf32, strided<[1], offset: 16>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V1]] : memref<8xf32, strided<[1], offset: 16>>) outs(%[[V0]] : memref<8xf32>) {
func.func @row(%x: tensor<4x8xf32>) -> tensor<8xf32> {
  %y = tensor.extract_slice %x[2, 0] [1, 8] [1, 1] : tensor<4x8xf32> to tensor<8xf32>
  func.return %y : tensor<8xf32>
}

// At a run-time place.
// CHECK-LABEL: func.func @at(
// CHECK-SAME: %x: memref<4x8xf32>, %i: index, %[[V0:\d+]]: memref<1x8xf32> {br.result}) {
// CHECK: %{{.*}} = arith.constant 8 : index
// CHECK: %[[V3:\d+]] = memref.reinterpret_cast %x to offset: [%{{.*}}], sizes: [1, 8], strides: [8, 1] : memref<4x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V3]] : memref<1x8xf32, strided<[8, 1], offset: ?>>) outs(%[[V0]] : memref<1x8xf32>) {
func.func @at(%x: tensor<4x8xf32>, %i: index) -> tensor<1x8xf32> {
  %y = tensor.extract_slice %x[%i, 0] [1, 8] [1, 1] : tensor<4x8xf32> to tensor<1x8xf32>
  func.return %y : tensor<1x8xf32>
}
