// RUN: br-opt %s -p pack-operands | filecheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// B goes into panels of 16 columns: [n / 16][k][n mod 16].
// CHECK-LABEL: @b(
// CHECK: %[[V0:\d+]] = tensor.expand_shape %b {{\[\[}}0 : i64], [1 : i64, 2 : i64]] output_shape [4, 2, 16] : tensor<4x32xf32> into tensor<4x2x16xf32>
// CHECK: %[[V2:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]{{.*}}} ins(%[[V0]] : tensor<4x2x16xf32>) outs(%{{.*}} : tensor<2x4x16xf32>) {
// CHECK: %r = br.contract ins(%a, %[[V2]] : tensor<6x4xf32>, tensor<2x4x16xf32>) outs(%c : tensor<6x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> ((d1 floordiv 16), d2, (d1 mod 16))>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x32xf32>
func.func @b(%a: tensor<6x4xf32>, %b: tensor<4x32xf32>, %c: tensor<6x32xf32>)
    -> tensor<6x32xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x32xf32>)
    outs(%c : tensor<6x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x32xf32>
  func.return %r : tensor<6x32xf32>
}

// A last panel that is not full is filled up with zeros.
// CHECK-LABEL: @tail(
// CHECK: %[[V1:\d+]] = tensor.pad %b low[0, 0] high[12, 0] {
// CHECK: tensor.yield %{{.*}} : f32
// CHECK: %[[V4:\d+]] = tensor.expand_shape %[[V1]] {{\[\[}}0 : i64, 1 : i64], [2 : i64]] output_shape [2, 16, 4] : tensor<32x4xf32> into tensor<2x16x4xf32>
// CHECK: %[[V6:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]{{.*}}} ins(%[[V4]] : tensor<2x16x4xf32>) outs(%{{.*}} : tensor<2x4x16xf32>) {
// CHECK: %r = br.contract ins(%a, %[[V6]] : tensor<6x4xf32>, tensor<2x4x16xf32>) outs(%c : tensor<6x20xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> ((d1 floordiv 16), d2, (d1 mod 16))>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x20xf32>
func.func @tail(%a: tensor<6x4xf32>, %b: tensor<20x4xf32>, %c: tensor<6x20xf32>)
    -> tensor<6x20xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<20x4xf32>)
    outs(%c : tensor<6x20xf32>)
    {indexing_maps = [#mk, #nk, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x20xf32>
  func.return %r : tensor<6x20xf32>
}

// Both operands, A in panels of 3 rows.
// CHECK-LABEL: @both(
// CHECK: %[[V0:\d+]] = tensor.expand_shape %a {{\[\[}}0 : i64, 1 : i64], [2 : i64]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
// CHECK: %[[V2:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]{{.*}}} ins(%[[V0]] : tensor<2x3x4xf32>) outs(%{{.*}} : tensor<2x4x3xf32>) {
// CHECK: %[[V5:\d+]] = tensor.expand_shape %b {{\[\[}}0 : i64], [1 : i64, 2 : i64]] output_shape [4, 2, 16] : tensor<4x32xf32> into tensor<4x2x16xf32>
// CHECK: %[[V7:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]{{.*}}} ins(%[[V5]] : tensor<4x2x16xf32>) outs(%{{.*}} : tensor<2x4x16xf32>) {
// CHECK: %r = br.contract ins(%[[V2]], %[[V7]] : tensor<2x4x3xf32>, tensor<2x4x16xf32>) outs(%c : tensor<6x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> ((d0 floordiv 3), d2, (d0 mod 3))>, affine_map<(d0, d1, d2) -> ((d1 floordiv 16), d2, (d1 mod 16))>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, schedule = #br.schedule<"a3 b16 | m=a n=b k=c | pack=a3,b16">} -> tensor<6x32xf32>
func.func @both(%a: tensor<6x4xf32>, %b: tensor<4x32xf32>, %c: tensor<6x32xf32>)
    -> tensor<6x32xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x32xf32>)
    outs(%c : tensor<6x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a3 b16 | m=a n=b k=c | pack=a3,b16">} -> tensor<6x32xf32>
  func.return %r : tensor<6x32xf32>
}

// Nothing is asked for, nothing is done; packed already, it stays.
// CHECK-LABEL: @none(
// CHECK: %[[V0:\d+]] = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x32xf32>) outs(%c : tensor<6x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, schedule = #br.schedule<"b16 | m=a n=b k=c">} -> tensor<6x32xf32>
// CHECK: %{{.*}} = br.contract ins(%a, %p : tensor<6x4xf32>, tensor<2x4x16xf32>) outs(%[[V0]] : tensor<6x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> ((d1 floordiv 16), d2, (d1 mod 16))>, affine_map<(d0, d1, d2) -> (d0, d1)>]{{.*}}, schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x32xf32>
func.func @none(%a: tensor<6x4xf32>, %b: tensor<4x32xf32>, %p: tensor<2x4x16xf32>,
    %c: tensor<6x32xf32>) -> tensor<6x32xf32> {
  %0 = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x32xf32>)
    outs(%c : tensor<6x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 | m=a n=b k=c">} -> tensor<6x32xf32>
  %1 = br.contract ins(%a, %p : tensor<6x4xf32>, tensor<2x4x16xf32>)
    outs(%0 : tensor<6x32xf32>)
    {indexing_maps = [#mk, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 | m=a n=b k=c | pack=b16">} -> tensor<6x32xf32>
  func.return %1 : tensor<6x32xf32>
}
