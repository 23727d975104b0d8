// RUN: br-opt %s -p convert-linalg-to-br | filecheck %s

// A sum that is split over a loop starts from beta in its first step and applies the
// epilogue in its last.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// beta = 0 in the first step, 1 after it.
// CHECK-LABEL: @first(
// CHECK: %[[V0:\d+]] = arith.constant 0 : index
// CHECK: %[[V1:\d+]] = arith.constant 32 : index
// CHECK: scf.for %[[V3:\d+]] = %[[V0]] to %[[V1]] step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 0 : index
// CHECK: %[[V5:\d+]] = arith.cmpi eq, %[[V3]], %[[V4]] : index
// CHECK: scf.if %[[V5]] {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[32, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1]>>) {beta = 0.000000e+00 : f64}
// CHECK: } else {
// CHECK-NOT: beta
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[32, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1]>>)
func.func @first(%a: memref<6x32xf32>, %b: memref<32x16xf32>, %c: memref<6x16xf32>) {
  br.contract ins(%a, %b : memref<6x32xf32>, memref<32x16xf32>)
    outs(%c : memref<6x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"c8 | m=a n=b k=c">}
  func.return
}

// Onto what was there every step is alike.
// CHECK-LABEL: @onto(
// CHECK: %[[V0:\d+]] = arith.constant 0 : index
// CHECK: %[[V1:\d+]] = arith.constant 32 : index
// CHECK: scf.for %{{.*}} = %[[V0]] to %[[V1]] step %{{.*}} {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[32, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1]>>)
func.func @onto(%a: memref<6x32xf32>, %b: memref<32x16xf32>, %c: memref<6x16xf32>) {
  br.contract ins(%a, %b : memref<6x32xf32>, memref<32x16xf32>)
    outs(%c : memref<6x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"c8 | m=a n=b k=c">}
  func.return
}

// CHECK-LABEL: @epilogue(
// CHECK: %[[V0:\d+]] = arith.constant 0 : index
// CHECK: %[[V1:\d+]] = arith.constant 32 : index
// CHECK: scf.for %[[V3:\d+]] = %[[V0]] to %[[V1]] step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 24 : index
// CHECK: %[[V5:\d+]] = arith.cmpi uge, %[[V3]], %[[V4]] : index
// CHECK: scf.if %[[V5]] {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[32, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1]>>) epilogue(%{{.*}} : memref<6x16xf32, strided<[0, 1]>>) {
// CHECK: } else {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[32, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1]>>)
// CHECK-NEXT: }
func.func @epilogue(%a: memref<6x32xf32>, %b: memref<32x16xf32>, %c: memref<6x16xf32>,
    %bias: memref<16xf32>) {
  br.contract ins(%a, %b : memref<6x32xf32>, memref<32x16xf32>)
    outs(%c : memref<6x16xf32>)
    {indexing_maps = [#mk, #kn, #mn, affine_map<(m, n, k) -> (n)>],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"c8 | m=a n=b k=c">} epilogue(%bias : memref<16xf32>) {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    br.yield %s : f32
  }
  func.return
}
