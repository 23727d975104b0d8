// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues | filecheck %s
// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,coalesce-contractions,choose-schedule,pack-operands,hoist-load-time,bufferize,convert-linalg-to-br | filecheck %s --check-prefix=LOOPS

// A depthwise convolution is a contraction too. Its channels, which a, b and c all have,
// are the columns; its images have channels last, and its bias and ReLU are an epilogue.

#image = affine_map<(n, c, p, q) -> (n, c, p, q)>
#channel = affine_map<(n, c, p, q) -> (c)>

module attributes {br.target = #br.target<"x86-64-v3">} {

// CHECK-LABEL: @channels_first
// CHECK: br.contract ins(%{{.*}}, %w : {{.*}}, tensor<32x3x3xf32>) outs(%{{.*}} : tensor<1x8x8x32xf32>) {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, (d2 + d4), (d3 + d5), d1)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d4, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d2, d3, d1)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d1)>]{{.*}} epilogue(%b : tensor<32xf32>) {
// LOOPS-LABEL: @channels_first
// LOOPS: %[[A:.*]] = memref.reinterpret_cast %{{.*}} to memref<3x8x3x16xf32, strided<[320, 32, 32, 1]
// LOOPS: br.batch_reduce_gemm ins(%[[A]], %{{.*}} : memref<3x8x3x16xf32, {{.*}}>, memref<3x3x16xf32, {{.*}}>) outs(%{{.*}} : memref<8x16xf32, {{.*}}>)
func.func @channels_first(%x: tensor<1x32x10x10xf32>,
    %w: tensor<32x3x3xf32> {br.bound = 1 : i64}, %b: tensor<32xf32> {br.bound = 2 : i64})
    -> tensor<1x32x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x32x8x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x32x8x8xf32>)
    -> tensor<1x32x8x8xf32>
  %0 = linalg.depthwise_conv_2d_nchw_chw
    {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x32x10x10xf32>, tensor<32x3x3xf32>)
    outs(%f : tensor<1x32x8x8xf32>) -> tensor<1x32x8x8xf32>
  %1 = linalg.generic {indexing_maps = [#image, #channel, #image],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%0, %b : tensor<1x32x8x8xf32>, tensor<32xf32>)
      outs(%e : tensor<1x32x8x8xf32>) {
  ^bb0(%v: f32, %c: f32, %out: f32):
    %s = arith.addf %v, %c : f32
    %m = arith.maximumf %s, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x32x8x8xf32>
  func.return %1 : tensor<1x32x8x8xf32>
}

// CHECK-LABEL: @channels_last
// CHECK: br.contract ins(%x, %w : tensor<1x11x11x16xf32>, tensor<3x3x16xf32>)
// LOOPS-LABEL: @channels_last
// LOOPS: br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<3x5x3x16xf32, strided<[176, 32, 16, 1]{{.*}}>>, memref<3x3x16xf32
func.func @channels_last(%x: tensor<1x11x11x16xf32>, %w: tensor<3x3x16xf32>,
    %y: tensor<1x5x5x16xf32>) -> tensor<1x5x5x16xf32> {
  %r = linalg.depthwise_conv_2d_nhwc_hwc
    {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x11x11x16xf32>, tensor<3x3x16xf32>)
    outs(%y : tensor<1x5x5x16xf32>) -> tensor<1x5x5x16xf32>
  func.return %r : tensor<1x5x5x16xf32>
}

}
