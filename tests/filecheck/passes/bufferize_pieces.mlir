// RUN: br-opt %s -p bufferize | filecheck %s

// The border is filled slab by slab, the source copied into the middle.
// CHECK-LABEL: func.func @pad(
// CHECK-SAME: %x: memref<4x8xf32>, %[[V0:\d+]]: memref<6x9xf32> {br.result}) {
// CHECK: %zero = arith.constant 0.000000e+00 : f32
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [0], sizes: [1, 9], strides: [9, 1] : memref<6x9xf32> to memref<1x9xf32, strided<[9, 1]>>
// CHECK: linalg.fill ins(%zero : f32) outs(%[[V1]] : memref<1x9xf32, strided<[9, 1]>>)
// CHECK: %[[V2:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [45], sizes: [1, 9], strides: [9, 1] : memref<6x9xf32> to memref<1x9xf32, strided<[9, 1], offset: 45>>
// CHECK: linalg.fill ins(%zero : f32) outs(%[[V2]] : memref<1x9xf32, strided<[9, 1], offset: 45>>)
// CHECK: %[[V3:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [17], sizes: [4, 1], strides: [9, 1] : memref<6x9xf32> to memref<4x1xf32, strided<[9, 1], offset: 17>>
// CHECK: linalg.fill ins(%zero : f32) outs(%[[V3]] : memref<4x1xf32, strided<[9, 1], offset: 17>>)
// CHECK: %[[V4:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [9], sizes: [4, 8], strides: [9, 1] : memref<6x9xf32> to memref<4x8xf32, strided<[9, 1], offset: 9>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<4x8xf32>) outs(%[[V4]] : memref<4x8xf32, strided<[9, 1], offset: 9>>) {
func.func @pad(%x: tensor<4x8xf32>) -> tensor<6x9xf32> {
  %zero = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1, 0] high[1, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x8xf32> to tensor<6x9xf32>
  func.return %y : tensor<6x9xf32>
}

// Each input into its part of the result.
// CHECK-LABEL: func.func @concat(
// CHECK-SAME: %x: memref<4x3xf32>, %y: memref<4x5xf32>, %[[V0:\d+]]: memref<4x8xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [0], sizes: [4, 3], strides: [8, 1] : memref<4x8xf32> to memref<4x3xf32, strided<[8, 1]>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<4x3xf32>) outs(%[[V1]] : memref<4x3xf32, strided<[8, 1]>>) {
// CHECK: %[[V4:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [3], sizes: [4, 5], strides: [8, 1] : memref<4x8xf32> to memref<4x5xf32, strided<[8, 1], offset: 3>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%y : memref<4x5xf32>) outs(%[[V4]] : memref<4x5xf32, strided<[8, 1], offset: 3>>) {
func.func @concat(%x: tensor<4x3xf32>, %y: tensor<4x5xf32>) -> tensor<4x8xf32> {
  %z = tensor.concat dim(1) %x, %y
    : (tensor<4x3xf32>, tensor<4x5xf32>) -> tensor<4x8xf32>
  func.return %z : tensor<4x8xf32>
}

// The rest of the destination comes first: it is an argument, so it is copied.
// CHECK-LABEL: func.func @insert_slice(
// CHECK-SAME: %x: memref<2x8xf32>, %y: memref<4x8xf32>, %[[V0:\d+]]: memref<4x8xf32> {br.result}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%y : memref<4x8xf32>) outs(%[[V0]] : memref<4x8xf32>) {
// CHECK: %[[V3:\d+]] = memref.reinterpret_cast %[[V0]] to offset: [8], sizes: [2, 8], strides: [8, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: 8>>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<2x8xf32>) outs(%[[V3]] : memref<2x8xf32, strided<[8, 1], offset: 8>>) {
func.func @insert_slice(%x: tensor<2x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %z = tensor.insert_slice %x into %y[1, 0] [2, 8] [1, 1]
    : tensor<2x8xf32> into tensor<4x8xf32>
  func.return %z : tensor<4x8xf32>
}
