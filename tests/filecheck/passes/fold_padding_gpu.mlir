// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},fold-padding' | filecheck %s

// On a GPU all zeros around a window go, without a word in the schedule; those around
// channels, which no other iterator shifts, stay.
// CHECK-LABEL: @window(
// CHECK: tensor.pad %x low[0, 0, 0, 0] high[0, 0, 0, 2]
// CHECK-SAME: {
// CHECK: tensor<1x5x6x2xf32> to tensor<1x5x6x4xf32>
// CHECK: br.contract ins(%{{.*}}, %w : tensor<1x5x6x4xf32>, {{.*}}affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, ((d1 + d4) + -1), ((d2 + d5) + -2), d6)>
func.func @window(%x: tensor<1x5x6x2xf32>, %w: tensor<3x3x4x8xf32>)
    -> tensor<1x5x7x8xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 1, 2, 0] high[0, 1, 1, 2] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x5x6x2xf32> to tensor<1x7x9x4xf32>
  %e = tensor.empty() : tensor<1x5x7x8xf32>
  %y = br.contract ins(%p, %w : tensor<1x7x9x4xf32>, tensor<3x3x4x8xf32>)
    outs(%e : tensor<1x5x7x8xf32>)
    {indexing_maps = [affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>,
                      affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>,
                      affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>],
     iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                       #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                       #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
                       #linalg.iterator_type<reduction>], beta = 0.0 : f64}
    -> tensor<1x5x7x8xf32>
  func.return %y : tensor<1x5x7x8xf32>
}
