// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s

// Not fused: something else reads the value in between.
// CHECK-LABEL: @used_twice
// CHECK: %[[V0:\d+]] = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<6x8xf32>
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<6x8xf32>) outs(%{{.*}} : tensor<6x8xf32>) {
// CHECK-NEXT: ^bb0(%[[V2:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[V4:\d+]] = arith.negf %[[V2]] : f32
// CHECK-NEXT: linalg.yield %[[V4]] : f32
func.func @used_twice(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.negf ins(%0 : tensor<6x8xf32>) outs(%c : tensor<6x8xf32>)
    -> tensor<6x8xf32>
  func.return %0, %1 : tensor<6x8xf32>, tensor<6x8xf32>
}

// Not fused: a sum over the result is not element by element.
// CHECK-LABEL: @sum
// CHECK: %[[V0:\d+]] = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<6x8xf32>
// CHECK-NEXT: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>]{{.*}}} ins(%[[V0]] : tensor<6x8xf32>) outs(%s : tensor<6xf32>) {
// CHECK-NEXT: ^bb0(%[[V2:\d+]]: f32, %[[V3:\d+]]: f32):
// CHECK-NEXT: %[[V4:\d+]] = arith.addf %[[V3]], %[[V2]] : f32
// CHECK-NEXT: linalg.yield %[[V4]] : f32
func.func @sum(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %s: tensor<6xf32>) -> tensor<6xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.reduce { arith.addf } ins(%0 : tensor<6x8xf32>) outs(%s : tensor<6xf32>)
    dimensions = [1]
  func.return %1 : tensor<6xf32>
}

// Not fused: the columns of the transposed result are the rows of A.
// CHECK-LABEL: @transposed
// CHECK: %[[V0:\d+]] = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<6x8xf32>
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<6x8xf32>) outs(%{{.*}} : tensor<8x6xf32>) {
// CHECK-NEXT: ^bb0(%[[V2:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[V2]] : f32
func.func @transposed(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>,
    %t: tensor<8x6xf32>) -> tensor<8x6xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = linalg.transpose ins(%0 : tensor<6x8xf32>) outs(%t : tensor<8x6xf32>)
    permutation = [1, 0]
  func.return %1 : tensor<8x6xf32>
}

// Not fused: the result has other elements than C.
// CHECK-LABEL: @cast
// CHECK: %[[V0:\d+]] = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}} -> tensor<6x8xf32>
// CHECK: %{{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%[[V0]] : tensor<6x8xf32>) outs(%{{.*}} : tensor<6x8xf64>) {
// CHECK-NEXT: ^bb0(%x: f32, %out: f64):
// CHECK-NEXT: %y = arith.extf %x : f32 to f64
// CHECK-NEXT: linalg.yield %y : f64
func.func @cast(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf64> {
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>) -> tensor<6x8xf32>
  %e = tensor.empty() : tensor<6x8xf64>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>,
                                        affine_map<(m, n) -> (m, n)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<6x8xf32>) outs(%e : tensor<6x8xf64>) {
  ^bb0(%x: f32, %out: f64):
    %y = arith.extf %x : f32 to f64
    linalg.yield %y : f64
  } -> tensor<6x8xf64>
  func.return %1 : tensor<6x8xf64>
}
