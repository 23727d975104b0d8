// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s

// CHECK-LABEL: @lstm
// CHECK: %{{.*}}, %{{.*}}, %{{.*}} = br.lstm ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>) -> (tensor<?x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
func.func @lstm(%x: tensor<?x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> (tensor<?x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<?x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {direction = "forward", gates = "iofc"}
    -> (tensor<?x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y, %h, %c : tensor<?x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>
}

// CHECK-LABEL: @lstm_with_all
// CHECK: br.lstm ins({{.*}} : tensor<?x?x5xf64>, tensor<2x28x5xf64>, tensor<2x28x7xf64>)
// CHECK-SAME: bias(%{{.*}} : tensor<2x28xf64>) recurrent_bias(%{{.*}} : tensor<2x28xf64>)
// CHECK-SAME: initial(%{{.*}}, %{{.*}} : tensor<2x?x7xf64>, tensor<2x?x7xf64>)
// CHECK-SAME: peepholes(%{{.*}} : tensor<2x21xf64>) lengths(%{{.*}} : tensor<?xi32>)
// CHECK-SAME: {direction = "bidirectional", gates = "ifco", batch_first, input_forget, clip = 3.000000e+00 : f64, activations = ["sigmoid", "tanh", "tanh", "hard_sigmoid(0.2, 0.5)", "leaky_relu", "elu(0.5)"]}
// CHECK-SAME: -> (tensor<?x?x14xf64>, tensor<2x?x7xf64>, tensor<2x?x7xf64>)
func.func @lstm_with_all(%x: tensor<?x?x5xf64>, %w: tensor<2x28x5xf64>,
    %r: tensor<2x28x7xf64>, %b: tensor<2x28xf64>, %s: tensor<2x?x7xf64>,
    %p: tensor<2x21xf64>, %n: tensor<?xi32>) -> tensor<?x?x14xf64> {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<?x?x5xf64>, tensor<2x28x5xf64>, tensor<2x28x7xf64>)
    bias(%b : tensor<2x28xf64>) recurrent_bias(%b : tensor<2x28xf64>)
    initial(%s, %s : tensor<2x?x7xf64>, tensor<2x?x7xf64>)
    peepholes(%p : tensor<2x21xf64>) lengths(%n : tensor<?xi32>)
    {direction = "bidirectional", gates = "ifco", batch_first, input_forget,
     clip = 3.0 : f64, activations = ["sigmoid", "tanh", "tanh",
       "hard_sigmoid(0.2, 0.5)", "leaky_relu", "elu(0.5)"]}
    -> (tensor<?x?x14xf64>, tensor<2x?x7xf64>, tensor<2x?x7xf64>)
  func.return %y : tensor<?x?x14xf64>
}

// CHECK-LABEL: @gru
// CHECK: br.gru ins({{.*}} : tensor<9x3x5xf32>, tensor<1x21x5xf32>, tensor<1x21x7xf32>)
// CHECK-SAME: recurrent_bias(%{{.*}} : tensor<1x21xf32>)
// CHECK-SAME: initial(%{{.*}} : tensor<1x3x7xf32>)
// CHECK-SAME: {gates = "rzh", linear_before_reset, direction = "reverse"}
// CHECK-SAME: -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
func.func @gru(%x: tensor<9x3x5xf32>, %w: tensor<1x21x5xf32>, %r: tensor<1x21x7xf32>,
    %b: tensor<1x21xf32>, %s: tensor<1x3x7xf32>) -> tensor<9x3x7xf32> {
  %y, %h = br.gru
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x21x5xf32>, tensor<1x21x7xf32>)
    recurrent_bias(%b : tensor<1x21xf32>) initial(%s : tensor<1x3x7xf32>)
    {gates = "rzh", linear_before_reset, direction = "reverse"}
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<9x3x7xf32>
}

// CHECK-LABEL: @rnn
// CHECK: br.rnn ins({{.*}} : tensor<0x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>) {activations = ["relu"]}
// CHECK-SAME: -> (tensor<0x3x7xf32>, tensor<1x3x7xf32>)
func.func @rnn(%x: tensor<0x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>)
    -> tensor<0x3x7xf32> {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<0x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {activations = ["relu"]} -> (tensor<0x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<0x3x7xf32>
}

// CHECK-LABEL: @cells
// CHECK: br.lstm_cell ins({{.*}} : tensor<3x5xf32>, tensor<28x5xf32>, tensor<28x7xf32>)
// CHECK-SAME: bias(%{{.*}} : tensor<28xf32>) initial(%{{.*}}, %{{.*}} : tensor<3x7xf32>, tensor<3x7xf32>)
// CHECK-SAME: -> (tensor<3x7xf32>, tensor<3x7xf32>)
// CHECK: br.gru_cell ins({{.*}} : tensor<3x5xf32>, tensor<21x5xf32>, tensor<21x7xf32>)
// CHECK-SAME: initial(%{{.*}} : tensor<3x7xf32>) -> tensor<3x7xf32>
// CHECK: br.rnn_cell ins({{.*}} : tensor<3x5xf32>, tensor<7x5xf32>, tensor<7x7xf32>)
// CHECK-SAME: -> tensor<3x7xf32>
func.func @cells(%x: tensor<3x5xf32>, %w4: tensor<28x5xf32>, %r4: tensor<28x7xf32>,
    %b: tensor<28xf32>, %w3: tensor<21x5xf32>, %r3: tensor<21x7xf32>,
    %w1: tensor<7x5xf32>, %r1: tensor<7x7xf32>, %h0: tensor<3x7xf32>)
    -> tensor<3x7xf32> {
  %h, %c = br.lstm_cell
    ins(%x, %w4, %r4 : tensor<3x5xf32>, tensor<28x5xf32>, tensor<28x7xf32>)
    bias(%b : tensor<28xf32>) initial(%h0, %h0 : tensor<3x7xf32>, tensor<3x7xf32>)
    -> (tensor<3x7xf32>, tensor<3x7xf32>)
  %h3 = br.gru_cell
    ins(%x, %w3, %r3 : tensor<3x5xf32>, tensor<21x5xf32>, tensor<21x7xf32>)
    initial(%h : tensor<3x7xf32>) -> tensor<3x7xf32>
  %h1 = br.rnn_cell
    ins(%x, %w1, %r1 : tensor<3x5xf32>, tensor<7x5xf32>, tensor<7x7xf32>)
    -> tensor<3x7xf32>
  func.return %h3 : tensor<3x7xf32>
}
