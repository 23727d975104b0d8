// The example of docs/schedules.md: a product with bias and ReLU whose schedule was
// written by hand.
//
//   br-run docs/pinned.mlir --verify

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#n = affine_map<(m, n, k) -> (n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

func.func @layer(%x: tensor<64x96xf32>, %w: tensor<96x128xf32>, %bias: tensor<128xf32>)
    -> tensor<64x128xf32> {
  %empty = tensor.empty() : tensor<64x128xf32>
  %y = br.contract ins(%x, %w : tensor<64x96xf32>, tensor<96x128xf32>)
    outs(%empty : tensor<64x128xf32>)
    {beta = 0.0 : f64, indexing_maps = [#mk, #kn, #mn, #n],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"A32 c48 b16 | m=a n=b k=c | tile=6x2 | pack=b16">}
    epilogue(%bias : tensor<128xf32>) {
    ^bb0(%sum: f32, %of_bias: f32):
      %zero = arith.constant 0.0 : f32
      %biased = arith.addf %sum, %of_bias : f32
      %relu = arith.maximumf %biased, %zero : f32
      br.yield %relu : f32
    } -> tensor<64x128xf32>
  func.return %y : tensor<64x128xf32>
}
