// RUN: br-opt %s -p pack-operands | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// The panels of weights lie in the order in which one call walks them: the taps, which
// are its batch, then the channels: [k / 16][r][s][c][k mod 16].
// CHECK-LABEL: @conv(
// CHECK: %[[V0:\d+]] = tensor.expand_shape %w {{\[\[}}0 : i64], [1 : i64], [2 : i64], [3 : i64, 4 : i64]] output_shape [3, 3, 4, 2, 16] : tensor<3x3x4x32xf32> into tensor<3x3x4x2x16xf32>
// CHECK: %[[V2:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d1, d2, d3, d0, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>]{{.*}}} ins(%[[V0]] : tensor<3x3x4x2x16xf32>) outs(%{{.*}} : tensor<2x3x3x4x16xf32>) {
// CHECK: %r = br.contract ins(%x, %[[V2]] : tensor<1x10x10x4xf32>, tensor<2x3x3x4x16xf32>) outs(%y : tensor<1x8x8x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d1 + d4), (d2 + d5), d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> ((d3 floordiv 16), d4, d5, d6, (d3 mod 16))>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>]{{.*}}, schedule = #br.schedule<"d16 b | m=c n=d k=g batch=e,f | pack=b16">} -> tensor<1x8x8x32xf32>
func.func @conv(%x: tensor<1x10x10x4xf32>, %w: tensor<3x3x4x32xf32>,
    %y: tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32> {
  %r = br.contract ins(%x, %w : tensor<1x10x10x4xf32>, tensor<3x3x4x32xf32>)
    outs(%y : tensor<1x8x8x32xf32>)
    {indexing_maps = [affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>,
                      affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>,
                      affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction],
     schedule = #br.schedule<"d16 b | m=c n=d k=g batch=e,f | pack=b16">}
    -> tensor<1x8x8x32xf32>
  func.return %r : tensor<1x8x8x32xf32>
}
