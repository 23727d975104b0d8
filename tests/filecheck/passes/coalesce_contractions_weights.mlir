// RUN: br-opt %s -p coalesce-contractions | filecheck %s

// The gradient of the weights of a 1x1 convolution is a matrix product: C has the taps.
#x = affine_map<(n, p, q, k, c, r, s) -> (n, p + r, q + s, c)>
#dy = affine_map<(n, p, q, k, c, r, s) -> (n, p, q, k)>
#dw = affine_map<(n, p, q, k, c, r, s) -> (r, s, c, k)>

// CHECK-LABEL: func.func @weights
// CHECK:         br.contract ins(%{{.*}}, %{{.*}} : tensor<72x8xf32>, tensor<72x16xf32>) outs(%dw : tensor<1x1x8x16xf32>)
// CHECK-SAME:      affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (0, 0, d2, d1)>
func.func @weights(%x: tensor<2x6x6x8xf32>, %dy: tensor<2x6x6x16xf32>,
                   %dw: tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32> {
  %0 = br.contract ins(%x, %dy : tensor<2x6x6x8xf32>, tensor<2x6x6x16xf32>)
      outs(%dw : tensor<1x1x8x16xf32>) {indexing_maps = [#x, #dy, #dw],
       iterator_types = [#linalg.iterator_type<reduction>,
         #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>]}
      -> tensor<1x1x8x16xf32>
  func.return %0 : tensor<1x1x8x16xf32>
}

// Where the image is larger than what the windows reach, its dimension is not p.
// CHECK-LABEL: func.func @larger
// CHECK:         br.contract {{.*}}[affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d1 + d5), (d2 + d6), d4)>
func.func @larger(%x: tensor<2x7x6x8xf32>, %dy: tensor<2x6x6x16xf32>,
                  %dw: tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32> {
  %0 = br.contract ins(%x, %dy : tensor<2x7x6x8xf32>, tensor<2x6x6x16xf32>)
      outs(%dw : tensor<1x1x8x16xf32>) {indexing_maps = [#x, #dy, #dw],
       iterator_types = [#linalg.iterator_type<reduction>,
         #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>]}
      -> tensor<1x1x8x16xf32>
  func.return %0 : tensor<1x1x8x16xf32>
}

// Rows that are computed into every second row of a larger tensor stay two dimensions;
// the pixels do not lie end to end there.
#a = affine_map<(p, q, n, k) -> (p, q, k)>
#b = affine_map<(p, q, n, k) -> (k, n)>
#c = affine_map<(p, q, n, k) -> (p, q, n)>
// CHECK-LABEL: func.func @spread_out
// CHECK:         br.contract {{.*}} outs(%e : tensor<4x5x16xf32>)
func.func @spread_out(%x: tensor<4x5x8xf32>, %w: tensor<8x16xf32>,
                      %z: tensor<8x10x16xf32>) -> tensor<8x10x16xf32> {
  %e = tensor.empty() : tensor<4x5x16xf32>
  %0 = br.contract ins(%x, %w : tensor<4x5x8xf32>, tensor<8x16xf32>)
      outs(%e : tensor<4x5x16xf32>) {indexing_maps = [#a, #b, #c],
       iterator_types = [#linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<4x5x16xf32>
  %1 = tensor.insert_slice %0 into %z[0, 0, 0] [4, 5, 16] [2, 2, 1]
      : tensor<4x5x16xf32> into tensor<8x10x16xf32>
  func.return %1 : tensor<8x10x16xf32>
}
