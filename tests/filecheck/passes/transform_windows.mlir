// RUN: br-opt %s -p transform-windows | filecheck %s

// 3x3 windows of many channels: 16 products for each tile of 2x2 outputs, not 36.

#x = affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>
#x2 = affine_map<(n, p, q, k, r, s, c) -> (n, p * 2 + r, q * 2 + s, c)>
#w = affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>
#y = affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>
#dy = affine_map<(n, p, q, c, r, s, k) -> (n, p - r + 2, q - s + 2, k)>
#wt = affine_map<(n, p, q, c, r, s, k) -> (r, s, c, k)>
#k = affine_map<(n, p, q, k, r, s, c) -> (k)>

// The weights, the tiles of x, the products, the outputs with their epilogue.
// CHECK-LABEL: @window
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (0, 0, d0, d1)>, affine_map<(d0, d1) -> (0, 1, d0, d1)>
// CHECK:        arith.constant 5.000000e-01 : f32
// CHECK:      %[[U:\d+]] = tensor.insert_slice {{.*}}[15, 0, 0] [1, 64, 64]
// CHECK:      %[[X:\d+]], {{.*}} = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, (d1 * 2), (d2 * 2), d3)>, affine_map<(d0, d1, d2, d3) -> (d0, (d1 * 2), ((d2 * 2) + 1), d3)>
// CHECK:      tensor.insert_slice %[[X]] into %{{.*}}[0, 0, 0, 0, 0] [1, 1, 4, 4, 64] [1, 1, 1, 1, 1] : tensor<1x4x4x64xf32> into tensor<16x1x4x4x64xf32>
// CHECK:      %[[V:\d+]] = tensor.insert_slice {{.*}}[15, 0, 0, 0, 0]
// CHECK:      %[[M:\d+]] = br.contract ins(%[[V]], %[[U]] : tensor<16x1x4x4x64xf32>, tensor<16x64x64xf32>) outs(%{{.*}}) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d5, d4)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>], {{.*}}, beta = 0.000000e+00 : f64}
// CHECK:      %[[Y:\d+]], %{{\d+}}, %{{\d+}}, %{{\d+}} = linalg.generic {{.*}} ins(%[[M]], {{.*}}, %bias :
// CHECK:        arith.maximumf
// CHECK:        arith.maximumf
// CHECK:        arith.maximumf
// CHECK:        arith.maximumf
// CHECK-NEXT:   linalg.yield
// CHECK:      tensor.insert_slice {{.*}}[0, 0, 1, 0, 1, 0] [1, 4, 1, 4, 1, 64] [1, 1, 1, 1, 1, 1] : tensor<1x4x4x64xf32> into tensor<1x4x2x4x2x64xf32>
// CHECK-NEXT: tensor.collapse_shape {{.*}}[1 : i64, 2 : i64], [3 : i64, 4 : i64], [5 : i64]{{.*}} into tensor<1x8x8x64xf32>
// CHECK-NEXT: return
func.func @window(%x: tensor<1x10x10x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}, %bias: tensor<64xf32>) -> tensor<1x8x8x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x8x8x64xf32>
  %y = br.contract ins(%x, %w : tensor<1x10x10x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x8x8x64xf32>) {indexing_maps = [#x, #w, #y, #k], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} epilogue(%bias : tensor<64xf32>) {
  ^bb0(%acc: f32, %b: f32):
    %s = arith.addf %acc, %b : f32
    %m = arith.maximumf %s, %zero : f32
    br.yield %m : f32
  } -> tensor<1x8x8x64xf32>
  return %y : tensor<1x8x8x64xf32>
}

