// RUN: br-opt %s -p generalise-linalg | filecheck %s
// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s --check-prefix FUSED

// What is written all over without being read may lie anywhere.
// CHECK-LABEL: func.func @onto_its_input(
// CHECK:         %[[C:.*]] = linalg.generic {{.*}} ins(%x, %w :
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<5x7xf32>
// CHECK-NEXT:    linalg.generic {{.*}} ins(%[[C]] : tensor<5x7xf32>) outs(%[[E]] :
// FUSED-LABEL: func.func @onto_its_input(
// FUSED:         br.contract ins(%x, %w : {{.*}}) {{.*}} epilogue {
// FUSED-NOT:     linalg.generic
// FUSED:         func.return
func.func @onto_its_input(%x: tensor<5x7xf32>, %w: tensor<7x7xf32>) -> tensor<5x7xf32> {
  %e = tensor.empty() : tensor<5x7xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %c = linalg.matmul ins(%x, %w : tensor<5x7xf32>, tensor<7x7xf32>)
    outs(%z : tensor<5x7xf32>) -> tensor<5x7xf32>
  %y = linalg.exp ins(%c : tensor<5x7xf32>) outs(%c : tensor<5x7xf32>)
    -> tensor<5x7xf32>
  func.return %y : tensor<5x7xf32>
}

// A part of %c stays what it was, the sum reads it, and a size that is open is asked of it.
// CHECK-LABEL: func.func @kept(
// CHECK:         linalg.generic {{.*}} outs(%c : tensor<8x8xf32>)
// CHECK:         linalg.generic {{.*}} outs(%s : tensor<8xf32>)
// CHECK:         linalg.generic {{.*}} outs(%d : tensor<?xf32>)
func.func @kept(%x: tensor<8xf32>, %c: tensor<8x8xf32>, %s: tensor<8xf32>, %o: tensor<?xf32>, %d: tensor<?xf32>)
    -> (tensor<8x8xf32>, tensor<8xf32>, tensor<?xf32>) {
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i, i)>],
      iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%c : tensor<8x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    linalg.yield %a : f32
  } -> tensor<8x8xf32>
  %1 = linalg.reduce { arith.addf } ins(%c : tensor<8x8xf32>) outs(%s : tensor<8xf32>) dimensions = [0]
  %2 = linalg.exp ins(%o : tensor<?xf32>) outs(%d : tensor<?xf32>) -> tensor<?xf32>
  func.return %0, %1, %2 : tensor<8x8xf32>, tensor<8xf32>, tensor<?xf32>
}

// A constant of one number is filled with it, one of several stays: -0.0 is another.
// CHECK-LABEL: func.func @constants(
// CHECK:         %[[N:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %[[E:.*]] = tensor.empty() : tensor<5x7xf32>
// CHECK-NEXT:    %[[Z:.*]] = linalg.fill ins(%[[N]] : f32) outs(%[[E]] : tensor<5x7xf32>)
// CHECK-NEXT:    linalg.generic {{.*}} ins(%x, %w : {{.*}}) outs(%[[Z]] : tensor<5x7xf32>)
// CHECK:         linalg.generic {{.*}} outs(%s : tensor<2xf32>)
// FUSED-LABEL: func.func @constants(
// FUSED:         br.contract ins(%x, %w : {{.*}}beta = 0.0
func.func @constants(%x: tensor<5x7xf32>, %w: tensor<7x7xf32>, %p: tensor<3x2xf32>)
    -> (tensor<5x7xf32>, tensor<2xf32>) {
  %z = arith.constant dense<0.0> : tensor<5x7xf32>
  %s = arith.constant dense<[0.0, -0.0]> : tensor<2xf32>
  %c = linalg.matmul ins(%x, %w : tensor<5x7xf32>, tensor<7x7xf32>)
    outs(%z : tensor<5x7xf32>) -> tensor<5x7xf32>
  %r = linalg.reduce { arith.mulf } ins(%p : tensor<3x2xf32>) outs(%s : tensor<2xf32>) dimensions = [0]
  func.return %c, %r : tensor<5x7xf32>, tensor<2xf32>
}
