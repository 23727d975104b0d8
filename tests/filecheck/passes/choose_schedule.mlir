// RUN: br-opt %s -p generalise-linalg,normalise-contractions,choose-schedule | filecheck %s

// The analytic default, for one thread of x86-64-v3: 32 KiB of L1, 256 KiB of L2.
module attributes {br.target = #br.target<"x86-64-v3">} {

// A long sum is blocked, so that a panel of B takes an eighth of the L2 at most.
// CHECK-LABEL: @matmul(
// CHECK: schedule = #br.schedule<"A64 c512 b16 | m=a n=b k=c | tile=6x2 | pack=b16 | prefetch=b">
func.func @matmul(%a: tensor<1024x1024xf32>, %b: tensor<1024x1024xf32>,
    %c: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1024x1024xf32>, tensor<1024x1024xf32>)
    outs(%c : tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  func.return %r : tensor<1024x1024xf32>
}

// A small one is a single call.
// CHECK-LABEL: @small(
// CHECK: schedule = #br.schedule<" | m=a n=b k=c | tile=6x2">
func.func @small(%a: tensor<6x4xf32>, %b: tensor<4x16xf32>, %c: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x16xf32>)
    outs(%c : tensor<6x16xf32>) -> tensor<6x16xf32>
  func.return %r : tensor<6x16xf32>
}

// Few rows take more vectors, to hide the latency of the FMA; one row reads B as it lies.
// CHECK-LABEL: @one_row(
// CHECK: schedule = #br.schedule<"c8 b64 | m=a n=b k=c | tile=1x8">
func.func @one_row(%a: tensor<1x256xf32>, %b: tensor<256x256xf32>,
    %c: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1x256xf32>, tensor<256x256xf32>)
    outs(%c : tensor<1x256xf32>) -> tensor<1x256xf32>
  func.return %r : tensor<1x256xf32>
}

// Pixels of a row are m, channels n and k, the taps are the batch.
// CHECK-LABEL: @conv(
// CHECK: schedule = #br.schedule<"D16 B | m=c n=d k=g batch=e,f | tile=6x2 | pack=b16 | prefetch=b">
func.func @conv(%x: tensor<1x30x30x64xf32>, %w: tensor<3x3x64x64xf32>,
    %y: tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x30x30x64xf32>, tensor<3x3x64x64xf32>)
    outs(%y : tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32>
  func.return %r : tensor<1x28x28x64xf32>
}

// f64: half as many columns to a vector.
// CHECK-LABEL: @doubles(
// CHECK: schedule = #br.schedule<"b8 | m=a n=b k=c | tile=6x2">
func.func @doubles(%a: tensor<64x64xf64>, %b: tensor<64x64xf64>, %c: tensor<64x64xf64>)
    -> tensor<64x64xf64> {
  %r = linalg.matmul ins(%a, %b : tensor<64x64xf64>, tensor<64x64xf64>)
    outs(%c : tensor<64x64xf64>) -> tensor<64x64xf64>
  func.return %r : tensor<64x64xf64>
}
// One row, and columns in two dimensions that B keeps apart: one of them is a loop.
// CHECK-LABEL: @one_row_twice(
// CHECK: schedule = #br.schedule<"A c8 | n=b k=c | tile=1x5">
func.func @one_row_twice(%a: tensor<20xf32>, %b: tensor<3x20x40xf32>,
    %c: tensor<3x40xf32>) -> tensor<3x40xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (k)>,
                                        affine_map<(i, j, k) -> (i, k, j)>,
                                        affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<20xf32>, tensor<3x20x40xf32>) outs(%c : tensor<3x40xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x40xf32>
  func.return %r : tensor<3x40xf32>
}

}
