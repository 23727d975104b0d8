// RUN: br-opt %s -p fuse-epilogues | filecheck %s

// %y names the product as its destination, too, as generalise-linalg would not leave it.
// CHECK-LABEL: func.func @onto_its_input(
// CHECK:         %[[C:.*]] = br.contract
// CHECK:         linalg.generic {{.*}} ins(%[[C]] : tensor<5x7xf32>) outs(%[[C]] :
#same = affine_map<(m, n) -> (m, n)>
func.func @onto_its_input(%x: tensor<5x7xf32>, %w: tensor<7x7xf32>, %e: tensor<5x7xf32>) -> tensor<5x7xf32> {
  %c = br.contract ins(%x, %w : tensor<5x7xf32>, tensor<7x7xf32>) outs(%e : tensor<5x7xf32>) {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0} -> tensor<5x7xf32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%c : tensor<5x7xf32>) outs(%c : tensor<5x7xf32>) {
  ^bb0(%a: f32, %out: f32):
    %b = math.exp %a : f32
    linalg.yield %b : f32
  } -> tensor<5x7xf32>
  func.return %y : tensor<5x7xf32>
}
