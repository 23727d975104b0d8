// RUN: br-opt %s -p bufferize | filecheck %s

// A constant is a global; one number throughout is a fill.
// CHECK-LABEL: func.func @constants(
// CHECK-SAME: %[[V0:\d+]]: memref<3xf32> {br.result}, %[[V1:\d+]]: memref<3xf32> {br.result}) {
// CHECK: %[[V2:\d+]] = memref.get_global @br_constant_0 : memref<3xf32>
// CHECK: %[[V3:\d+]] = arith.constant 1.500000e+00 : f32
// CHECK: linalg.fill ins(%[[V3]] : f32) outs(%[[V1]] : memref<3xf32>)
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V2]] : memref<3xf32>) outs(%[[V0]] : memref<3xf32>) {
func.func @constants() -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %1 = arith.constant dense<1.5> : tensor<3xf32>
  func.return %0, %1 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @elements(
// CHECK-SAME: %x: f32, %y: f32, %[[V0:\d+]]: memref<2xf32> {br.result}) {
// CHECK: %[[V1:\d+]] = arith.constant 0 : index
// CHECK: memref.store %x, %[[V0]][%[[V1]]] : memref<2xf32>
// CHECK: %[[V2:\d+]] = arith.constant 1 : index
// CHECK: memref.store %y, %[[V0]][%[[V2]]] : memref<2xf32>
func.func @elements(%x: f32, %y: f32) -> tensor<2xf32> {
  %0 = tensor.from_elements %x, %y : tensor<2xf32>
  func.return %0 : tensor<2xf32>
}
