// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},sink-scalars' | filecheck %s

#same = affine_map<(d0, d1) -> (d0, d1)>

// Numbers of tensors, and what is computed of them, move into the body; arguments and
// constants stay.
// CHECK-LABEL: func.func @scaled(
// CHECK-NOT:     tensor.extract
// CHECK:         linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> ()>, affine_map<(d0, d1) -> (d0, d1)>]
// CHECK-SAME:      ins(%x, %s : tensor<3x5xf32>, tensor<f32>)
// CHECK-NEXT:    ^bb0(%[[A:.*]]: f32, %[[S:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[T:.*]] = arith.mulf %[[S]], %{{.*}} : f32
// CHECK-NEXT:      %[[U:.*]] = math.absf %[[T]] : f32
// CHECK-NEXT:      %[[V:.*]] = arith.addf %[[A]], %[[U]] : f32
// CHECK-NEXT:      %[[W:.*]] = arith.mulf %[[V]], %n : f32
// CHECK-NEXT:      linalg.yield %[[W]] : f32
func.func @scaled(%x: tensor<3x5xf32>, %s: tensor<f32>, %n: f32) -> tensor<3x5xf32> {
  %two = arith.constant 2.0 : f32
  %v = tensor.extract %s[] : tensor<f32>
  %t = arith.mulf %v, %two : f32
  %u = math.absf %t : f32
  %e = tensor.empty() : tensor<3x5xf32>
  %r = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x5xf32>) outs(%e : tensor<3x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = arith.addf %a, %u : f32
    %c = arith.mulf %b, %n : f32
    linalg.yield %c : f32
  } -> tensor<3x5xf32>
  func.return %r : tensor<3x5xf32>
}

// What decides about a branch stays where it is.
// CHECK-LABEL: func.func @decided(
// CHECK:         tensor.extract %c[]
// CHECK:         scf.if
func.func @decided(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %yes = tensor.extract %c[] : tensor<i1>
  %r = scf.if %yes -> (tensor<4xf32>) {
    scf.yield %x : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  func.return %r : tensor<4xf32>
}
