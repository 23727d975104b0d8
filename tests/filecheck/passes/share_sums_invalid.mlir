// RUN: sed 's/SCHEDULE/a6 C64 | m=a n=b k=c/' %s | not br-opt -p choose-schedule 2>&1 | filecheck %s --check-prefix INSIDE
// RUN: sed 's/SCHEDULE/C60 | m=a n=b k=c/' %s | not br-opt -p choose-schedule 2>&1 | filecheck %s --check-prefix PARTS
// RUN: sed 's/SCHEDULE/C64 | m=a n=b k=c/' %s | not br-opt -p share-sums 2>&1 | filecheck %s --check-prefix EPILOGUE

// INSIDE: expected a parallel loop over the sum 'c' (256 trips) to be the outermost one
// PARTS: expected the step of a parallel loop over the sum 'c' (256 trips) to divide it, got 60
// EPILOGUE: expected no epilogue where threads share a sum; write the loop 'C64' with a small letter
func.func @product(%x: tensor<256x12xf32>, %y: tensor<256x16xf32>,
                   %c: tensor<12x16xf32>) -> tensor<12x16xf32> {
  %0 = br.contract ins(%x, %y : tensor<256x12xf32>, tensor<256x16xf32>)
      outs(%c : tensor<12x16xf32>)
      {indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>,
                        affine_map<(m, n, k) -> (m, n)>],
       iterator_types = [#linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>],
       schedule = #br.schedule<"SCHEDULE">} epilogue {
  ^bb0(%sum: f32):
    %r = math.absf %sum : f32
    br.yield %r : f32
  } -> tensor<12x16xf32>
  func.return %0 : tensor<12x16xf32>
}
