// RUN: br-opt %s -p choose-schedule | filecheck %s

// The gradient of weights: a sum over pixels into rows that lie side by side in A
// (passes/schedule/schedule_long_sums.py).

// 9 x 128 x 128 weights do not stay in half of a small L2. They are passed over a few
// times: as many lines of pixels in each as the L2 keeps of 24 rows of x, 512 bytes
// apart; these meet all panels of dy.
#x = affine_map<(n, p, q, r, s, c, k) -> (n, p + r, q + s, c)>
#dy = affine_map<(n, p, q, r, s, c, k) -> (n, p, q, k)>
#dw = affine_map<(n, p, q, r, s, c, k) -> (r, s, c, k)>

// CHECK-LABEL: func.func @conv
// CHECK: #br.schedule<"b7 D E F24 G16 | m=f n=g k=c batch=a,b | tile=6x2 | pack=b16">
func.func @conv(%x: tensor<1x30x30x128xf32>, %dy: tensor<1x28x28x128xf32>,
                %dw: tensor<3x3x128x128xf32>) -> tensor<3x3x128x128xf32> {
  %0 = br.contract ins(%x, %dy : tensor<1x30x30x128xf32>, tensor<1x28x28x128xf32>)
      outs(%dw : tensor<3x3x128x128xf32>)
      {indexing_maps = [#x, #dy, #dw],
       iterator_types = [#linalg.iterator_type<reduction>,
         #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], beta = 0.0}
      -> tensor<3x3x128x128xf32>
  func.return %0 : tensor<3x3x128x128xf32>
}

// 64 x 256 weights stay in the L2, so all of them take part in each block of the sum, of
// which the L1 holds what is read of dy, as it lies.
// CHECK-LABEL: func.func @one_by_one
// CHECK: #br.schedule<"a112 | m=b n=c k=a | tile=6x2">
func.func @one_by_one(%x: tensor<3136x64xf32>, %dy: tensor<3136x256xf32>,
                      %dw: tensor<64x256xf32>) -> tensor<64x256xf32> {
  %0 = br.contract ins(%x, %dy : tensor<3136x64xf32>, tensor<3136x256xf32>)
      outs(%dw : tensor<64x256xf32>)
      {indexing_maps = [affine_map<(p, c, k) -> (p, c)>, affine_map<(p, c, k) -> (p, k)>,
                        affine_map<(p, c, k) -> (c, k)>],
       iterator_types = [#linalg.iterator_type<reduction>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], beta = 0.0}
      -> tensor<64x256xf32>
  func.return %0 : tensor<64x256xf32>
}
