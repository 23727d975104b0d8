// RUN: br-opt %s -p skip-zeros | filecheck %s

#x = affine_map<(n, h, k, r, c) -> (n, h + r, c)>
#w = affine_map<(n, h, k, r, c) -> (r, c, k)>
#y = affine_map<(n, h, k, r, c) -> (n, h, k)>

// Every second element is a zero, and one stands before and after: y[2u] meets the
// second tap alone, y[2u + 1] the first and the third. The residual is sliced alike.
// CHECK-LABEL: @between
// CHECK-NOT:  tensor.pad
// CHECK:      %[[W0:.*]] = tensor.extract_slice %w[1, 0, 0] [1, 5, 6] [1, 1, 1]
// CHECK:      %[[R0:.*]] = tensor.extract_slice %res[0, 0, 0] [1, 7, 6] [1, 2, 1]
// CHECK:      %[[Y0:.*]] = br.contract ins(%x, %[[W0]] : {{.*}}affine_map<(d0, d1, d2, d3, d4) -> (d0, (d1 + d3), d4)>{{.*}} epilogue(%[[R0]] :
// CHECK:      %[[HALF:.*]] = tensor.insert_slice %[[Y0]] into %{{.*}}[0, 0, 0] [1, 7, 6] [1, 2, 1]
// CHECK:      %[[W1:.*]] = tensor.extract_slice %w[0, 0, 0] [2, 5, 6] [2, 1, 1]
// CHECK:      %[[R1:.*]] = tensor.extract_slice %res[0, 1, 0] [1, 6, 6] [1, 2, 1]
// CHECK:      %[[Y1:.*]] = br.contract ins(%x, %[[W1]] :
// CHECK:      tensor.insert_slice %[[Y1]] into %[[HALF]][0, 1, 0] [1, 6, 6] [1, 2, 1]
func.func @between(%x: tensor<1x7x5xf32>, %w: tensor<3x5x6xf32>, %res: tensor<1x13x6xf32>) -> tensor<1x13x6xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x13x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x13x5xf32>) -> tensor<1x13x5xf32>
  %s = tensor.insert_slice %x into %z[0, 0, 0] [1, 7, 5] [1, 2, 1] : tensor<1x7x5xf32> into tensor<1x13x5xf32>
  %p = tensor.pad %s low[0, 1, 0] high[0, 1, 0] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %zero : f32
  } : tensor<1x13x5xf32> to tensor<1x15x5xf32>
  %o = tensor.empty() : tensor<1x13x6xf32>
  %y = br.contract ins(%p, %w : tensor<1x15x5xf32>, tensor<3x5x6xf32>) outs(%o : tensor<1x13x6xf32>) {indexing_maps = [#x, #w, #y, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} epilogue(%res : tensor<1x13x6xf32>) {
  ^bb0(%acc: f32, %r: f32):
    %t = arith.addf %acc, %r : f32
    br.yield %t : f32
  } -> tensor<1x13x6xf32>
  return %y : tensor<1x13x6xf32>
}

// y[3u + 2] meets nothing but zeros.
// CHECK-LABEL: @longer_than_the_window
// CHECK:      %[[Z:.*]] = tensor.insert_slice %x
// CHECK:      br.contract ins(%[[Z]], %w :
func.func @longer_than_the_window(%x: tensor<1x4x5xf32>, %w: tensor<2x5x6xf32>) -> tensor<1x9x6xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x10x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x10x5xf32>) -> tensor<1x10x5xf32>
  %s = tensor.insert_slice %x into %z[0, 0, 0] [1, 4, 5] [1, 3, 1] : tensor<1x4x5xf32> into tensor<1x10x5xf32>
  %o = tensor.empty() : tensor<1x9x6xf32>
  %y = br.contract ins(%s, %w : tensor<1x10x5xf32>, tensor<2x5x6xf32>) outs(%o : tensor<1x9x6xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x9x6xf32>
  return %y : tensor<1x9x6xf32>
}

// Ones stand between.
// CHECK-LABEL: @not_zeros
// CHECK:      %[[Z:.*]] = tensor.insert_slice %x
// CHECK:      br.contract ins(%[[Z]], %w :
func.func @not_zeros(%x: tensor<1x4x5xf32>, %w: tensor<2x5x6xf32>) -> tensor<1x6x6xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<1x7x5xf32>
  %z = linalg.fill ins(%one : f32) outs(%e : tensor<1x7x5xf32>) -> tensor<1x7x5xf32>
  %s = tensor.insert_slice %x into %z[0, 0, 0] [1, 4, 5] [1, 2, 1] : tensor<1x4x5xf32> into tensor<1x7x5xf32>
  %o = tensor.empty() : tensor<1x6x6xf32>
  %y = br.contract ins(%s, %w : tensor<1x7x5xf32>, tensor<2x5x6xf32>) outs(%o : tensor<1x6x6xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<1x6x6xf32>
  return %y : tensor<1x6x6xf32>
}
