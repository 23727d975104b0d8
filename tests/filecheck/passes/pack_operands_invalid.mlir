// RUN: br-opt %s -p pack-operands --split-input-file --verify-diagnostics | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// A window: pixels of an image overlap in it, so they lie in no panels.
// CHECK: pack_operands_invalid.mlir:10:3: 'br.contract': expected the packed iterator to be a dimension of a by itself, got (d0, d1, d2, d3) -> ((d0 + d2), d3); leave pack=a4 out of the schedule
func.func @window(%x: tensor<10x4xf32>, %w: tensor<3x4x32xf32>, %y: tensor<8x32xf32>)
    -> tensor<8x32xf32> {
  %r = br.contract ins(%x, %w : tensor<10x4xf32>, tensor<3x4x32xf32>)
    outs(%y : tensor<8x32xf32>)
    {indexing_maps = [affine_map<(q, k, s, c) -> (q + s, c)>,
                      affine_map<(q, k, s, c) -> (s, c, k)>,
                      affine_map<(q, k, s, c) -> (q, k)>],
     iterator_types = [#parallel, #parallel, #reduction, #reduction],
     schedule = #br.schedule<"a4 | m=a n=b k=d batch=c | pack=a4">} -> tensor<8x32xf32>
  func.return %r : tensor<8x32xf32>
}

// -----

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// Packed along k already: by hand, since no schedule asks for that.
// CHECK: 'br.contract': expected b not to be packed along another dimension
func.func @packed(%a: tensor<6x8xf32>, %b: tensor<2x4x32xf32>, %c: tensor<6x32xf32>)
    -> tensor<6x32xf32> {
  %r = br.contract ins(%a, %b : tensor<6x8xf32>, tensor<2x4x32xf32>)
    outs(%c : tensor<6x32xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                      affine_map<(m, n, k) -> (k floordiv 4, k mod 4, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 c4 | m=a n=b k=c | pack=b16">} -> tensor<6x32xf32>
  func.return %r : tensor<6x32xf32>
}
