// RUN: br-opt %s | br-opt | filecheck %s

// What stock xDSL prints but cannot parse, or drops.

// CHECK-LABEL: @two_results
// CHECK: attrs = {{.*}}{tag}
// CHECK: } -> (tensor<4xf32>, tensor<4xi32>)
func.func @two_results(%a: tensor<4xf32>, %b: tensor<4xi32>) {
  %0:2 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      outs(%a, %b : tensor<4xf32>, tensor<4xi32>) attrs = {tag} {
  ^bb0(%x: f32, %y: i32):
    linalg.yield %x, %y : f32, i32
  } -> (tensor<4xf32>, tensor<4xi32>)
  func.return
}

// CHECK-LABEL: @transposed
// CHECK: linalg.matmul indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>] ins(
// CHECK: linalg.matmul indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>] ins(
// CHECK: linalg.matmul ins(
// CHECK: linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(
func.func @transposed(%a: tensor<3x4xf32>, %t: tensor<5x4xf32>, %b: tensor<4x5xf32>,
    %c: tensor<3x5xf32>, %q: tensor<3x4xi8>, %r: tensor<4x5xi8>, %o: tensor<3x5xi32>) {
  %0 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
      affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %t : tensor<3x4xf32>, tensor<5x4xf32>)
    outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  %1 = linalg.matmul {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
      affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]}
    ins(%a, %t : tensor<3x4xf32>, tensor<5x4xf32>)
    outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  %2 = linalg.matmul ins(%a, %b : tensor<3x4xf32>, tensor<4x5xf32>)
    outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  %3 = linalg.matmul {cast = #linalg.type_fn<cast_unsigned>}
    ins(%q, %r : tensor<3x4xi8>, tensor<4x5xi8>)
    outs(%o : tensor<3x5xi32>) -> tensor<3x5xi32>
  func.return
}

// CHECK-LABEL: @trailing_attributes
// CHECK: linalg.transpose {{.*}} permutation = [1, 0] {tag}
// CHECK: linalg.broadcast {{.*}} dimensions = [1] {tag}
func.func @trailing_attributes(%a: tensor<3x4xf32>, %t: tensor<4x3xf32>,
    %v: tensor<3xf32>) {
  %0 = linalg.transpose ins(%a : tensor<3x4xf32>) outs(%t : tensor<4x3xf32>)
    permutation = [1, 0] {tag}
  %1 = linalg.broadcast ins(%v : tensor<3xf32>) outs(%a : tensor<3x4xf32>)
    dimensions = [1] {tag}
  func.return
}
