// RUN: br-opt %s | br-opt | filecheck %s

// Named operations that stock xDSL lacks keep their form through print and parse.

func.func @contractions(%a: tensor<2x3x4xf32>, %b: tensor<2x4x5xf32>,
    %c: tensor<2x3x5xf32>, %r: tensor<3x5xf32>, %m: tensor<3x4xf32>, %v: tensor<4xf32>,
    %w: tensor<3xf32>, %s: tensor<f32>, %bt: tensor<2x5x4xf32>) {
  %0 = linalg.batch_matmul ins(%a, %b : tensor<2x3x4xf32>, tensor<2x4x5xf32>)
    outs(%c : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %1 = linalg.batch_matmul
    indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>,
                     affine_map<(b, m, n, k) -> (b, n, k)>,
                     affine_map<(b, m, n, k) -> (b, m, n)>]
    ins(%a, %bt : tensor<2x3x4xf32>, tensor<2x5x4xf32>)
    outs(%c : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %2 = linalg.batch_reduce_matmul ins(%a, %b : tensor<2x3x4xf32>, tensor<2x4x5xf32>)
    outs(%r : tensor<3x5xf32>) -> tensor<3x5xf32>
  %3 = linalg.matvec ins(%m, %v : tensor<3x4xf32>, tensor<4xf32>)
    outs(%w : tensor<3xf32>) -> tensor<3xf32>
  %4 = linalg.dot ins(%v, %v : tensor<4xf32>, tensor<4xf32>)
    outs(%s : tensor<f32>) -> tensor<f32>
  func.return
}
// CHECK-LABEL: @contractions
// CHECK: linalg.batch_matmul ins(
// CHECK: linalg.batch_matmul indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] ins(
// CHECK: linalg.batch_reduce_matmul ins(
// CHECK: linalg.matvec ins(
// CHECK: linalg.dot ins(

func.func @windows(%x: tensor<1x9x9x4xf32>, %d: tensor<3x3x4xf32>,
    %y: tensor<1x4x4x4xf32>, %w: tensor<3x3xf32>, %z: tensor<1x7x7x4xf32>) {
  %0 = linalg.depthwise_conv_2d_nhwc_hwc {strides = dense<2> : tensor<2xi64>}
    ins(%x, %d : tensor<1x9x9x4xf32>, tensor<3x3x4xf32>)
    outs(%y : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %1 = linalg.pooling_nhwc_max ins(%x, %w : tensor<1x9x9x4xf32>, tensor<3x3xf32>)
    outs(%z : tensor<1x7x7x4xf32>) -> tensor<1x7x7x4xf32>
  func.return
}
// CHECK-LABEL: @windows
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc {strides = dense<2> : tensor<2xi64>} ins(
// CHECK: linalg.pooling_nhwc_max ins(

func.func @regions(%a: tensor<3x4xf32>, %o: tensor<3xf32>) {
  %0 = linalg.map { arith.addf } ins(%a, %a : tensor<3x4xf32>, tensor<3x4xf32>)
    outs(%a : tensor<3x4xf32>)
  %1 = linalg.reduce { arith.addf } ins(%a : tensor<3x4xf32>)
    outs(%o : tensor<3xf32>) dimensions = [1]
  %2:2 = linalg.reduce ins(%a, %a : tensor<3x4xf32>, tensor<3x4xf32>)
    outs(%o, %o : tensor<3xf32>, tensor<3xf32>) dimensions = [1] {note}
    (%x: f32, %y: f32, %p: f32, %q: f32) { linalg.yield %x, %q : f32, f32 }
  %3 = linalg.softmax dimension(1) ins(%a : tensor<3x4xf32>)
    outs(%a : tensor<3x4xf32>) -> tensor<3x4xf32>
  %4 = linalg.elementwise kind=#linalg.elementwise_kind<tanh>
    ins(%a : tensor<3x4xf32>) outs(%a : tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return
}
// CHECK-LABEL: @regions
// CHECK: linalg.map ins(
// CHECK-NEXT: (%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32) {
// CHECK-NEXT: arith.addf
// CHECK: linalg.reduce ins(%{{.*}} : tensor<3x4xf32>) outs(%{{.*}} : tensor<3xf32>) dimensions = [1]
// CHECK: %{{.*}}, %{{.*}} = linalg.reduce ins(%{{.*}}, %{{.*}} : {{.*}}) outs({{.*}}) dimensions = [1] {note}
// CHECK: linalg.softmax dimension(1) ins(
// CHECK: linalg.elementwise kind=#linalg.elementwise_kind<tanh>
