// RUN: br-opt %s -p share-sums | filecheck %s

// Four parts of 64 steps each, in four copies of C, which are added up.
// CHECK-LABEL: func.func @product
// CHECK:         %[[X:.*]] = tensor.expand_shape %x {{.*}} : tensor<256x6xf32> into tensor<4x64x6xf32>
// CHECK:         %[[Y:.*]] = tensor.expand_shape %y {{.*}} : tensor<256x16xf32> into tensor<4x64x16xf32>
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<4x6x16xf32>
// CHECK:         %[[P:.*]] = br.contract ins(%[[X]], %[[Y]] {{.*}} outs(%[[E]] : tensor<4x6x16xf32>)
// CHECK-SAME:      [affine_map<(d0, d1, d2, d3) -> (d3, d2, d0)>, affine_map<(d0, d1, d2, d3) -> (d3, d2, d1)>, affine_map<(d0, d1, d2, d3) -> (d3, d0, d1)>]
// CHECK-SAME:      #br.schedule<"D b16 | m=a n=b k=c">
// CHECK:         %[[Z:.*]] = linalg.fill
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[P]] : tensor<4x6x16xf32>) outs(%[[Z]] : tensor<6x16xf32>)
// CHECK:           arith.addf
func.func @product(%x: tensor<256x6xf32>, %y: tensor<256x16xf32>, %c: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %0 = br.contract ins(%x, %y : tensor<256x6xf32>, tensor<256x16xf32>)
      outs(%c : tensor<6x16xf32>)
      {indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>,
                        affine_map<(m, n, k) -> (m, n)>],
       iterator_types = [#linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0,
       schedule = #br.schedule<"C64 b16 | m=a n=b k=c">}
      -> tensor<6x16xf32>
  func.return %0 : tensor<6x16xf32>
}

// A window begins further on. What stood in C before is added to.
// CHECK-LABEL: func.func @windows
// CHECK:         br.contract ins(%x, %{{.*}} : tensor<9x8xf32>, tensor<2x4x16xf32>)
// CHECK-SAME:      [affine_map<(d0, d1, d2, d3, d4) -> (((d1 + (d4 * 4)) + d0), d2)>, affine_map<(d0, d1, d2, d3, d4) -> (d4, d1, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d4, d0, d2, d3)>]
// CHECK-SAME:      #br.schedule<"E A | m=c n=d k=b">
// CHECK:         linalg.generic {{.*}} outs(%c : tensor<2x8x16xf32>)
func.func @windows(%x: tensor<9x8xf32>, %y: tensor<8x16xf32>, %c: tensor<2x8x16xf32>)
    -> tensor<2x8x16xf32> {
  %0 = br.contract ins(%x, %y : tensor<9x8xf32>, tensor<8x16xf32>)
      outs(%c : tensor<2x8x16xf32>)
      {indexing_maps = [affine_map<(r, p, c, k) -> (p + r, c)>,
                        affine_map<(r, p, c, k) -> (p, k)>,
                        affine_map<(r, p, c, k) -> (r, c, k)>],
       iterator_types = [#linalg.iterator_type<parallel>,
         #linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>],
       schedule = #br.schedule<"B4 A | m=c n=d k=b">}
      -> tensor<2x8x16xf32>
  func.return %0 : tensor<2x8x16xf32>
}
