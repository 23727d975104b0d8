// RUN: br-opt %s -p propagate-layouts | filecheck %s

// A transpose sinks through a reshape that splits dimensions, and through one that joins
// dimensions which are neighbours before the transpose as well.

#to_last = affine_map<(a, b, c) -> (a, c, b)>
#same = affine_map<(a, b, c) -> (a, b, c)>

// CHECK-LABEL: @split
// CHECK-NEXT: %[[X:\d+]] = tensor.expand_shape %x {{\[\[}}0 : i64], [1 : i64], [2 : i64, 3 : i64]] output_shape [2, 5, 3, 4] : tensor<2x5x12xf32> into tensor<2x5x3x4xf32>
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>, {{.*}} ins(%[[X]] : tensor<2x5x3x4xf32>) outs(%{{.*}} : tensor<2x3x4x5xf32>)
func.func @split(%x: tensor<2x5x12xf32>) -> tensor<2x3x4x5xf32> {
  %e = tensor.empty() : tensor<2x12x5xf32>
  %t = linalg.generic {indexing_maps = [#to_last, #same],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x5x12xf32>) outs(%e : tensor<2x12x5xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<2x12x5xf32>
  %r = tensor.expand_shape %t [[0], [1, 2], [3]] output_shape [2, 3, 4, 5]
    : tensor<2x12x5xf32> into tensor<2x3x4x5xf32>
  func.return %r : tensor<2x3x4x5xf32>
}

#move = affine_map<(a, b, c) -> (b, c, a)>

// CHECK-LABEL: @join
// CHECK-NEXT: %[[X:\d+]] = tensor.collapse_shape %x {{\[\[}}0 : i64, 1 : i64], [2 : i64]] : tensor<3x4x5xf32> into tensor<12x5xf32>
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, {{.*}} ins(%[[X]] : tensor<12x5xf32>) outs(%{{.*}} : tensor<5x12xf32>)
func.func @join(%x: tensor<3x4x5xf32>) -> tensor<5x12xf32> {
  %e = tensor.empty() : tensor<5x3x4xf32>
  %t = linalg.generic {indexing_maps = [#move, #same],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<3x4x5xf32>) outs(%e : tensor<5x3x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<5x3x4xf32>
  %r = tensor.collapse_shape %t [[0], [1, 2]] : tensor<5x3x4xf32> into tensor<5x12xf32>
  func.return %r : tensor<5x12xf32>
}

// Not these: they lie apart before it.
// CHECK-LABEL: @apart
// CHECK:      linalg.generic
// CHECK:      tensor.collapse_shape
// CHECK-NEXT: func.return
func.func @apart(%x: tensor<2x5x12xf32>) -> tensor<2x60xf32> {
  %e = tensor.empty() : tensor<2x12x5xf32>
  %t = linalg.generic {indexing_maps = [#to_last, #same],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x5x12xf32>) outs(%e : tensor<2x12x5xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<2x12x5xf32>
  %r = tensor.collapse_shape %t [[0], [1, 2]] : tensor<2x12x5xf32> into tensor<2x60xf32>
  func.return %r : tensor<2x60xf32>
}
