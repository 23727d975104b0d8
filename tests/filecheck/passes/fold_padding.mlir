// RUN: br-opt %s -p fold-padding --split-input-file --verify-diagnostics | filecheck %s
// RUN: br-opt %s -p fold-padding,bufferize,convert-linalg-to-br --split-input-file --verify-diagnostics | filecheck %s --check-prefix NEST

#in = affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>
#filter = affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>
#out = affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// The zeros above and below are gone, those at the sides stay.
// CHECK-LABEL: @rows(
// CHECK: tensor.pad %x low[0, 0, 1, 0] high[0, 0, 1, 0]
// CHECK: tensor<1x5x6x4xf32> to tensor<1x5x8x4xf32>
// CHECK: br.contract ins(%{{.*}}, %w : tensor<1x5x8x4xf32>, {{.*}}affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, ((d1 + d4) + -1), (d2 + d5), d6)>

// In row p the taps from max(0, 1 - p) to min(3, 6 - p) are taken.
// NEST-LABEL: @rows(
// NEST: scf.parallel (%[[P:\d+]])
// NEST: %[[MINUS:\d+]] = arith.constant -1 : index
// NEST: %[[ABOVE:\d+]] = arith.muli %[[P]], %[[MINUS]] : index
// NEST: %[[ONE:\d+]] = arith.constant 1 : index
// NEST: %[[A:\d+]] = arith.addi %[[ABOVE]], %[[ONE]] : index
// NEST: %[[B:\d+]] = arith.maxsi %[[A]], %{{.*}} : index
// NEST: %[[FIRST:\d+]] = arith.minsi %[[B]], %{{.*}} : index
// NEST: %[[SIX:\d+]] = arith.constant 6 : index
// NEST: %[[C:\d+]] = arith.addi %[[ABOVE]], %[[SIX]] : index
// NEST: %[[D:\d+]] = arith.maxsi %[[C]], %{{.*}} : index
// NEST: %[[LAST:\d+]] = arith.minsi %[[D]], %{{.*}} : index
// NEST: %[[COUNT:\d+]] = arith.addi %[[LAST]], %{{.*}} : index
// NEST: br.batch_reduce_gemm {{.*}} count(%[[COUNT]])
func.func @rows(%x: tensor<1x5x6x4xf32>, %w: tensor<3x3x4x8xf32>)
    -> tensor<1x5x6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x5x6x4xf32> to tensor<1x7x8x4xf32>
  %e = tensor.empty() : tensor<1x5x6x8xf32>
  %y = br.contract ins(%p, %w : tensor<1x7x8x4xf32>, tensor<3x3x4x8xf32>)
    outs(%e : tensor<1x5x6x8xf32>)
    {indexing_maps = [#in, #filter, #out],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"B | m=c n=d k=g batch=e,f | skip=e">}
    -> tensor<1x5x6x8xf32>
  func.return %y : tensor<1x5x6x8xf32>
}

// -----

#in = affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>
#filter = affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>
#out = affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

func.func @no_zeros(%x: tensor<1x7x8x4xf32>, %w: tensor<3x3x4x8xf32>)
    -> tensor<1x5x6x8xf32> {
  %e = tensor.empty() : tensor<1x5x6x8xf32>
  // expected-error @below {{expected zeros around a (tensor.pad) along 'e' for skip=e, got none}}
  %y = br.contract ins(%x, %w : tensor<1x7x8x4xf32>, tensor<3x3x4x8xf32>)
    outs(%e : tensor<1x5x6x8xf32>)
    {indexing_maps = [#in, #filter, #out],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"B | m=c n=d k=g batch=e,f | skip=e">}
    -> tensor<1x5x6x8xf32>
  func.return %y : tensor<1x5x6x8xf32>
}
