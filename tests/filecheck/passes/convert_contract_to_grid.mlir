// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},convert-contract-to-grid' | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// A product: 2 x 2 blocks of 4 warps; 4 stages of (64 + 32) x 16 elements.
// CHECK-LABEL: @product(
// CHECK-SAME: attributes {br.grid = 4 : i64, br.threads = 128 : i64, br.shared = 24576 : i64}
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<70x40xf32, strided<[40, 1]>>, memref<40x52xf32, strided<[52, 1]>>) outs(%{{.*}} : memref<70x52xf32, strided<[52, 1]>>) {beta = 0.000000e+00 : f64, tile = #br.tile<"block=64x32x16 warp=32x16 stages=4">}
func.func private @product(%a: memref<70x40xf32>, %b: memref<40x52xf32>,
                           %c: memref<70x52xf32>) {
  br.contract ins(%a, %b : memref<70x40xf32>, memref<40x52xf32>)
    outs(%c : memref<70x52xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c | block=64x32x16 warp=32x16 stages=4">}
  func.return
}

// A convolution: lines and pixels are rows, the lines of the window the batch; the taps
// of a line and the channels lie side by side, so they are k.
// CHECK-LABEL: @convolution(
// CHECK-SAME: br.grid = 4 : i64
// CHECK: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<3x2x7x5x48xf32, strided<[112, 1008, 112, 16, 1]>>, memref<3x48x40xf32, strided<[1920, 40, 1]>>) outs(%{{.*}} : memref<2x7x5x40xf32, strided<[1400, 200, 40, 1]>>)
func.func private @convolution(%a: memref<2x9x7x16xf32>, %b: memref<3x3x16x40xf32>,
                               %c: memref<2x7x5x40xf32>) {
  br.contract ins(%a, %b : memref<2x9x7x16xf32>, memref<3x3x16x40xf32>)
    outs(%c : memref<2x7x5x40xf32>)
    {indexing_maps = [affine_map<(n, h, w, f, r, s, c) -> (n, h + r, w + s, c)>,
                      affine_map<(n, h, w, f, r, s, c) -> (r, s, c, f)>,
                      affine_map<(n, h, w, f, r, s, c) -> (n, h, w, f)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel,
                       #reduction, #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=c n=d k=g rows=a,b batch=e,f | block=64x32x16 warp=32x16 stages=4">}
  func.return
}

// A batch is blocks of its own, each with views of its own matrices.
// CHECK-LABEL: @batch(
// CHECK-SAME: br.grid = 3 : i64
// CHECK: %[[B:.*]] = br.block_id
// CHECK: %[[X:.*]] = memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [3, 30, 17], strides: [510, 17, 1]
// CHECK: memref.subview %[[X]][%[[B]], 0, 0] [1, 30, 17] [1, 1, 1] : {{.*}} to memref<30x17xf32, strided<[17, 1], offset: ?>>
// CHECK: memref.assume_alignment %{{.*}}, 8
func.func private @batch(%a: memref<3x30x17xf32>, %b: memref<3x17x20xf32>,
                         %c: memref<3x30x20xf32>) {
  br.contract ins(%a, %b : memref<3x30x17xf32>, memref<3x17x20xf32>)
    outs(%c : memref<3x30x20xf32>)
    {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>,
                      affine_map<(b, m, n, k) -> (b, k, n)>,
                      affine_map<(b, m, n, k) -> (b, m, n)>],
     iterator_types = [#parallel, #parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"A | m=b n=c k=d | block=32x32x16 warp=16x16 stages=2">}
  func.return
}

// Without block=, a thread for each element: 4 x 6 of them.
// CHECK-LABEL: @threads(
// CHECK-SAME: attributes {br.grid = 1 : i64, br.threads = 256 : i64, br.shared = 0 : i64}
// CHECK: scf.if
// CHECK: scf.for
// CHECK: arith.mulf %{{.*}} : f64
// CHECK-NOT: br.batch_reduce_gemm
func.func private @threads(%a: memref<4x5xf64>, %b: memref<5x6xf64>,
                           %c: memref<4x6xf64>) {
  br.contract ins(%a, %b : memref<4x5xf64>, memref<5x6xf64>) outs(%c : memref<4x6xf64>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"| m=a n=b k=c">}
  func.return
}

// A map that leads out of a reads zeros there: no lines or pixels are merged that an
// edge separates, and element 0 of the view is 8 before the first pixel of a line.
// CHECK-LABEL: @padding(
// CHECK: br.padded_view %{{.*}} {starts = array<i64: -1, -1>, steps = array<i64: 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0>, sizes = array<i64: 5, 7>, shift = -64 : i64} : memref<560xf32, strided<[1]>> to memref<3x3x2x5x7x8xf32, strided<[56, 8, 280, 56, 8, 1]>>
func.func private @padding(%a: memref<2x5x7x8xf32>, %b: memref<3x3x8x40xf32>,
                           %c: memref<2x5x7x40xf32>) {
  br.contract ins(%a, %b : memref<2x5x7x8xf32>, memref<3x3x8x40xf32>)
    outs(%c : memref<2x5x7x40xf32>)
    {indexing_maps = [affine_map<(n, h, w, f, r, s, c) -> (n, h + r - 1, w + s - 1, c)>,
                      affine_map<(n, h, w, f, r, s, c) -> (r, s, c, f)>,
                      affine_map<(n, h, w, f, r, s, c) -> (n, h, w, f)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel,
                       #reduction, #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=c n=d k=g rows=a,b batch=e,f | block=64x32x16 warp=32x16 stages=4">}
  func.return
}

// The same of a thread for each element: it reads element 0 instead, and takes a 0.
// CHECK-LABEL: @padded_threads(
// CHECK: scf.for
// CHECK: %[[IN:.*]] = arith.cmpi ult, %{{.*}}, %{{.*}} : index
// CHECK: %[[AT:.*]] = arith.select %[[IN]], {{.*}} : index
// CHECK: %[[X:.*]] = memref.load %{{.*}}[%[[AT]]]
// CHECK: arith.select %[[IN]], %[[X]], %{{.*}} : f64
func.func private @padded_threads(%a: memref<5xf64>, %b: memref<3x2xf64>,
                                  %c: memref<5x2xf64>) {
  br.contract ins(%a, %b : memref<5xf64>, memref<3x2xf64>) outs(%c : memref<5x2xf64>)
    {indexing_maps = [affine_map<(m, n, k) -> (m + k - 1)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c">}
  func.return
}