// An odd number of outputs: a line of zeros more, and the last outputs left out.
// CHECK-LABEL: @odd
// CHECK:      tensor.pad %x low[0, 0, 0, 0] high[0, 1, 0, 0]
// CHECK:      tensor.collapse_shape
// CHECK-NEXT: tensor.extract_slice {{.*}}[0, 0, 0, 0] [1, 7, 8, 64] [1, 1, 1, 1]
func.func @odd(%x: tensor<1x9x10x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}) -> tensor<1x7x8x64xf32> {
  %e = tensor.empty() : tensor<1x7x8x64xf32>
  %y = br.contract ins(%x, %w : tensor<1x9x10x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x7x8x64xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x7x8x64xf32>
  return %y : tensor<1x7x8x64xf32>
}

// The gradient by the input reads backwards: tap 2 of the weights stands first.
// CHECK-LABEL: @by_input
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (2, 2, d0, d1)>, affine_map<(d0, d1) -> (2, 1, d0, d1)>
// CHECK:      br.contract {{.*}} : tensor<16x1x4x4x64xf32>, tensor<16x64x64xf32>)
func.func @by_input(%dy: tensor<1x10x10x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}) -> tensor<1x8x8x64xf32> {
  %e = tensor.empty() : tensor<1x8x8x64xf32>
  %dx = br.contract ins(%dy, %w : tensor<1x10x10x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x8x8x64xf32>) {indexing_maps = [#dy, #wt, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x8x8x64xf32>
  return %dx : tensor<1x8x8x64xf32>
}

// In the gradient by the weights tiles of both operands are multiplied, summed up, and
// 16 sums become nine taps.
// CHECK-LABEL: @by_weights
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, (d1 * 2), (d2 * 2), d3)>, affine_map<(d0, d1, d2, d3) -> (d0, (d1 * 2), ((d2 * 2) + 1), d3)>, affine_map<(d0, d1, d2, d3) -> (d0, ((d1 * 2) + 1), (d2 * 2), d3)>, affine_map<(d0, d1, d2, d3) -> (d0, ((d1 * 2) + 1), ((d2 * 2) + 1), d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK:      linalg.generic {{.*}}(d0, (d1 * 2), ((d2 * 2) + 3), d3)
// CHECK:      br.contract ins({{.*}} : tensor<16x2x6x8x64xf32>, tensor<16x2x6x8x64xf32>) outs({{.*}} : tensor<16x64x64xf32>)
// CHECK:      tensor.insert_slice {{.*}}[2, 2, 0, 0] [1, 1, 64, 64] [1, 1, 1, 1] : tensor<64x64xf32> into tensor<3x3x64x64xf32>
// CHECK-NEXT: return
func.func @by_weights(%x: tensor<2x14x18x64xf32>, %dy: tensor<2x12x16x64xf32>) -> tensor<3x3x64x64xf32> {
  %e = tensor.empty() : tensor<3x3x64x64xf32>
  %dw = br.contract ins(%x, %dy : tensor<2x14x18x64xf32>, tensor<2x12x16x64xf32>) outs(%e : tensor<3x3x64x64xf32>) {indexing_maps = [#x, #y, #w], iterator_types = [#linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], beta = 0.0 : f64} -> tensor<3x3x64x64xf32>
  return %dw : tensor<3x3x64x64xf32>
}

// Windows two elements apart have no products in common.
// CHECK-LABEL: @strided
// CHECK-NOT:  linalg.generic
func.func @strided(%x: tensor<1x17x17x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}) -> tensor<1x8x8x64xf32> {
  %e = tensor.empty() : tensor<1x8x8x64xf32>
  %y = br.contract ins(%x, %w : tensor<1x17x17x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x8x8x64xf32>) {indexing_maps = [#x2, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x8x8x64xf32>
  return %y : tensor<1x8x8x64xf32>
}

// A schedule written by hand is one of the direct sum.
// CHECK-LABEL: @pinned
// CHECK-NOT:  linalg.generic
func.func @pinned(%x: tensor<1x10x10x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}) -> tensor<1x8x8x64xf32> {
  %e = tensor.empty() : tensor<1x8x8x64xf32>
  %y = br.contract ins(%x, %w : tensor<1x10x10x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x8x8x64xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64, schedule = #br.schedule<"A B | m=c n=d k=g batch=e,f | tile=6x4">} -> tensor<1x8x8x64xf32>
  return %y : tensor<1x8x8x64xf32>
}

// Weights that each call brings are transformed in each call: not worth it for 16 tiles.
// CHECK-LABEL: @weights_of_the_call
// CHECK-NOT:  linalg.generic
func.func @weights_of_the_call(%x: tensor<1x10x10x64xf32>, %w: tensor<3x3x64x64xf32>) -> tensor<1x8x8x64xf32> {
  %e = tensor.empty() : tensor<1x8x8x64xf32>
  %y = br.contract ins(%x, %w : tensor<1x10x10x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<1x8x8x64xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x8x8x64xf32>
  return %y : tensor<1x8x8x64xf32>
}

// CHECK-LABEL: @few_channels
// CHECK-NOT:  linalg.generic
func.func @few_channels(%x: tensor<1x10x10x16xf32>, %w: tensor<3x3x16x16xf32> {br.bound = 0 : i64}) -> tensor<1x8x8x16xf32> {
  %e = tensor.empty() : tensor<1x8x8x16xf32>
  %y = br.contract ins(%x, %w : tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) outs(%e : tensor<1x8x8x16xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x8x8x16xf32>
  return %y : tensor<1x8x8x16xf32>
}

// So many weights arrive from memory, for 16 rows of each product.
// CHECK-LABEL: @weights_from_memory
// CHECK-NOT:  linalg.generic
func.func @weights_from_memory(%x: tensor<1x10x10x512xf32>, %w: tensor<3x3x512x512xf32> {br.bound = 0 : i64}) -> tensor<1x8x8x512xf32> {
  %e = tensor.empty() : tensor<1x8x8x512xf32>
  %y = br.contract ins(%x, %w : tensor<1x10x10x512xf32>, tensor<3x3x512x512xf32>) outs(%e : tensor<1x8x8x512xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x8x8x512xf32>
  return %y : tensor<1x8x8x512xf32>
}
