// RUN: br-opt %s -p generalise-linalg,normalise-contractions,choose-schedule | filecheck %s

// The analytic default, for AVX-512: vectors are twice as wide, and registers twice as many.
module attributes {br.target = #br.target<"x86-64-v4">} {

// A long sum is blocked, so that a panel of B takes an eighth of the L2 at most.
// CHECK-LABEL: @matmul(
// CHECK: schedule = #br.schedule<"A256 c512 b64 | m=a n=b k=c | tile=6x4 | pack=b64 | prefetch=b">
func.func @matmul(%a: tensor<1024x1024xf32>, %b: tensor<1024x1024xf32>,
    %c: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1024x1024xf32>, tensor<1024x1024xf32>)
    outs(%c : tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  func.return %r : tensor<1024x1024xf32>
}

// A small one is a single call.
// CHECK-LABEL: @small(
// CHECK: schedule = #br.schedule<" | m=a n=b k=c | tile=6x1">
func.func @small(%a: tensor<6x4xf32>, %b: tensor<4x16xf32>, %c: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x16xf32>)
    outs(%c : tensor<6x16xf32>) -> tensor<6x16xf32>
  func.return %r : tensor<6x16xf32>
}

// Few rows take more vectors, to hide the latency of the FMA; one row reads B as it lies.
// CHECK-LABEL: @one_row(
// CHECK: schedule = #br.schedule<"c8 b128 | m=a n=b k=c | tile=1x8">
func.func @one_row(%a: tensor<1x256xf32>, %b: tensor<256x256xf32>,
    %c: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1x256xf32>, tensor<256x256xf32>)
    outs(%c : tensor<1x256xf32>) -> tensor<1x256xf32>
  func.return %r : tensor<1x256xf32>
}

// Pixels of a row are m, channels n and k, the taps are the batch.
// CHECK-LABEL: @conv(
// CHECK: schedule = #br.schedule<"B | m=c n=d k=g batch=e,f | tile=6x4">
func.func @conv(%x: tensor<1x30x30x64xf32>, %w: tensor<3x3x64x64xf32>,
    %y: tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x30x30x64xf32>, tensor<3x3x64x64xf32>)
    outs(%y : tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32>
  func.return %r : tensor<1x28x28x64xf32>
}

// Weights that outgrow the L2 come by once, panel by panel, if all of A stays there ...
// CHECK-LABEL: @all_rows_stay(
// CHECK: schedule = #br.schedule<"B64 | m=a n=b k=c | tile=6x4 | pack=b64 | prefetch=b">
func.func @all_rows_stay(%a: tensor<192x512xf32>, %b: tensor<512x1024xf32>,
    %c: tensor<192x1024xf32>) -> tensor<192x1024xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<192x512xf32>, tensor<512x1024xf32>)
    outs(%c : tensor<192x1024xf32>) -> tensor<192x1024xf32>
  func.return %r : tensor<192x1024xf32>
}

// ... and otherwise for each block of rows that does.
// CHECK-LABEL: @blocks_of_rows_stay(
// CHECK: schedule = #br.schedule<"A256 B64 | m=a n=b k=c | tile=6x4 | pack=b64 | prefetch=b">
func.func @blocks_of_rows_stay(%a: tensor<768x512xf32>, %b: tensor<512x1024xf32>,
    %c: tensor<768x1024xf32>) -> tensor<768x1024xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<768x512xf32>, tensor<512x1024xf32>)
    outs(%c : tensor<768x1024xf32>) -> tensor<768x1024xf32>
  func.return %r : tensor<768x1024xf32>
}

// Or the sum is taken in parts, where what comes by again is a small C.
// CHECK-LABEL: @parts_of_the_sum_stay(
// CHECK: schedule = #br.schedule<"c512 B64 | m=a n=b k=c | tile=6x4 | pack=b64 | prefetch=b">
func.func @parts_of_the_sum_stay(%a: tensor<250x1024xf32>, %b: tensor<1024x2048xf32>,
    %c: tensor<250x2048xf32>) -> tensor<250x2048xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<250x1024xf32>, tensor<1024x2048xf32>)
    outs(%c : tensor<250x2048xf32>) -> tensor<250x2048xf32>
  func.return %r : tensor<250x2048xf32>
}

// Eight images take the weights by turns, the lines of pixels of each one inside.
// CHECK-LABEL: @images_stay(
// CHECK: schedule = #br.schedule<"A D64 B | m=c n=d k=g batch=e,f | tile=5x4 | pack=b64 | prefetch=b">
func.func @images_stay(%x: tensor<8x28x28x512xf32>, %w: tensor<1x1x512x1024xf32>,
    %y: tensor<8x14x14x1024xf32>) -> tensor<8x14x14x1024xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<8x28x28x512xf32>, tensor<1x1x512x1024xf32>)
      outs(%y : tensor<8x14x14x1024xf32>) -> tensor<8x14x14x1024xf32>
  func.return %r : tensor<8x14x14x1024xf32>
}

// 8 rows (pixels of 8 images) are one tile: as 4 and 4 they would take each panel from
// the L2 twice, as fast as it can at best.
// CHECK-LABEL: @eight_images(
// CHECK: schedule = #br.schedule<"D32 B C | m=a n=d k=g batch=e,f | tile=8x2 | pack=b32 | prefetch=b">
func.func @eight_images(%x: tensor<8x9x9x256xf32>, %w: tensor<3x3x256x256xf32>,
    %y: tensor<8x7x7x256xf32>) -> tensor<8x7x7x256xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<8x9x9x256xf32>, tensor<3x3x256x256xf32>)
    outs(%y : tensor<8x7x7x256xf32>) -> tensor<8x7x7x256xf32>
  func.return %r : tensor<8x7x7x256xf32>
}
}
