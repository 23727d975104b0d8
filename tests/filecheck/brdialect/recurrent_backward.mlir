// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s

// A layer returns what its gradients need, if it is asked to.
// CHECK-LABEL: @saving
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = br.lstm ins
// CHECK-SAME: -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x9x3x35xf32>)
func.func @saving(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> tensor<1x9x3x35xf32> {
  %y, %h, %c, %saved = br.lstm
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x9x3x35xf32>)
  func.return %saved : tensor<1x9x3x35xf32>
}

// CHECK-LABEL: @lstm
// CHECK: br.lstm_backward ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
// CHECK-SAME: initial(%{{.*}}, %{{.*}} : tensor<1x3x7xf32>, tensor<1x3x7xf32>)
// CHECK-SAME: saved(%{{.*}}, %{{.*}} : tensor<9x3x7xf32>, tensor<1x9x3x35xf32>)
// CHECK-SAME: dy(%{{.*}} : tensor<9x3x7xf32>) dc(%{{.*}} : tensor<1x3x7xf32>)
// CHECK-SAME: {gates = "ifco", clip = 3.000000e+00 : f64}
// CHECK-SAME: -> (tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>, tensor<1x28xf32>, tensor<1x28xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x21xf32>)
func.func @lstm(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>,
    %s: tensor<1x3x7xf32>, %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x35xf32>)
    -> tensor<1x28x7xf32> {
  %dx, %dw, %dr, %db, %drb, %dh0, %dc0, %dp = br.lstm_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    initial(%s, %s : tensor<1x3x7xf32>, tensor<1x3x7xf32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x35xf32>)
    dy(%y : tensor<9x3x7xf32>) dc(%s : tensor<1x3x7xf32>)
    {gates = "ifco", clip = 3.0 : f64}
    -> (tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>, tensor<1x28xf32>,
        tensor<1x28xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x21xf32>)
  func.return %dr : tensor<1x28x7xf32>
}

// With linear_before_reset four numbers of each unit are saved.
// CHECK-LABEL: @gru
// CHECK: br.gru_backward ins({{.*}}) saved(%{{.*}}, %{{.*}} : tensor<9x3x14xf32>, tensor<2x9x3x28xf32>)
// CHECK-SAME: dh(%{{.*}} : tensor<2x3x7xf32>) {linear_before_reset, direction = "bidirectional"}
func.func @gru(%x: tensor<9x3x5xf32>, %w: tensor<2x21x5xf32>, %r: tensor<2x21x7xf32>,
    %y: tensor<9x3x14xf32>, %saved: tensor<2x9x3x28xf32>, %dh: tensor<2x3x7xf32>)
    -> tensor<9x3x5xf32> {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.gru_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<2x21x5xf32>, tensor<2x21x7xf32>)
    saved(%y, %saved : tensor<9x3x14xf32>, tensor<2x9x3x28xf32>)
    dh(%dh : tensor<2x3x7xf32>) {linear_before_reset, direction = "bidirectional"}
    -> (tensor<9x3x5xf32>, tensor<2x21x5xf32>, tensor<2x21x7xf32>, tensor<2x21xf32>,
        tensor<2x21xf32>, tensor<2x3x7xf32>)
  func.return %dx : tensor<9x3x5xf32>
}

// CHECK-LABEL: @rnn
// CHECK: br.rnn_backward ins({{.*}}) lengths(%{{.*}} : tensor<3xi32>) saved({{.*}}) -> (
func.func @rnn(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %n: tensor<3xi32>, %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x7xf32>)
    -> tensor<1x3x7xf32> {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.rnn_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    lengths(%n : tensor<3xi32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x7xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>, tensor<1x7xf32>,
        tensor<1x7xf32>, tensor<1x3x7xf32>)
  func.return %dh0 : tensor<1x3x7xf32>
}
