// RUN: br-opt %s -p generalise-linalg,normalise-contractions,choose-schedule | filecheck %s

// With threads, rows are dealt out in blocks that the team can share evenly.
module attributes {br.target = #br.target<"x86-64-v3", threads = 4>} {

// CHECK-LABEL: @matmul(
// CHECK: schedule = #br.schedule<"A24 | m=a n=b k=c | tile=6x2">
func.func @matmul(%a: tensor<96x128xf32>, %b: tensor<128x16xf32>, %c: tensor<96x16xf32>)
    -> tensor<96x16xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<96x128xf32>, tensor<128x16xf32>)
    outs(%c : tensor<96x16xf32>) -> tensor<96x16xf32>
  func.return %r : tensor<96x16xf32>
}

// Images and rows of pixels are loops already: capitals run in parallel.
// CHECK-LABEL: @conv(
// CHECK: schedule = #br.schedule<"A B | m=c n=d k=g batch=e,f | tile=6x2">
func.func @conv(%x: tensor<2x30x30x16xf32>, %w: tensor<3x3x16x16xf32>,
    %y: tensor<2x28x28x16xf32>) -> tensor<2x28x28x16xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<2x30x30x16xf32>, tensor<3x3x16x16xf32>)
    outs(%y : tensor<2x28x28x16xf32>) -> tensor<2x28x28x16xf32>
  func.return %r : tensor<2x28x28x16xf32>
}

// A row times a matrix: a strip of columns for each thread.
// CHECK-LABEL: @one_row(
// CHECK: schedule = #br.schedule<"B128 c8 b64 | m=a n=b k=c | tile=1x8">
func.func @one_row(%a: tensor<1x512xf32>, %b: tensor<512x500xf32>, %c: tensor<1x500xf32>)
    -> tensor<1x500xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1x512xf32>, tensor<512x500xf32>)
    outs(%c : tensor<1x500xf32>) -> tensor<1x500xf32>
  func.return %r : tensor<1x500xf32>
}

// A team would cost more than it saves.
// CHECK-LABEL: @one_row_small(
// CHECK: schedule = #br.schedule<"b64 c8 | m=a n=b k=c | tile=1x8">
func.func @one_row_small(%a: tensor<1x64xf32>, %b: tensor<64x256xf32>,
    %c: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<1x64xf32>, tensor<64x256xf32>)
    outs(%c : tensor<1x256xf32>) -> tensor<1x256xf32>
  func.return %r : tensor<1x256xf32>
}
}
