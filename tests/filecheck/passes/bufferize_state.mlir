// RUN: br-opt %s -p bufferize | filecheck %s

// The update is the last op that reads %w and %m: the new ones are written over the
// old ones, in memory that the caller gives twice.

func.func @updated(%w: tensor<4x8xf32> {br.state = 0}, %m: tensor<4x8xf32> {br.state = 1},
                   %g: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %w1, %m1 = linalg.generic {indexing_maps = [
      affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%w, %g, %m : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
      outs(%e, %e : tensor<4x8xf32>, tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %x: f32, %y: f32):
    %new = arith.addf %b, %c : f32
    %next = arith.subf %a, %new : f32
    linalg.yield %next, %new : f32, f32
  } -> (tensor<4x8xf32>, tensor<4x8xf32>)
  func.return %w1, %m1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK:       func.func @updated(%w: memref<4x8xf32> {br.state = 0 : i64}, %m: memref<4x8xf32> {br.state = 1 : i64}, %g: memref<4x8xf32>, %[[W:.*]]: memref<4x8xf32> {br.result}, %[[M:.*]]: memref<4x8xf32> {br.result}) {
// CHECK-NEXT:    linalg.generic {{.*}} ins(%w, %g, %m : {{.*}}) outs(%[[W]], %[[M]] :
// CHECK:         func.return

// Each element is read in another place than it is written, or again later: what is new
// waits in the arena, and is copied at the end, after all else.

func.func @transposed(%w: tensor<8x8xf32> {br.state = 0}) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %w1 = linalg.generic {indexing_maps = [
      affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %x: f32):
    %b = arith.addf %a, %a : f32
    linalg.yield %b : f32
  } -> tensor<8x8xf32>
  func.return %w1, %w : tensor<8x8xf32>, tensor<8x8xf32>
}

// CHECK:       func.func @transposed(%w: memref<8x8xf32> {br.state = 0 : i64}, %[[NEW:.*]]: memref<8x8xf32> {br.result}, %[[OLD:.*]]: memref<8x8xf32> {br.result}, %{{.*}}: memref<256xi8> {br.arena}) {
// CHECK:         %[[WAITS:.*]] = memref.view
// CHECK-NEXT:    linalg.generic {{.*}} ins(%w : memref<8x8xf32>) outs(%[[WAITS]] :
// CHECK:         linalg.generic {{.*}} ins(%w : memref<8x8xf32>) outs(%[[OLD]] :
// CHECK:         linalg.generic {{.*}} ins(%[[WAITS]] : memref<8x8xf32>) outs(%[[NEW]] :

func.func @read_later(%w: tensor<8x8xf32> {br.state = 0}) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %w1 = linalg.generic {indexing_maps = [
      affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %x: f32):
    %b = arith.addf %a, %a : f32
    linalg.yield %b : f32
  } -> tensor<8x8xf32>
  %square = linalg.generic {indexing_maps = [
      affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %x: f32):
    %b = arith.mulf %a, %a : f32
    linalg.yield %b : f32
  } -> tensor<8x8xf32>
  func.return %w1, %square : tensor<8x8xf32>, tensor<8x8xf32>
}

// CHECK:       func.func @read_later(%w: memref<8x8xf32> {br.state = 0 : i64}, %[[NEW:.*]]: memref<8x8xf32> {br.result}, %[[SQUARE:.*]]: memref<8x8xf32> {br.result}, %{{.*}}: memref<256xi8> {br.arena}) {
// CHECK:         %[[WAITS:.*]] = memref.view
// CHECK-NEXT:    linalg.generic {{.*}} ins(%w : memref<8x8xf32>) outs(%[[WAITS]] :
// CHECK:         linalg.generic {{.*}} ins(%w : memref<8x8xf32>) outs(%[[SQUARE]] :
// CHECK:         linalg.generic {{.*}} ins(%[[WAITS]] : memref<8x8xf32>) outs(%[[NEW]] :

// The body looks up any element of the old state, through a view of it.

func.func @looked_up(%w: tensor<8xf32> {br.state = 0}, %p: tensor<8xindex>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %v = tensor.expand_shape %w [[0, 1]] output_shape [1, 8] : tensor<8xf32> into tensor<1x8xf32>
  %w1 = linalg.generic {indexing_maps = [
      affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%w, %p : tensor<8xf32>, tensor<8xindex>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %i: index, %x: f32):
    %zero = arith.constant 0 : index
    %b = tensor.extract %v[%zero, %i] : tensor<1x8xf32>
    linalg.yield %b : f32
  } -> tensor<8xf32>
  func.return %w1 : tensor<8xf32>
}

// CHECK:       func.func @looked_up(%w: memref<8xf32> {br.state = 0 : i64}, %p: memref<8xindex>, %[[NEW:.*]]: memref<8xf32> {br.result}, %{{.*}}: memref<64xi8> {br.arena}) {
// CHECK:         %[[WAITS:.*]] = memref.view
// CHECK:         linalg.generic {{.*}} outs(%[[WAITS]] :
// CHECK:         linalg.generic {{.*}} ins(%[[WAITS]] : memref<8xf32>) outs(%[[NEW]] :

// What does not read the old state writes over it, too.

func.func @not_read(%w: tensor<4x8xf32> {br.state = 0}, %x: tensor<4x2xf32>, %y: tensor<2x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %w1 = br.contract ins(%x, %y : tensor<4x2xf32>, tensor<2x8xf32>) outs(%e : tensor<4x8xf32>) {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0} -> tensor<4x8xf32>
  func.return %w1 : tensor<4x8xf32>
}

// CHECK:       func.func @not_read(%w: memref<4x8xf32> {br.state = 0 : i64}, %x: memref<4x2xf32>, %y: memref<2x8xf32>, %[[NEW:.*]]: memref<4x8xf32> {br.result}) {
// CHECK-NEXT:    br.contract ins(%x, %y : {{.*}}) outs(%[[NEW]] :
