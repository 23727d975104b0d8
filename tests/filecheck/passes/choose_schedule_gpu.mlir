// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},generalise-linalg,normalise-contractions,fuse-epilogues,choose-schedule' | filecheck %s

// A large product has the largest tile, a small one a tile for each multiprocessor; what
// tensor cores do not multiply has no tile.

// CHECK-LABEL: @large
// CHECK: schedule = #br.schedule<" | m=a n=b k=c | block=128x128x16 warp=64x64 stages=4 order=8">
func.func @large(%a: tensor<8192x8192xf32>, %b: tensor<8192x8192xf32>,
                 %c: tensor<8192x8192xf32>) -> tensor<8192x8192xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<8192x8192xf32>, tensor<8192x8192xf32>)
    outs(%c : tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  func.return %r : tensor<8192x8192xf32>
}

// CHECK-LABEL: @small
// CHECK: schedule = #br.schedule<" | m=a n=b k=c | block=32x32x16 warp=16x16 stages=4 order=2">
func.func @small(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>,
                 %c: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<64x64xf32>) -> tensor<64x64xf32>
  func.return %r : tensor<64x64xf32>
}

// Images, lines and pixels are rows; the dimension that is contiguous comes last.
// CHECK-LABEL: @convolution
// CHECK: schedule = #br.schedule<" | m=c n=d k=g rows=a,b batch=e,f | block=
func.func @convolution(%a: tensor<64x16x16x64xf32>, %b: tensor<3x3x64x128xf32>,
                       %c: tensor<64x14x14x128xf32>) -> tensor<64x14x14x128xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%a, %b : tensor<64x16x16x64xf32>, tensor<3x3x64x128xf32>)
    outs(%c : tensor<64x14x14x128xf32>) -> tensor<64x14x14x128xf32>
  func.return %r : tensor<64x14x14x128xf32>
}

// CHECK-LABEL: @f64
// CHECK: schedule = #br.schedule<" | m=a n=b k=c">
func.func @f64(%a: tensor<64x64xf64>, %b: tensor<64x64xf64>,
               %c: tensor<64x64xf64>) -> tensor<64x64xf64> {
  %r = linalg.matmul ins(%a, %b : tensor<64x64xf64>, tensor<64x64xf64>)
    outs(%c : tensor<64x64xf64>) -> tensor<64x64xf64>
  func.return %r : tensor<64x64xf64>
}

// f16 is added up in f32; what is stored is f16 again.
// CHECK-LABEL: @f16
// CHECK: br.contract ins(%{{.*}}, %{{.*}} : tensor<64x64xf16>, tensor<64x64xf16>) outs(%{{.*}} : tensor<64x64xf16>)
// CHECK: ^bb0(%[[ACC:.*]]: f32):
// CHECK: arith.truncf %[[ACC]] : f32 to f16
func.func @f16(%a: tensor<64x64xf16>, %b: tensor<64x64xf16>) -> tensor<64x64xf16> {
  %zero = arith.constant 0.0 : f16
  %e = tensor.empty() : tensor<64x64xf16>
  %c = linalg.fill ins(%zero : f16) outs(%e : tensor<64x64xf16>) -> tensor<64x64xf16>
  %r = linalg.matmul ins(%a, %b : tensor<64x64xf16>, tensor<64x64xf16>)
    outs(%c : tensor<64x64xf16>) -> tensor<64x64xf16>
  func.return %r : tensor<64x64xf16>
}
