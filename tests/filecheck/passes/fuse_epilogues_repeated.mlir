// RUN: br-opt %s -p fuse-epilogues | filecheck %s

#pixels = affine_map<(n, c) -> (n, c)>
#channel = affine_map<(n, c) -> (c)>

// What is a few instructions on one large tensor is computed again by each that reads it,
// as a normalised tensor by ReLU and by the mask of its gradient: nobody writes it.
// CHECK-LABEL: func.func @repeated
// CHECK-COUNT-2: linalg.generic {{.*}} ins({{.*}}%x{{.*}}tensor<64x32xf32>
// CHECK-NOT:     linalg.generic
// CHECK:         return
func.func @repeated(%x: tensor<64x32xf32>, %m: tensor<32xf32>, %dz: tensor<64x32xf32>)
    -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x32xf32>
  %y = linalg.generic {indexing_maps = [#pixels, #channel, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%x, %m : tensor<64x32xf32>, tensor<32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %0 = arith.subf %in, %mean : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %z = linalg.generic {indexing_maps = [#pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %dy = linalg.generic {indexing_maps = [#pixels, #pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%dz, %y : tensor<64x32xf32>, tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %at: f32, %out: f32):
    %0 = arith.cmpf ogt, %at, %zero : f32
    %1 = arith.select %0, %in, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<64x32xf32>
  func.return %z, %dy : tensor<64x32xf32>, tensor<64x32xf32>
}

// What is made of two large tensors, or is dear, or is returned, is kept.
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-5: linalg.generic
// CHECK:         return
func.func @kept(%x: tensor<64x32xf32>, %w: tensor<64x32xf32>)
    -> (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>) {
  %e = tensor.empty() : tensor<64x32xf32>
  %y = linalg.generic {indexing_maps = [#pixels, #pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<64x32xf32>, tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %other: f32, %out: f32):
    %0 = arith.subf %in, %other : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %z = linalg.generic {indexing_maps = [#pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %u = linalg.generic {indexing_maps = [#pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %v = linalg.generic {indexing_maps = [#pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%z : tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %in : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %t = linalg.generic {indexing_maps = [#pixels, #pixels],
      iterator_types = ["parallel", "parallel"]}
      ins(%z : tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  func.return %u, %v, %t, %u
    : tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>
}

// A result whose transpose alone is read is written transposed: rows and columns, and so
// a and b, change places.
// CHECK-LABEL: func.func @transposed
// CHECK:         br.contract ins(%y, %x {{.*}} affine_map<(d0, d1, d2) -> (d1, d0)>]
// CHECK-NOT:     epilogue
// CHECK:         return
func.func @transposed(%x: tensor<24x8xf32>, %y: tensor<24x16xf32>)
    -> tensor<16x8xf32> {
  %e = tensor.empty() : tensor<8x16xf32>
  %0 = br.contract ins(%x, %y : tensor<24x8xf32>, tensor<24x16xf32>)
      outs(%e : tensor<8x16xf32>)
      {indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>,
                        affine_map<(m, n, k) -> (m, n)>],
       iterator_types = [#linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<8x16xf32>
  %f = tensor.empty() : tensor<16x8xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (b, a)>,
                                        affine_map<(a, b) -> (a, b)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<8x16xf32>) outs(%f : tensor<16x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<16x8xf32>
  func.return %1 : tensor<16x8xf32>
}
