// RUN: br-opt %s -p propagate-layouts | filecheck %s

// Slices of a transposed tensor are slices of the tensor.

#in = affine_map<(a, b, c) -> (b, c, a)>
#out = affine_map<(a, b, c) -> (a, b, c)>

// CHECK-LABEL: func.func @extract
// CHECK-NEXT:    %[[S:.*]] = tensor.extract_slice %x[3, 0, 1] [2, 4, 5] [2, 2, 1] : tensor<7x9x8xf32> to tensor<2x4x5xf32>
// CHECK:         linalg.generic {{.*}} ins(%[[S]] : tensor<2x4x5xf32>)
// CHECK:         func.return %{{.*}} : tensor<5x2x4xf32>
func.func @extract(%x: tensor<7x9x8xf32>) -> tensor<5x2x4xf32> {
  %e = tensor.empty() : tensor<8x7x9xf32>
  %t = linalg.generic {indexing_maps = [#in, #out],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<7x9x8xf32>) outs(%e : tensor<8x7x9xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<8x7x9xf32>
  %s = tensor.extract_slice %t[1, 3, 0] [5, 2, 4] [1, 2, 2]
      : tensor<8x7x9xf32> to tensor<5x2x4xf32>
  func.return %s : tensor<5x2x4xf32>
}

// Two parts are put into zeros before what comes of it is transposed.
// CHECK-LABEL: func.func @insert
// CHECK:         %[[Z:.*]] = linalg.fill {{.*}} -> tensor<14x9x8xf32>
// CHECK-NEXT:    %[[P:.*]] = tensor.insert_slice %x into %[[Z]][0, 0, 0] [7, 9, 8] [2, 1, 1]
// CHECK-NEXT:    %[[Q:.*]] = tensor.insert_slice %y into %[[P]][1, 0, 0] [7, 9, 8] [2, 1, 1]
// CHECK:         %[[T:.*]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<14x9x8xf32>)
// CHECK:         func.return %[[T]] : tensor<8x14x9xf32>
func.func @insert(%x: tensor<7x9x8xf32>, %y: tensor<7x9x8xf32>) -> tensor<8x14x9xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x7x9xf32>
  %t = linalg.generic {indexing_maps = [#in, #out],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<7x9x8xf32>) outs(%e : tensor<8x7x9xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<8x7x9xf32>
  %u = linalg.generic {indexing_maps = [#in, #out],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y : tensor<7x9x8xf32>) outs(%e : tensor<8x7x9xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<8x7x9xf32>
  %f = tensor.empty() : tensor<8x14x9xf32>
  %z = linalg.fill ins(%zero : f32) outs(%f : tensor<8x14x9xf32>) -> tensor<8x14x9xf32>
  %p = tensor.insert_slice %t into %z[0, 0, 0] [8, 7, 9] [1, 2, 1]
      : tensor<8x7x9xf32> into tensor<8x14x9xf32>
  %q = tensor.insert_slice %u into %p[0, 1, 0] [8, 7, 9] [1, 2, 1]
      : tensor<8x7x9xf32> into tensor<8x14x9xf32>
  func.return %q : tensor<8x14x9xf32>
}

// Zeros that are inserted into a transposed tensor are filled in its order.
// CHECK-LABEL: @zeros_between(
// CHECK:         linalg.fill {{.*}} -> tensor<1x4x4x8xf32>
// CHECK:         tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 0] [1, 4, 4, 8] [1, 1, 2, 1] : tensor<1x4x4x8xf32> into tensor<1x4x8x8xf32>
// CHECK:         func.return
func.func @zeros_between(%x: tensor<1x4x4x8xf32>) -> tensor<1x8x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x8x4x4xf32>
  %there = linalg.generic {indexing_maps = [
      affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>,
      affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x4x4x8xf32>) outs(%e : tensor<1x8x4x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<1x8x4x4xf32>
  %whole = tensor.empty() : tensor<1x8x4x8xf32>
  %0 = tensor.insert_slice %there into %whole[0, 0, 0, 0] [1, 8, 4, 4] [1, 1, 1, 2]
      : tensor<1x8x4x4xf32> into tensor<1x8x4x8xf32>
  %none = linalg.fill ins(%zero : f32) outs(%e : tensor<1x8x4x4xf32>)
      -> tensor<1x8x4x4xf32>
  %1 = tensor.insert_slice %none into %0[0, 0, 0, 1] [1, 8, 4, 4] [1, 1, 1, 2]
      : tensor<1x8x4x4xf32> into tensor<1x8x4x8xf32>
  func.return %1 : tensor<1x8x4x8xf32>
}
