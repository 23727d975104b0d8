// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#bias = affine_map<(m, n, k) -> (n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK-LABEL: @on_tensors
// CHECK: %[[R:.*]] = br.contract ins(%{{.*}}, %{{.*}} : tensor<6x4xf32>, tensor<4x8xf32>) outs(%{{.*}} : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>]} -> tensor<6x8xf32>
// CHECK-NEXT: return %[[R]]
func.func @on_tensors(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<6x8xf32>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel, #reduction]}
    -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// CHECK-LABEL: @with_all
// CHECK: br.contract ins({{.*}} : memref<6x4xf32>, memref<1x4x16xf32>) outs({{.*}} : memref<6x8xf32>)
// CHECK-SAME: affine_map<(d0, d1, d2) -> ((d1 floordiv 16), d2, (d1 mod 16))>
// CHECK-SAME: affine_map<(d0, d1, d2) -> (d1)>
// CHECK-SAME: beta = 0.000000e+00 : f64
// CHECK-SAME: schedule = #br.schedule<"A b16 | m=a n=b k=c | tile=6x1 | pack=b16">} epilogue({{.*}} : memref<8xf32>) {
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32):
// CHECK: br.yield
func.func @with_all(%a: memref<6x4xf32>, %b: memref<1x4x16xf32>, %c: memref<6x8xf32>,
    %e: memref<8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<1x4x16xf32>)
    outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c,
                      #bias],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"A b16 | m=a n=b k=c | tile=6x1 | pack=b16">}
    epilogue(%e : memref<8xf32>) {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    br.yield %s : f32
  }
  func.return
}
