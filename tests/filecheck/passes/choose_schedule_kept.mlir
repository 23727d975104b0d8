// RUN: br-opt %s -p choose-schedule | filecheck %s

// A schedule that stands is kept, tuned or written by hand.

// CHECK: br.contract {{.*}} schedule = #br.schedule<"b16 A | m=a n=b k=c | tile=4x2">
func.func @matmul(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
    -> tensor<64x64xf32> {
  %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<64x64xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                       #linalg.iterator_type<reduction>],
     schedule = #br.schedule<"b16 A | m=a n=b k=c | tile=4x2">} -> tensor<64x64xf32>
  func.return %r : tensor<64x64xf32>
}
