// RUN: br-opt %s -p 'differentiate{wrt=0,1}' | filecheck %s
// RUN: br-opt %s -p 'differentiate{wrt=0,1},normalise-contractions' | filecheck %s --check-prefix CONTRACT

// A 3x3 convolution with stride 2 and padding 1. Its gradient by data is four dense
// sub-problems, for even and odd rows and columns, with 2x2, 2x1, 1x2 and 1x1 taps:
// nothing is filled up with zeros, and only what is inside the padding is computed.

func.func @conv(%x: tensor<2x8x9x9xf32>, %w: tensor<16x8x3x3xf32>)
    -> tensor<2x16x5x5xf32> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<2x8x9x9xf32> to tensor<2x8x11x11xf32>
  %empty = tensor.empty() : tensor<2x16x5x5xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x16x5x5xf32>)
      -> tensor<2x16x5x5xf32>
  %y = linalg.conv_2d_nchw_fchw
      {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%padded, %w : tensor<2x8x11x11xf32>, tensor<16x8x3x3xf32>)
      outs(%init : tensor<2x16x5x5xf32>) -> tensor<2x16x5x5xf32>
  func.return %y : tensor<2x16x5x5xf32>
}

// CHECK-LABEL: func.func @conv_backward(
// CHECK-SAME:      %x: tensor<2x8x9x9xf32>, %w: tensor<16x8x3x3xf32>, %dy: tensor<2x16x5x5xf32>)

// every element is written by one of them:
// CHECK-NEXT:    %[[DX:.*]] = tensor.empty() : tensor<2x8x9x9xf32>
// CHECK-NOT:     tensor.pad

// CHECK:         %[[W0:.*]] = tensor.extract_slice %w[0, 0, 0, 0] [16, 8, 2, 2] [1, 1, 2, 2]
// CHECK:         %[[P0:.*]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, ((d2 + (d5 * -1)) + 1), ((d3 + (d6 * -1)) + 1))>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2, d3)>]
// CHECK-SAME:      ins(%dy, %[[W0]]
// CHECK:         %[[D0:.*]] = tensor.insert_slice %[[P0]] into %[[DX]][0, 0, 1, 1] [2, 8, 4, 4] [1, 1, 2, 2]

// CHECK:         %[[W1:.*]] = tensor.extract_slice %w[0, 0, 0, 1] [16, 8, 2, 1] [1, 1, 2, 2]
// CHECK:         %[[P1:.*]] = linalg.generic {{.*}} ins(%dy, %[[W1]]
// CHECK:         %[[D1:.*]] = tensor.insert_slice %[[P1]] into %[[D0]][0, 0, 1, 0] [2, 8, 4, 5] [1, 1, 2, 2]

// CHECK:         %[[W2:.*]] = tensor.extract_slice %w[0, 0, 1, 0] [16, 8, 1, 2] [1, 1, 2, 2]
// CHECK:         %[[P2:.*]] = linalg.generic {{.*}} ins(%dy, %[[W2]]
// CHECK:         %[[D2:.*]] = tensor.insert_slice %[[P2]] into %[[D1]][0, 0, 0, 1] [2, 8, 5, 4] [1, 1, 2, 2]

// CHECK:         %[[W3:.*]] = tensor.extract_slice %w[0, 0, 1, 1] [16, 8, 1, 1] [1, 1, 2, 2]
// CHECK:         %[[P3:.*]] = linalg.generic {{.*}} ins(%dy, %[[W3]]
// CHECK:         %[[D3:.*]] = tensor.insert_slice %[[P3]] into %[[D2]][0, 0, 0, 0] [2, 8, 5, 5] [1, 1, 2, 2]

// The gradient of the weights is one contraction over images and pixels:
// CHECK:         %[[X:.*]] = tensor.pad %x
// CHECK:         %[[DW:.*]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, ((d2 * 2) + d5), ((d3 * 2) + d6))>, affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>], iterator_types = ["reduction", "parallel", "reduction", "reduction", "parallel", "parallel", "parallel"]} ins(%dy, %[[X]]
// CHECK:         func.return %[[D3]], %[[DW]]

// All five are contractions for what follows:
// CONTRACT-LABEL: func.func @conv_backward(
// CONTRACT:       br.contract ins(%{{.*}}, %dy : tensor<16x8x2x2xf32>, tensor<2x16x5x5xf32>)
// CONTRACT:       br.contract ins(%{{.*}}, %dy : tensor<16x8x2x1xf32>, tensor<2x16x5x5xf32>)
// CONTRACT:       br.contract ins(%{{.*}}, %dy : tensor<16x8x1x2xf32>, tensor<2x16x5x5xf32>)
// CONTRACT:       br.contract ins(%{{.*}}, %dy : tensor<16x8x1x1xf32>, tensor<2x16x5x5xf32>)
// CONTRACT:       br.contract ins(%dy, %padded : tensor<2x16x5x5xf32>, tensor<2x8x11x11xf32>)
// CONTRACT-NOT:   linalg.generic
