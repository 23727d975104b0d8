// RUN: br-opt %s -p bufferize | filecheck %s

// What is inserted into a slice is computed there.

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#same = affine_map<(m, n) -> (m, n)>

// Even and odd rows of the result, without a copy and without an arena:
// CHECK-LABEL: func.func @halves
// CHECK-SAME:      %0: memref<12x16xf32> {br.result}) {
// CHECK-NEXT:    %[[ODD:.*]] = memref.reinterpret_cast %0 to offset: [16], sizes: [6, 16], strides: [32, 1]
// CHECK-NEXT:    br.contract ins(%x, %w {{.*}} outs(%[[ODD]] : memref<6x16xf32, strided<[32, 1], offset: 16>>)
// CHECK-NEXT:    %[[EVEN:.*]] = memref.reinterpret_cast %0 to offset: [0], sizes: [6, 16], strides: [32, 1]
// CHECK-NEXT:    br.contract ins(%x, %v {{.*}} outs(%[[EVEN]] : memref<6x16xf32, strided<[32, 1]>>)
// CHECK-NEXT:    func.return
func.func @halves(%x: tensor<6x4xf32>, %w: tensor<4x16xf32>, %v: tensor<4x16xf32>)
    -> tensor<12x16xf32> {
  %e = tensor.empty() : tensor<6x16xf32>
  %y = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%e : tensor<6x16xf32>) {indexing_maps = [#a, #b, #c],
        iterator_types = [#linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<6x16xf32>
  %d = tensor.empty() : tensor<12x16xf32>
  %p = tensor.insert_slice %y into %d[1, 0] [6, 16] [2, 1]
      : tensor<6x16xf32> into tensor<12x16xf32>
  %z = br.contract ins(%x, %v : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%e : tensor<6x16xf32>) {indexing_maps = [#a, #b, #c],
        iterator_types = [#linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<6x16xf32>
  %q = tensor.insert_slice %z into %p[0, 0] [6, 16] [2, 1]
      : tensor<6x16xf32> into tensor<12x16xf32>
  func.return %q : tensor<12x16xf32>
}

// %d is read after %y is computed, with its old rows: a copy has to be made.
// CHECK-LABEL: func.func @read_between
// CHECK:         br.contract ins(%x, %w {{.*}} outs(%{{.*}} : memref<6x16xf32>)
// CHECK:         linalg.generic
func.func @read_between(%x: tensor<6x4xf32>, %w: tensor<4x16xf32>, %s: f32)
    -> (tensor<12x16xf32>, tensor<12x16xf32>) {
  %e = tensor.empty() : tensor<6x16xf32>
  %f = tensor.empty() : tensor<12x16xf32>
  %d = linalg.fill ins(%s : f32) outs(%f : tensor<12x16xf32>) -> tensor<12x16xf32>
  %y = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%e : tensor<6x16xf32>) {indexing_maps = [#a, #b, #c],
        iterator_types = [#linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<6x16xf32>
  %g = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%d : tensor<12x16xf32>) outs(%f : tensor<12x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %exp = math.exp %in : f32
    linalg.yield %exp : f32
  } -> tensor<12x16xf32>
  %p = tensor.insert_slice %y into %d[1, 0] [6, 16] [2, 1]
      : tensor<6x16xf32> into tensor<12x16xf32>
  func.return %g, %p : tensor<12x16xf32>, tensor<12x16xf32>
}

// What is padded is computed between the zeros, which are all that is written besides.
// CHECK-LABEL: func.func @padded
// CHECK-SAME:      %0: memref<8x18xf32> {br.result}) {
// CHECK:         %[[MIDDLE:.*]] = memref.reinterpret_cast %0 to offset: [18], sizes: [6, 16], strides: [18, 1]
// CHECK-NEXT:    br.contract ins(%x, %w {{.*}} outs(%[[MIDDLE]] : memref<6x16xf32
// CHECK:         linalg.fill {{.*}} memref<1x18xf32
// CHECK:         linalg.fill {{.*}} memref<1x18xf32
// CHECK:         linalg.fill {{.*}} memref<6x2xf32
// CHECK-NEXT:    func.return
func.func @padded(%x: tensor<6x4xf32>, %w: tensor<4x16xf32>) -> tensor<8x18xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x16xf32>
  %y = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%e : tensor<6x16xf32>) {indexing_maps = [#a, #b, #c],
        iterator_types = [#linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0}
      -> tensor<6x16xf32>
  %p = tensor.pad %y low[1, 0] high[1, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<6x16xf32> to tensor<8x18xf32>
  func.return %p : tensor<8x18xf32>
}
