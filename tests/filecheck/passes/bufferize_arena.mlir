// RUN: br-opt %s -p generalise-linalg,bufferize | filecheck %s

// One arena: three buffers of 256 bytes, of which two live at a time. The third lies
// where the first lay, and the sum overwrites what it reads.
// CHECK-LABEL: func.func @reuse(
// CHECK-SAME: %x: memref<8x8xf32>, %[[V0:\d+]]: memref<8xf32> {br.result}, %[[V1:\d+]]: memref<512xi8> {br.arena}) {
// CHECK: %[[V2:\d+]] = arith.constant 0 : index
// CHECK: %[[V3:\d+]] = memref.view %[[V1]][%[[V2]]][] : memref<512xi8> to memref<8x8xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%x : memref<8x8xf32>) outs(%[[V3]] : memref<8x8xf32>) {
// CHECK: %[[V7:\d+]] = arith.constant 256 : index
// CHECK: %[[V8:\d+]] = memref.view %[[V1]][%[[V7]]][] : memref<512xi8> to memref<8x8xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V3]] : memref<8x8xf32>) outs(%[[V8]] : memref<8x8xf32>) {
// CHECK: %[[V11:\d+]] = arith.constant 0 : index
// CHECK: %[[V12:\d+]] = memref.view %[[V1]][%[[V11]]][] : memref<512xi8> to memref<8x8xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V8]] : memref<8x8xf32>) outs(%[[V12]] : memref<8x8xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V8]], %[[V12]] : memref<8x8xf32>, memref<8x8xf32>) outs(%[[V8]] : memref<8x8xf32>) {
// CHECK: %zero = arith.constant 0.000000e+00 : f32
// CHECK: linalg.fill ins(%zero : f32) outs(%[[V0]] : memref<8xf32>)
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>]{{.*}}} ins(%[[V8]] : memref<8x8xf32>) outs(%[[V0]] : memref<8xf32>) {
func.func @reuse(%x: tensor<8x8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8x8xf32>
  %v = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
    -> tensor<8x8xf32>
  %b = linalg.transpose ins(%a : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
    permutation = [1, 0]
  %c = linalg.transpose ins(%b : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
    permutation = [1, 0]
  %d = linalg.add ins(%b, %c : tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%v : tensor<8xf32>) -> tensor<8xf32>
  %s = linalg.reduce { arith.addf } ins(%d : tensor<8x8xf32>) outs(%z : tensor<8xf32>)
    dimensions = [1]
  func.return %s : tensor<8xf32>
}

// Offsets are multiples of 64 bytes, whatever the sizes.
// CHECK-LABEL: func.func @aligned(
// CHECK-SAME: %x: memref<3xf32>, %[[V0:\d+]]: memref<3xf32> {br.result}, %[[V1:\d+]]: memref<128xi8> {br.arena}) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : memref<3xf32>) outs(%[[V0]] : memref<3xf32>) {
// CHECK: %[[V5:\d+]] = arith.constant 0 : index
// CHECK: %[[V6:\d+]] = memref.view %[[V1]][%[[V5]]][] : memref<128xi8> to memref<3xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : memref<3xf32>) outs(%[[V6]] : memref<3xf32>) {
// CHECK: %[[V10:\d+]] = arith.constant 64 : index
// CHECK: %[[V11:\d+]] = memref.view %[[V1]][%[[V10]]][] : memref<128xi8> to memref<3xf32>
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]], %[[V6]] : memref<3xf32>, memref<3xf32>) outs(%[[V11]] : memref<3xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]], %[[V11]] : memref<3xf32>, memref<3xf32>) outs(%[[V0]] : memref<3xf32>) {
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]], %[[V6]] : memref<3xf32>, memref<3xf32>) outs(%[[V0]] : memref<3xf32>) {
func.func @aligned(%x: tensor<3xf32>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  %a = linalg.exp ins(%x : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %b = linalg.negf ins(%x : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %c = linalg.add ins(%a, %b : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>)
    -> tensor<3xf32>
  %d = linalg.mul ins(%a, %c : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>)
    -> tensor<3xf32>
  %f = linalg.sub ins(%d, %b : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>)
    -> tensor<3xf32>
  func.return %f : tensor<3xf32>
}
