// RUN: br-opt %s -p convert-linalg-to-br | filecheck %s

// Every letter of the schedule is a loop, from the outside in.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// No loops: one call on the whole operands.
// CHECK-LABEL: @one_call(
// CHECK: %[[V0:\d+]] = memref.reinterpret_cast %a to offset: [0], sizes: [12, 8], strides: [8, 1] : memref<12x8xf32> to memref<12x8xf32, strided<[8, 1]>>
// CHECK: %[[V1:\d+]] = memref.reinterpret_cast %b to offset: [0], sizes: [8, 16], strides: [16, 1] : memref<8x16xf32> to memref<8x16xf32, strided<[16, 1]>>
// CHECK: %[[V2:\d+]] = memref.reinterpret_cast %c to offset: [0], sizes: [12, 16], strides: [16, 1] : memref<12x16xf32> to memref<12x16xf32, strided<[16, 1]>>
// CHECK: br.batch_reduce_gemm ins(%[[V0]], %[[V1]] : memref<12x8xf32, strided<[8, 1]>>, memref<8x16xf32, strided<[16, 1]>>) outs(%[[V2]] : memref<12x16xf32, strided<[16, 1]>>) {register_block = array<i64: 6, 2>}
func.func @one_call(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"| m=a n=b k=c | tile=6x2">}
  func.return
}

// Small letters are scf.for; the views begin where the loops are.
// CHECK-LABEL: @loops(
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: scf.for %[[V7:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[V13:\d+]] = memref.reinterpret_cast %a to offset: [%{{.*}}], sizes: [6, 8], strides: [8, 1] : memref<12x8xf32> to memref<6x8xf32, strided<[8, 1], offset: ?>>
// CHECK: %[[V14:\d+]] = memref.reinterpret_cast %b to offset: [%[[V7]]], sizes: [8, 16], strides: [32, 1] : memref<8x32xf32> to memref<8x16xf32, strided<[32, 1], offset: ?>>
// CHECK: %[[V15:\d+]] = memref.reinterpret_cast %c to offset: [%{{.*}}], sizes: [6, 16], strides: [32, 1] : memref<12x32xf32> to memref<6x16xf32, strided<[32, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V13]], %[[V14]] : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[32, 1], offset: ?>>) outs(%[[V15]] : memref<6x16xf32, strided<[32, 1], offset: ?>>)
func.func @loops(%a: memref<12x8xf32>, %b: memref<8x32xf32>, %c: memref<12x32xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x32xf32>)
    outs(%c : memref<12x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a6 b16 | m=a n=b k=c">}
  func.return
}

// Capitals that follow one another are one parallel loop.
// CHECK-LABEL: @parallel(
// CHECK: scf.parallel (%{{.*}}, %[[V6:\d+]]) = (%[[V0:\d+]], %[[V0]]) to (%{{.*}}, %{{.*}}) step (%{{.*}}, %{{.*}}) {
// CHECK: %[[V12:\d+]] = memref.reinterpret_cast %a to offset: [%{{.*}}], sizes: [6, 8], strides: [8, 1] : memref<12x8xf32> to memref<6x8xf32, strided<[8, 1], offset: ?>>
// CHECK: %[[V13:\d+]] = memref.reinterpret_cast %b to offset: [%[[V6]]], sizes: [8, 16], strides: [32, 1] : memref<8x32xf32> to memref<8x16xf32, strided<[32, 1], offset: ?>>
// CHECK: %[[V14:\d+]] = memref.reinterpret_cast %c to offset: [%{{.*}}], sizes: [6, 16], strides: [32, 1] : memref<12x32xf32> to memref<6x16xf32, strided<[32, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V12]], %[[V13]] : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[32, 1], offset: ?>>) outs(%[[V14]] : memref<6x16xf32, strided<[32, 1], offset: ?>>)
func.func @parallel(%a: memref<12x8xf32>, %b: memref<8x32xf32>, %c: memref<12x32xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x32xf32>)
    outs(%c : memref<12x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"A6 B16 | m=a n=b k=c">}
  func.return
}

// A letter may stand again with a smaller step: blocks of blocks.
// CHECK-LABEL: @twice(
// CHECK: scf.parallel (%{{.*}}) = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) {
// CHECK: scf.for %[[V7:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[V18:\d+]] = memref.reinterpret_cast %a to offset: [%{{.*}}], sizes: [6, 8], strides: [8, 1] : memref<24x8xf32> to memref<6x8xf32, strided<[8, 1], offset: ?>>
// CHECK: %[[V19:\d+]] = memref.reinterpret_cast %b to offset: [%[[V7]]], sizes: [8, 16], strides: [32, 1] : memref<8x32xf32> to memref<8x16xf32, strided<[32, 1], offset: ?>>
// CHECK: %[[V20:\d+]] = memref.reinterpret_cast %c to offset: [%{{.*}}], sizes: [6, 16], strides: [32, 1] : memref<24x32xf32> to memref<6x16xf32, strided<[32, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V18]], %[[V19]] : memref<6x8xf32, strided<[8, 1], offset: ?>>, memref<8x16xf32, strided<[32, 1], offset: ?>>) outs(%[[V20]] : memref<6x16xf32, strided<[32, 1], offset: ?>>)
func.func @twice(%a: memref<24x8xf32>, %b: memref<8x32xf32>, %c: memref<24x32xf32>) {
  br.contract ins(%a, %b : memref<24x8xf32>, memref<8x32xf32>)
    outs(%c : memref<24x32xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"A12 b16 a6 | m=a n=b k=c">}
  func.return
}

// A loop over an iterator that is not in the call.
// CHECK-LABEL: @row_by_row(
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[V8:\d+]] = memref.reinterpret_cast %a to offset: [%{{.*}}], sizes: [1, 8], strides: [1, 1] : memref<4x8xf32> to memref<1x8xf32, strided<[1, 1], offset: ?>>
// CHECK: %[[V9:\d+]] = memref.reinterpret_cast %b to offset: [0], sizes: [8, 16], strides: [16, 1] : memref<8x16xf32> to memref<8x16xf32, strided<[16, 1]>>
// CHECK: %[[V10:\d+]] = memref.reinterpret_cast %c to offset: [%{{.*}}], sizes: [1, 16], strides: [1, 1] : memref<4x16xf32> to memref<1x16xf32, strided<[1, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V8]], %[[V9]] : memref<1x8xf32, strided<[1, 1], offset: ?>>, memref<8x16xf32, strided<[16, 1]>>) outs(%[[V10]] : memref<1x16xf32, strided<[1, 1], offset: ?>>)
func.func @row_by_row(%a: memref<4x8xf32>, %b: memref<8x16xf32>, %c: memref<4x16xf32>) {
  br.contract ins(%a, %b : memref<4x8xf32>, memref<8x16xf32>)
    outs(%c : memref<4x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a | n=b k=c">}
  func.return
}
