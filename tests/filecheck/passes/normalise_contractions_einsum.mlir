// RUN: br-opt %s -p normalise-contractions | filecheck %s

// einsum("gimkl,gknl->gimn"): an outer iterator, two of rows, two sums.
// CHECK-LABEL: @einsum
// CHECK: %r = br.contract ins(%a, %b : tensor<2x3x6x4x5xf32>, tensor<2x4x8x5xf32>) outs(%c : tensor<2x3x6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d4, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d3, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>]
func.func @einsum(%a: tensor<2x3x6x4x5xf32>, %b: tensor<2x4x8x5xf32>,
    %c: tensor<2x3x6x8xf32>) -> tensor<2x3x6x8xf32> {
  %r = linalg.generic {
      indexing_maps = [affine_map<(g, i, m, n, k, l) -> (g, i, m, k, l)>,
                       affine_map<(g, i, m, n, k, l) -> (g, k, n, l)>,
                       affine_map<(g, i, m, n, k, l) -> (g, i, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction",
                        "reduction"]}
      ins(%a, %b : tensor<2x3x6x4x5xf32>, tensor<2x4x8x5xf32>)
      outs(%c : tensor<2x3x6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3x6x8xf32>
  func.return %r : tensor<2x3x6x8xf32>
}

// The gradient of a 3x3 convolution with respect to its weights is a contraction like
// any other: dW[r, s, c, k] += X[n, p + r, q + s, c] * dY[n, p, q, k].
// CHECK-LABEL: @weight_gradient
// CHECK: %r = br.contract ins(%x, %dy : tensor<2x10x10x4xf32>, tensor<2x8x8x16xf32>) outs(%dw : tensor<3x3x4x16xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, (d5 + d0), (d6 + d1), d2)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>]
func.func @weight_gradient(%x: tensor<2x10x10x4xf32>, %dy: tensor<2x8x8x16xf32>,
    %dw: tensor<3x3x4x16xf32>) -> tensor<3x3x4x16xf32> {
  %r = linalg.generic {
      indexing_maps = [affine_map<(r, s, c, k, n, p, q) -> (n, p + r, q + s, c)>,
                       affine_map<(r, s, c, k, n, p, q) -> (n, p, q, k)>,
                       affine_map<(r, s, c, k, n, p, q) -> (r, s, c, k)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction",
                        "reduction", "reduction"]}
      ins(%x, %dy : tensor<2x10x10x4xf32>, tensor<2x8x8x16xf32>)
      outs(%dw : tensor<3x3x4x16xf32>) {
  ^bb0(%in: f32, %y: f32, %z: f32):
    %p = arith.mulf %in, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x3x4x16xf32>
  func.return %r : tensor<3x3x4x16xf32>
}
