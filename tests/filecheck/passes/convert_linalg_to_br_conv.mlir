// RUN: br-opt %s -p convert-linalg-to-br | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// A window is a strided view of the image: the stride sits between its rows, the taps
// are its batch. Packed weights, a bias of stride 0 between rows.
// CHECK-LABEL: @strided(
// CHECK: scf.parallel (%[[V5:\d+]], %[[V6:\d+]]) = (%[[V0:\d+]], %[[V0]]) to (%{{.*}}, %{{.*}}) step (%{{.*}}, %{{.*}}) {
// CHECK: %[[V7:\d+]] = arith.constant 168 : index
// CHECK: %[[V8:\d+]] = arith.muli %[[V6]], %[[V7]] : index
// CHECK: %[[V9:\d+]] = arith.constant 36 : index
// CHECK: %[[V10:\d+]] = arith.muli %[[V5]], %[[V9]] : index
// CHECK: %[[V11:\d+]] = arith.constant 320 : index
// CHECK: %{{.*}} = arith.muli %[[V6]], %[[V11]] : index
// CHECK: %[[V14:\d+]] = memref.reinterpret_cast %x to offset: [%[[V8]]], sizes: [3, 10, 12], strides: [84, 8, 1] : memref<1x21x21x4xf32> to memref<3x10x12xf32, strided<[84, 8, 1], offset: ?>>
// CHECK: %[[V15:\d+]] = memref.reinterpret_cast %w to offset: [%[[V10]]], sizes: [3, 12, 16], strides: [192, 16, 1] : memref<2x3x3x4x16xf32> to memref<3x12x16xf32, strided<[192, 16, 1], offset: ?>>
// CHECK: %[[V16:\d+]] = memref.reinterpret_cast %y to offset: [%{{.*}}], sizes: [10, 16], strides: [32, 1] : memref<1x10x10x32xf32> to memref<10x16xf32, strided<[32, 1], offset: ?>>
// CHECK: %[[V17:\d+]] = memref.reinterpret_cast %bias to offset: [%[[V5]]], sizes: [10, 16], strides: [0, 1] : memref<32xf32> to memref<10x16xf32, strided<[0, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V14]], %[[V15]] : memref<3x10x12xf32, strided<[84, 8, 1], offset: ?>>, memref<3x12x16xf32, strided<[192, 16, 1], offset: ?>>) outs(%[[V16]] : memref<10x16xf32, strided<[32, 1], offset: ?>>) {beta = 0.000000e+00 : f64, register_block = array<i64: 5, 2>} epilogue(%[[V17]] : memref<10x16xf32, strided<[0, 1], offset: ?>>) {
func.func @strided(%x: memref<1x21x21x4xf32>, %w: memref<2x3x3x4x16xf32>,
    %bias: memref<32xf32>, %y: memref<1x10x10x32xf32>) {
  br.contract ins(%x, %w : memref<1x21x21x4xf32>, memref<2x3x3x4x16xf32>)
    outs(%y : memref<1x10x10x32xf32>)
    {indexing_maps =
       [affine_map<(n, p, q, k, r, s, c) -> (n, p * 2 + r, q * 2 + s, c)>,
        affine_map<(n, p, q, k, r, s, c) -> (k floordiv 16, r, s, c, k mod 16)>,
        affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>,
        affine_map<(n, p, q, k, r, s, c) -> (k)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"D16 B | m=c n=d k=g batch=e,f | tile=5x2 | pack=b16">}
    epilogue(%bias : memref<32xf32>) {
  ^bb0(%acc: f32, %b: f32):
    %s = arith.addf %acc, %b : f32
    br.yield %s : f32
  }
  func.return
}

// 1x1: the image rows lie end to end, so do taps and channels; no batch is left.
// CHECK-LABEL: @pointwise(
// CHECK: scf.for %[[V3:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 40 : index
// CHECK: %[[V5:\d+]] = arith.muli %[[V3]], %[[V4]] : index
// CHECK: %[[V6:\d+]] = arith.constant 160 : index
// CHECK: %[[V7:\d+]] = arith.muli %[[V3]], %[[V6]] : index
// CHECK: %[[V8:\d+]] = memref.reinterpret_cast %x to offset: [%[[V5]]], sizes: [10, 4], strides: [4, 1] : memref<1x10x10x4xf32> to memref<10x4xf32, strided<[4, 1], offset: ?>>
// CHECK: %[[V9:\d+]] = memref.reinterpret_cast %w to offset: [0], sizes: [4, 16], strides: [16, 1] : memref<1x1x4x16xf32> to memref<4x16xf32, strided<[16, 1]>>
// CHECK: %[[V10:\d+]] = memref.reinterpret_cast %y to offset: [%[[V7]]], sizes: [10, 16], strides: [16, 1] : memref<1x10x10x16xf32> to memref<10x16xf32, strided<[16, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V8]], %[[V9]] : memref<10x4xf32, strided<[4, 1], offset: ?>>, memref<4x16xf32, strided<[16, 1]>>) outs(%[[V10]] : memref<10x16xf32, strided<[16, 1], offset: ?>>)
func.func @pointwise(%x: memref<1x10x10x4xf32>, %w: memref<1x1x4x16xf32>,
    %y: memref<1x10x10x16xf32>) {
  br.contract ins(%x, %w : memref<1x10x10x4xf32>, memref<1x1x4x16xf32>)
    outs(%y : memref<1x10x10x16xf32>)
    {indexing_maps = [affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>,
                      affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>,
                      affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction],
     schedule = #br.schedule<"b | m=c n=d k=g batch=e,f">}
  func.return
}

// Stride 1: the taps of a row and its channels lie end to end in image and weights, so
// they are one k of 12 and the batch is the 3 rows.
// CHECK-LABEL: @merged(
// CHECK: scf.for %[[V3:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[V4:\d+]] = arith.constant 48 : index
// CHECK: %[[V5:\d+]] = arith.muli %[[V3]], %[[V4]] : index
// CHECK: %[[V6:\d+]] = arith.constant 160 : index
// CHECK: %[[V7:\d+]] = arith.muli %[[V3]], %[[V6]] : index
// CHECK: %[[V8:\d+]] = memref.reinterpret_cast %x to offset: [%[[V5]]], sizes: [3, 10, 12], strides: [48, 4, 1] : memref<1x12x12x4xf32> to memref<3x10x12xf32, strided<[48, 4, 1], offset: ?>>
// CHECK: %[[V9:\d+]] = memref.reinterpret_cast %w to offset: [0], sizes: [3, 12, 16], strides: [192, 16, 1] : memref<3x3x4x16xf32> to memref<3x12x16xf32, strided<[192, 16, 1]>>
// CHECK: %[[V10:\d+]] = memref.reinterpret_cast %y to offset: [%[[V7]]], sizes: [10, 16], strides: [16, 1] : memref<1x10x10x16xf32> to memref<10x16xf32, strided<[16, 1], offset: ?>>
// CHECK: br.batch_reduce_gemm ins(%[[V8]], %[[V9]] : memref<3x10x12xf32, strided<[48, 4, 1], offset: ?>>, memref<3x12x16xf32, strided<[192, 16, 1]>>) outs(%[[V10]] : memref<10x16xf32, strided<[16, 1], offset: ?>>)
func.func @merged(%x: memref<1x12x12x4xf32>, %w: memref<3x3x4x16xf32>,
    %y: memref<1x10x10x16xf32>) {
  br.contract ins(%x, %w : memref<1x12x12x4xf32>, memref<3x3x4x16xf32>)
    outs(%y : memref<1x10x10x16xf32>)
    {indexing_maps = [affine_map<(n, p, q, k, r, s, c) -> (n, p + r, q + s, c)>,
                      affine_map<(n, p, q, k, r, s, c) -> (r, s, c, k)>,
                      affine_map<(n, p, q, k, r, s, c) -> (n, p, q, k)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel, #reduction,
                       #reduction, #reduction],
     schedule = #br.schedule<"b | m=c n=d k=g batch=e,f">}
  func.return
}
