// RUN: br-opt %s -p share-sums --split-input-file --verify-diagnostics | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// Two parts of the sum, each for blocks of its own, into copies of C in f32; what adds
// them up has the epilogue.
module attributes {br.target = #br.target<"nvptx64-sm_80">} {
// CHECK-LABEL: func.func @split
// CHECK:         %[[A:.*]] = tensor.expand_shape %{{.*}} : tensor<40x64xf16> into tensor<40x2x32xf16>
// CHECK:         %[[P:.*]] = br.contract ins(%[[A]], %{{.*}} : tensor<40x2x32xf16>, tensor<2x32x48xf16>) outs(%{{.*}} : tensor<2x40x48xf32>)
// CHECK-SAME:      schedule = #br.schedule<"D | m=a n=b k=c | block=32x32x16 warp=16x16 stages=2">
// CHECK:         linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (0, d0, d1)>, affine_map<(d0, d1) -> (1, d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>]
// CHECK-SAME:      ins(%[[P]], %[[P]], %{{.*}} : tensor<2x40x48xf32>, tensor<2x40x48xf32>, tensor<48xf16>) outs(%{{.*}} : tensor<40x48xf16>)
// CHECK:           %[[SUM:.*]] = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK:           %[[R:.*]] = arith.truncf %[[SUM]] : f32 to f16
// CHECK:           arith.addf %[[R]], %{{.*}} : f16
func.func @split(%a: tensor<40x64xf16>, %b: tensor<64x48xf16>, %c: tensor<40x48xf16>,
    %bias: tensor<48xf16>) -> tensor<40x48xf16> {
  %r = br.contract ins(%a, %b : tensor<40x64xf16>, tensor<64x48xf16>)
    outs(%c : tensor<40x48xf16>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>, affine_map<(m, n, k) -> (n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c | block=32x32x16 warp=16x16 stages=2 split=2">}
    epilogue(%bias : tensor<48xf16>) {
  ^bb0(%sum: f32, %x: f16):
    %0 = arith.truncf %sum : f32 to f16
    %1 = arith.addf %0, %x : f16
    br.yield %1 : f16
  } -> tensor<40x48xf16>
  func.return %r : tensor<40x48xf16>
}
}

// -----

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

module attributes {br.target = #br.target<"nvptx64-sm_80">} {
// CHECK: 'br.contract': expected split=3 to divide an iterator of the sum, one of 'c' (64)
func.func @uneven(%a: tensor<40x64xf16>, %b: tensor<64x48xf16>, %c: tensor<40x48xf16>)
    -> tensor<40x48xf16> {
  %r = br.contract ins(%a, %b : tensor<40x64xf16>, tensor<64x48xf16>)
    outs(%c : tensor<40x48xf16>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c | block=32x32x16 warp=16x16 stages=2 split=3">}
    -> tensor<40x48xf16>
  func.return %r : tensor<40x48xf16>
}
}
