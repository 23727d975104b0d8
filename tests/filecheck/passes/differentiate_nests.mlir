// RUN: br-opt %s -p 'differentiate{entry=conv3x3 wrt=0},differentiate{entry=conv1x1 wrt=0},set-target{target=x86-64-v4},generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,choose-schedule,fold-padding,pack-operands,bufferize,convert-linalg-to-br' | filecheck %s

// The loops of strided backward-by-data. Each residue of the image is a dense problem
// with a nest of its own, which writes its strided slice of dx: the step of two pixels is
// a stride of C (64 floats for 32 channels), nothing is scattered. dy is read with stride
// 1, backwards over the taps, so no zeros are multiplied but those of the border.

// 3x3: all elements are reached, by 2x2, 2x1, 1x2 and 1x1 taps; dx is not filled.
// CHECK-LABEL: func.func @conv3x3_backward(
// CHECK-SAME:    %dy: memref<1x3x3x64xf32>, %[[DX:\d+]]: memref<1x8x8x32xf32> {br.result}
// CHECK-NOT:     linalg.fill {{.*}}x32xf32
// CHECK:         %[[EE:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [0], sizes: [1, 4, 4, 32], strides: [2048, 512, 64, 1]
// CHECK-NEXT:    arith.constant
// CHECK:         scf.parallel
// CHECK:           memref<1x5x5x64xf32> to memref<2x2x4x64xf32, strided<[-320, -64, 64, 1], offset: ?>>
// CHECK:           memref.reinterpret_cast %[[EE]] to {{.*}}, sizes: [4, 32], strides: [64, 1]
// CHECK:           br.batch_reduce_gemm ins({{.*}} : memref<2x2x4x64xf32, {{.*}}>, memref<2x2x64x32xf32, {{.*}}>) outs({{.*}}) {beta = 0.000000e+00
// CHECK-NOT:     linalg.fill
// CHECK:         %[[EO:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [32], sizes: [1, 4, 4, 32], strides: [2048, 512, 64, 1]
// CHECK:         scf.parallel
// CHECK:           memref.reinterpret_cast %[[EO]] to {{.*}}, sizes: [4, 32], strides: [64, 1]
// CHECK:           br.batch_reduce_gemm ins({{.*}} : memref<2x4x64xf32, strided<[-320, 64, 1], offset: ?>>, memref<2x64x32xf32, {{.*}}>) outs({{.*}}) {beta = 0.000000e+00
// CHECK-NOT:     linalg.fill
// CHECK:         %[[OE:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [256], sizes: [1, 4, 4, 32], strides: [2048, 512, 64, 1]
// CHECK:         scf.parallel
// CHECK:           memref.reinterpret_cast %[[OE]] to {{.*}}, sizes: [4, 32], strides: [64, 1]
// CHECK:           br.batch_reduce_gemm ins({{.*}} : memref<2x4x64xf32, strided<[-64, 64, 1], offset: ?>>, memref<2x64x32xf32, {{.*}}>) outs({{.*}}) {beta = 0.000000e+00
// CHECK-NOT:     linalg.fill
// CHECK:         %[[OO:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [288], sizes: [1, 4, 4, 32], strides: [2048, 512, 64, 1]
// CHECK:         scf.parallel
// CHECK:           memref.reinterpret_cast %[[OO]] to {{.*}}, sizes: [4, 32], strides: [64, 1]
// CHECK:           br.batch_reduce_gemm ins({{.*}} : memref<4x64xf32, {{.*}}>, memref<64x32xf32, {{.*}}>) outs({{.*}}) {beta = 0.000000e+00
// CHECK-NOT:     br.batch_reduce_gemm
// CHECK-NOT:     memref.copy
// CHECK:         func.return

// 1x1: even rows and columns are one product, straight from dy; of the rest the odd rows
// are filled, then the odd columns of the even rows: no element is written twice.
// CHECK-LABEL: func.func @conv1x1_backward(
// CHECK-SAME:    %dy: memref<1x4x3x64xf32>, %[[DX:\d+]]: memref<1x7x6x32xf32> {br.result}
// CHECK-NOT:     linalg.fill
// CHECK:         %[[E:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [0], sizes: [1, 4, 3, 32], strides: [1344, 384, 64, 1]
// CHECK:         scf.parallel
// CHECK:           memref.reinterpret_cast %dy to
// CHECK:           memref.reinterpret_cast %[[E]] to
// CHECK:           br.batch_reduce_gemm ins({{.*}} : memref<4x64xf32, {{.*}}>, memref<64x32xf32, {{.*}}>) outs({{.*}}) {beta = 0.000000e+00
// CHECK:         %[[ROWS:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [192], sizes: [1, 3, 6, 32], strides: [1344, 384, 32, 1]
// CHECK-NEXT:    linalg.fill {{.*}} outs(%[[ROWS]] :
// CHECK:         %[[COLUMNS:\d+]] = memref.reinterpret_cast %[[DX]] to offset: [32], sizes: [1, 4, 3, 32], strides: [1344, 384, 64, 1]
// CHECK-NEXT:    linalg.fill {{.*}} outs(%[[COLUMNS]] :
// CHECK-NOT:     linalg.fill
// CHECK:         func.return

func.func @conv3x3(%x: tensor<1x8x8x32xf32>, %w: tensor<3x3x32x64xf32>)
    -> tensor<1x3x3x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x3x3x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x3x3x64xf32>)
      -> tensor<1x3x3x64xf32>
  %y = linalg.conv_2d_nhwc_hwcf
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x8x8x32xf32>, tensor<3x3x32x64xf32>)
      outs(%init : tensor<1x3x3x64xf32>) -> tensor<1x3x3x64xf32>
  func.return %y : tensor<1x3x3x64xf32>
}

func.func @conv1x1(%x: tensor<1x7x6x32xf32>, %w: tensor<1x1x32x64xf32>)
    -> tensor<1x4x3x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x4x3x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x4x3x64xf32>)
      -> tensor<1x4x3x64xf32>
  %y = linalg.conv_2d_nhwc_hwcf
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x7x6x32xf32>, tensor<1x1x32x64xf32>)
      outs(%init : tensor<1x4x3x64xf32>) -> tensor<1x4x3x64xf32>
  func.return %y : tensor<1x4x3x64xf32>
}
