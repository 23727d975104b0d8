// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_90a},generalise-linalg,normalise-contractions,choose-schedule' | filecheck %s

// With wgmma, the default is copy=tma where tensor maps describe both operands and no
// slice of the sum is cut short.

// CHECK-LABEL: @product
// CHECK: schedule = #br.schedule<" | m=a n=b k=c | block=128x256x64 warp=16x256 stages=4 order=8 mma=wgmma copy=tma">
func.func @product(%a: tensor<8192x8192xbf16>, %b: tensor<8192x8192xbf16>,
                   %c: tensor<8192x8192xf32>) -> tensor<8192x8192xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<8192x8192xbf16>, tensor<8192x8192xbf16>)
    outs(%c : tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  func.return %r : tensor<8192x8192xf32>
}

// Lines of 2 x 8193 bytes do not begin at multiples of 16.
// CHECK-LABEL: @odd_lines
// CHECK: mma=wgmma">
func.func @odd_lines(%a: tensor<8192x8193xbf16>, %b: tensor<8193x8192xbf16>,
                     %c: tensor<8192x8192xf32>) -> tensor<8192x8192xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<8192x8193xbf16>, tensor<8193x8192xbf16>)
    outs(%c : tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  func.return %r : tensor<8192x8192xf32>
}

// CHECK-LABEL: @batch
// CHECK: schedule = #br.schedule<"A | m=b n=c k=d | {{.*}} mma=wgmma copy=tma">
func.func @batch(%a: tensor<64x512x512xbf16>, %b: tensor<64x512x512xbf16>,
                 %c: tensor<64x512x512xf32>) -> tensor<64x512x512xf32> {
  %r = linalg.batch_matmul ins(%a, %b : tensor<64x512x512xbf16>, tensor<64x512x512xbf16>)
    outs(%c : tensor<64x512x512xf32>) -> tensor<64x512x512xf32>
  func.return %r : tensor<64x512x512xf32>
}

// CHECK-LABEL: @window
// CHECK: schedule = #br.schedule<" | m=c n=d k=g rows=a,b batch=e,f | {{.*}} mma=wgmma copy=tma">
func.func @window(%a: tensor<64x58x58x64xbf16>, %b: tensor<3x3x64x128xbf16>,
                  %c: tensor<64x56x56x128xf32>) -> tensor<64x56x56x128xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%a, %b : tensor<64x58x58x64xbf16>, tensor<3x3x64x128xbf16>)
    outs(%c : tensor<64x56x56x128xf32>) -> tensor<64x56x56x128xf32>
  func.return %r : tensor<64x56x56x128xf32>
}

// 48 channels of a tap would be three quarters of each slice.
// CHECK-LABEL: @few_channels
// CHECK: mma=wgmma">
func.func @few_channels(%a: tensor<64x58x58x48xbf16>, %b: tensor<3x3x48x128xbf16>,
                        %c: tensor<64x56x56x128xf32>) -> tensor<64x56x56x128xf32> {
  %r = linalg.conv_2d_nhwc_hwcf
    {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%a, %b : tensor<64x58x58x48xbf16>, tensor<3x3x48x128xbf16>)
    outs(%c : tensor<64x56x56x128xf32>) -> tensor<64x56x56x128xf32>
  func.return %r : tensor<64x56x56x128xf32>
}
