// RUN: br-opt %s -p transform-windows | filecheck %s

// Of many tiles a block that the L2 holds is transformed, multiplied and finished before
// the next; threads share the blocks.

#x = affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>
#w = affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>
#y = affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>

builtin.module attributes {br.target = #br.target<"x86-64-v4", threads = 2>} {

// 32 blocks of 7x28 tiles, 16 for each thread; the weights are transformed before.
// CHECK-LABEL: @forward
// CHECK:      %[[U:\d+]] = tensor.insert_slice {{.*}}[15, 0, 0] [1, 64, 64]
// CHECK:      %[[E:\d+]] = tensor.empty() : tensor<8x28x2x28x2x64xf32>
// CHECK:      %[[T:\d+]] = scf.for %[[PART:\d+]] = {{.*}} iter_args(%[[Y0:\d+]] = %[[E]])
// CHECK:        scf.for %[[B:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[Y:\d+]] = %[[Y0]])
// CHECK:          arith.remui %[[B]]
// CHECK:          %[[X:\d+]] = tensor.extract_slice %x[%{{.*}}, %{{.*}}, 0, 0] [1, 16, 58, 64] [1, 1, 1, 1]
// CHECK:          linalg.generic {{.*}} ins(%[[X]], %[[X]]
// CHECK:          br.contract ins(%{{.*}}, %[[U]] : tensor<16x1x7x28x64xf32>, tensor<16x64x64xf32>)
// CHECK:          tensor.insert_slice %{{.*}} into %[[Y]][%{{.*}}, %{{.*}}, 0, 0, 0, 0] [1, 7, 1, 28, 1, 64]
// CHECK:          scf.yield
// CHECK:      } {br.parallel}
// CHECK-NEXT: tensor.collapse_shape %[[T]]
func.func @forward(%x: tensor<8x58x58x64xf32>, %w: tensor<3x3x64x64xf32> {br.bound = 0 : i64}) -> tensor<8x56x56x64xf32> {
  %e = tensor.empty() : tensor<8x56x56x64xf32>
  %y = br.contract ins(%x, %w : tensor<8x58x58x64xf32>, tensor<3x3x64x64xf32>) outs(%e : tensor<8x56x56x64xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.0 : f64} -> tensor<8x56x56x64xf32>
  return %y : tensor<8x56x56x64xf32>
}

// Each thread adds up the products of its blocks; their sum has the taps.
// CHECK-LABEL: @by_weights
// CHECK:      scf.for %[[PART:\d+]] = {{.*}} -> (tensor<2x16x64x64xf32>)
// CHECK:        %[[ZERO:\d+]] = arith.constant dense<0.000000e+00> : tensor<16x64x64xf32>
// CHECK:        %[[S:\d+]] = scf.for {{.*}} iter_args(%[[SO_FAR:\d+]] = %[[ZERO]])
// CHECK:          br.contract {{.*}} outs(%[[SO_FAR]] : tensor<16x64x64xf32>) {
// CHECK:        tensor.insert_slice %[[S]] into %{{.*}}[%[[PART]], 0, 0, 0] [1, 16, 64, 64]
// CHECK:      } {br.parallel}
// CHECK:      linalg.generic {{.*}}"reduction"{{.*}} ins(%{{.*}} : tensor<2x16x64x64xf32>) outs(%{{.*}} : tensor<16x64x64xf32>)
func.func @by_weights(%x: tensor<8x58x58x64xf32>, %dy: tensor<8x56x56x64xf32>) -> tensor<3x3x64x64xf32> {
  %e = tensor.empty() : tensor<3x3x64x64xf32>
  %dw = br.contract ins(%x, %dy : tensor<8x58x58x64xf32>, tensor<8x56x56x64xf32>) outs(%e : tensor<3x3x64x64xf32>) {indexing_maps = [#x, #y, #w], iterator_types = [#linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], beta = 0.0 : f64} -> tensor<3x3x64x64xf32>
  return %dw : tensor<3x3x64x64xf32>
}

// Weights of the call with more numbers than the tiles go in blocks of columns: each
// thread transforms all tiles, then 32 columns of the weights after the other.
// CHECK-LABEL: @columns
// CHECK:      %[[E:\d+]] = tensor.empty() : tensor<8x4x2x4x2x512xf32>
// CHECK:      %[[T:\d+]] = scf.for %{{.*}} iter_args(%[[Y0:\d+]] = %[[E]])
// CHECK:        %[[V:\d+]] = tensor.insert_slice {{.*}}[15, 0, 0, 0, 0] [1, 8, 4, 4, 512]
// CHECK:        scf.for %[[B:\d+]] = %{{.*}} iter_args(%[[Y:\d+]] = %[[Y0]])
// CHECK:          tensor.extract_slice %w[0, 0, 0, %{{.*}}] [3, 3, 512, 32] [1, 1, 1, 1]
// CHECK:          br.contract ins(%[[V]], %{{.*}} : tensor<16x8x4x4x512xf32>, tensor<16x512x32xf32>)
// CHECK:          tensor.insert_slice %{{.*}} into %[[Y]][0, 0, 0, 0, 0, %{{.*}}] [8, 4, 1, 4, 1, 32]
// CHECK:          scf.yield
// CHECK:      } {br.parallel}
// CHECK-NEXT: tensor.collapse_shape %[[T]]
func.func @columns(%x: tensor<8x9x9x512xf32>, %w: tensor<3x3x512x512xf32>) -> tensor<8x7x7x512xf32> {
  %e = tensor.empty() : tensor<8x7x7x512xf32>
  %y = br.contract ins(%x, %w : tensor<8x9x9x512xf32>, tensor<3x3x512x512xf32>) outs(%e : tensor<8x7x7x512xf32>) {indexing_maps = [#x, #w, #y], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>], beta = 0.000000e+00 : f64} -> tensor<8x7x7x512xf32>
  return %y : tensor<8x7x7x512xf32>
}

// So do gradients by the weights whose sums outgrow the L2: no sums of threads are
// added up.
// CHECK-LABEL: @by_weights_in_columns
// CHECK:      %[[E:\d+]] = tensor.empty() : tensor<3x3x256x256xf32>
// CHECK:      scf.for %{{.*}} iter_args(%[[W0:\d+]] = %[[E]])
// CHECK:        %[[V:\d+]] = tensor.insert_slice {{.*}}[15, 0, 0, 0, 0] [1, 8, 7, 7, 256]
// CHECK:        scf.for %{{.*}} iter_args(%[[W:\d+]] = %[[W0]])
// CHECK:          br.contract ins(%[[V]], %{{.*}} : tensor<16x8x7x7x256xf32>, tensor<16x8x7x7x32xf32>)
// CHECK:          tensor.insert_slice %{{.*}} into %[[W]][0, 0, 0, %{{.*}}] [1, 1, 256, 32]
// CHECK:      } {br.parallel}
// CHECK-NEXT: func.return
func.func @by_weights_in_columns(%x: tensor<8x16x16x256xf32>, %dy: tensor<8x14x14x256xf32>) -> tensor<3x3x256x256xf32> {
  %e = tensor.empty() : tensor<3x3x256x256xf32>
  %dw = br.contract ins(%x, %dy : tensor<8x16x16x256xf32>, tensor<8x14x14x256xf32>) outs(%e : tensor<3x3x256x256xf32>) {indexing_maps = [#x, #y, #w], iterator_types = [#linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], beta = 0.000000e+00 : f64} -> tensor<3x3x256x256xf32>
  return %dw : tensor<3x3x256x256xf32>
}
}
