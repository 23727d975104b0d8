// RUN: br-opt %s -p generalise-linalg,hoist-load-time | filecheck %s

// Constants become arguments of the load function, so that their data never passes
// through LLVM. What is one number throughout is made anew where it is needed.
// CHECK-LABEL: func.func @main_load(
// CHECK-SAME: %[[V0:\d+]]: tensor<3xf32> {br.constant = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<3xf32>}) -> tensor<3xf32> {
// CHECK: %h = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]] : tensor<3xf32>) outs(%e : tensor<3xf32>) {
// CHECK: %{{.*}} = math.exp %{{.*}} : f32
// CHECK: func.return %h : tensor<3xf32>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %x: tensor<3xf32>, %h: tensor<3xf32> {br.packed}) -> tensor<3xf32> {
// CHECK: %ones = arith.constant dense<1.000000e+00> : tensor<3xf32>
// CHECK: %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x, %h : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>) {
// CHECK: %{{.*}} = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK: %z = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%y, %ones : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>) {
// CHECK: %{{.*}} = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK: func.return %z : tensor<3xf32>
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %w = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %ones = arith.constant dense<1.0> : tensor<3xf32>
  %e = tensor.empty() : tensor<3xf32>
  %h = linalg.exp ins(%w : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %y = linalg.add ins(%x, %h : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>)
    -> tensor<3xf32>
  %z = linalg.add ins(%y, %ones : tensor<3xf32>, tensor<3xf32>)
    outs(%e : tensor<3xf32>) -> tensor<3xf32>
  func.return %z : tensor<3xf32>
}

// Nothing to load: the function stays as it is.
// CHECK-LABEL: func.func @nothing(
// CHECK-SAME: %x: tensor<3xf32>) -> tensor<3xf32> {
// CHECK: %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%x : tensor<3xf32>) outs(%e : tensor<3xf32>) {
// CHECK: %{{.*}} = math.exp %{{.*}} : f32
// CHECK: func.return %y : tensor<3xf32>
func.func @nothing(%x: tensor<3xf32>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  %y = linalg.exp ins(%x : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}
