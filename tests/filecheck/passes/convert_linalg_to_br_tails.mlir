// RUN: br-opt %s -p convert-linalg-to-br | filecheck %s

// Sizes that do not divide: a smaller call at the end, so that every kernel is static.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK-LABEL: @rows(
// CHECK: %[[V0:\d+]] = arith.constant 0 : index
// CHECK: scf.for %[[V3:\d+]] = %[[V0]] to %{{.*}} step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 12 : index
// CHECK: %[[V5:\d+]] = arith.cmpi uge, %[[V3]], %[[V4]] : index
// CHECK: scf.if %[[V5]] {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<2x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1]>>) outs(%{{.*}} : memref<2x16xf32, strided<[16, 1], offset: ?>>)
// CHECK: } else {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1]>>) outs(%{{.*}} : memref<6x16xf32, strided<[16, 1], offset: ?>>)
func.func @rows(%a: memref<14x8xf32>, %b: memref<8x16xf32>, %c: memref<14x16xf32>) {
  br.contract ins(%a, %b : memref<14x8xf32>, memref<8x16xf32>)
    outs(%c : memref<14x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a6 | m=a n=b k=c">}
  func.return
}

// Rows and columns: two by two calls.
// CHECK-LABEL: @both(
// CHECK: %[[V0:\d+]] = arith.constant 0 : index
// CHECK: scf.for %[[V3:\d+]] = %[[V0]] to %{{.*}} step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 0 : index
// CHECK: scf.for %[[V7:\d+]] = %[[V4]] to %{{.*}} step %{{.*}} {
// CHECK: %[[V8:\d+]] = arith.constant 12 : index
// CHECK: %[[V9:\d+]] = arith.cmpi uge, %[[V3]], %[[V8]] : index
// CHECK: %[[V10:\d+]] = arith.constant 32 : index
// CHECK: %[[V11:\d+]] = arith.cmpi uge, %[[V7]], %[[V10]] : index
// CHECK: scf.if %[[V9]] {
// CHECK: scf.if %[[V11]] {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<2x8xf32, strided<[8, 1], offset: ?>>, memref<8x8xf32, strided<[40, 1], offset: ?>>) outs(%{{.*}} : memref<2x8xf32, strided<[40, 1], offset: ?>>)
// CHECK: } else {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<2x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[40, 1], offset: ?>>) outs(%{{.*}} : memref<2x16xf32, strided<[40, 1], offset: ?>>)
// CHECK: } else {
// CHECK: scf.if %[[V11]] {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x8xf32, strided<[40, 1], offset: ?>>) outs(%{{.*}} : memref<6x8xf32, strided<[40, 1], offset: ?>>)
// CHECK: } else {
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[40, 1], offset: ?>>) outs(%{{.*}} : memref<6x16xf32, strided<[40, 1], offset: ?>>)
func.func @both(%a: memref<14x8xf32>, %b: memref<8x40xf32>, %c: memref<14x40xf32>) {
  br.contract ins(%a, %b : memref<14x8xf32>, memref<8x40xf32>)
    outs(%c : memref<14x40xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a6 b16 | m=a n=b k=c">}
  func.return
}
