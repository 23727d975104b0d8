// RUN: br-opt %s -p choose-schedule | filecheck %s

// The gradient of weights: a sum over pixels into rows that lie side by side in A. It is
// blocked so that what it reads of A stays in half of the L2.

// 784 pixels in four parts of 7 lines; dy is packed, since 9 x 128 rows read it.
#x = affine_map<(n, p, q, r, s, c, k) -> (n, p + r, q + s, c)>
#dy = affine_map<(n, p, q, r, s, c, k) -> (n, p, q, k)>
#dw = affine_map<(n, p, q, r, s, c, k) -> (r, s, c, k)>

// CHECK-LABEL: func.func @conv
// CHECK: #br.schedule<"b7 G16 D E | m=f n=g k=c batch=a,b | tile=6x2 | pack=b16">
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

// 64 rows are not worth packing dy: blocks of both stay in a quarter of the L2.
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
