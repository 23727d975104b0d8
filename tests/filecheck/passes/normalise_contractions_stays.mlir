// RUN: br-opt %s -p generalise-linalg,normalise-contractions | filecheck %s

// What has no columns that one operand holds side by side is no matrix product: it
// stays a linalg.generic, which convert-linalg-to-vector makes vector loops of.

// CHECK-LABEL: @dot
// CHECK-NEXT: linalg.generic
func.func @dot(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<f32>) -> tensor<f32> {
  %r = linalg.dot ins(%x, %y : tensor<8xf32>, tensor<8xf32>)
    outs(%z : tensor<f32>) -> tensor<f32>
  func.return %r : tensor<f32>
}

// CHECK-LABEL: @matvec
// CHECK-NEXT: linalg.generic
func.func @matvec(%a: tensor<6x8xf32>, %x: tensor<8xf32>, %y: tensor<6xf32>)
    -> tensor<6xf32> {
  %r = linalg.matvec ins(%a, %x : tensor<6x8xf32>, tensor<8xf32>)
    outs(%y : tensor<6xf32>) -> tensor<6xf32>
  func.return %r : tensor<6xf32>
}

// CHECK-LABEL: @integers
// CHECK-NEXT: linalg.generic
func.func @integers(%a: tensor<6x4xi32>, %b: tensor<4x8xi32>, %c: tensor<6x8xi32>)
    -> tensor<6x8xi32> {
  %r = linalg.matmul ins(%a, %b : tensor<6x4xi32>, tensor<4x8xi32>)
    outs(%c : tensor<6x8xi32>) -> tensor<6x8xi32>
  func.return %r : tensor<6x8xi32>
}

// A sum of differences is none of products.
// CHECK-LABEL: @not_a_product
// CHECK-NEXT: linalg.generic
func.func @not_a_product(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                        affine_map<(m, n, k) -> (k, n)>,
                                        affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.subf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// No sum, as in an outer product.
// CHECK-LABEL: @outer_product
// CHECK-NEXT: linalg.generic
func.func @outer_product(%x: tensor<6xf32>, %y: tensor<8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m)>,
                                        affine_map<(m, n) -> (n)>,
                                        affine_map<(m, n) -> (m, n)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : tensor<6xf32>, tensor<8xf32>) outs(%c : tensor<6x8xf32>) {
  ^bb0(%a: f32, %b: f32, %z: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}
