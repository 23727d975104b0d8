// RUN: br-opt %s -p fuse-epilogues | filecheck %s

// What stands before a loop is not computed again in each trip: neither the product nor
// the sum moves into the loop that reads it.
// CHECK-LABEL: @before
// CHECK:       br.contract
// CHECK:       linalg.generic
// CHECK:         arith.addf
// CHECK:       scf.for
// CHECK-NOT:     br.contract
// CHECK-NOT:     arith.addf
// CHECK:         arith.mulf
// CHECK:         arith.subf
// CHECK:         scf.yield
#a = affine_map<(i, j) -> (i, j)>
func.func @before(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %p = br.contract ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0} -> tensor<4x4xf32>
  %s = linalg.generic {indexing_maps = [#a, #a], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = arith.addf %a, %a : f32
    linalg.yield %b : f32
  } -> tensor<4x4xf32>
  %r = scf.for %i = %c0 to %c5 step %c1 iter_args(%h = %x) -> (tensor<4x4xf32>) {
    %y = linalg.generic {indexing_maps = [#a, #a, #a], iterator_types = ["parallel", "parallel"]} ins(%p, %h : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %c = arith.mulf %a, %b : f32
      linalg.yield %c : f32
    } -> tensor<4x4xf32>
    %z = linalg.generic {indexing_maps = [#a, #a, #a], iterator_types = ["parallel", "parallel"]} ins(%y, %s : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %c = arith.subf %a, %b : f32
      linalg.yield %c : f32
    } -> tensor<4x4xf32>
    scf.yield %z : tensor<4x4xf32>
  }
  func.return %r : tensor<4x4xf32>
}
