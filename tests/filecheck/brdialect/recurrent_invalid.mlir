// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: recurrent_invalid.mlir:6:3: 'br.lstm': expected r as [D, 4*K, K] = [1, 28, 7], got [1, 21, 7]
func.func @gates_of_r(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x21x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x21x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected w as [D, 4*K, C] = [1, 28, 5], got [1, 21, 5]
func.func @gate_count(%x: tensor<2x3x5xf32>, %w: tensor<1x21x5xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x21x5xf32>, tensor<1x28x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected w as [D, 4*K, C] = [1, 28, 5], got [1, 28, 6]
func.func @inputs(%x: tensor<2x3x5xf32>, %w: tensor<1x28x6xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x6xf32>, tensor<1x28x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected w as [D, 4*K, C] = [2, 28, 5], got [1, 28, 5]
func.func @directions(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {direction = "bidirectional"}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected direction to be one of forward, reverse, bidirectional, got backward
func.func @direction(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {direction = "backward"}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected gates to be an order of "iofc", got "iof"
func.func @gates(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {gates = "iof"}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.gru': expected gates to be an order of "zrh", got "zzr"
func.func @gru_gates(%x: tensor<2x3x5xf32>, %w: tensor<1x21x5xf32>,
    %r: tensor<1x21x7xf32>) {
  %y, %h = br.gru
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x21x5xf32>, tensor<1x21x7xf32>)
    {gates = "zzr"}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected f, g, h of each direction as activations, 3, got 2
func.func @activations(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {activations = ["sigmoid", "tanh"]}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.gru': expected f, g of each direction as activations, 2 or 4, got 3
func.func @activations_of_two(%x: tensor<2x3x5xf32>, %w: tensor<2x21x5xf32>,
    %r: tensor<2x21x7xf32>) {
  %y, %h = br.gru
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<2x21x5xf32>, tensor<2x21x7xf32>)
    {activations = ["relu", "relu", "relu"], direction = "bidirectional"}
    -> (tensor<2x3x14xf32>, tensor<2x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected an activation, one of sigmoid, tanh, relu, affine, leaky_relu, thresholded_relu, scaled_tanh, hard_sigmoid, elu, softsign, softplus, got 'gelu'
func.func @activation(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>,
    %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {activations = ["gelu"]}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected leaky_relu to have at most 1 parameters, got 2 in 'leaky_relu(0.1, 0.2)'
func.func @parameters(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>,
    %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {activations = ["leaky_relu(0.1, 0.2)"]}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected numbers as parameters, got 'elu(x)'
func.func @parameter(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>,
    %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {activations = ["elu(x)"]}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected clip greater than 0, got -1.0
func.func @clip(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {clip = -1.0 : f64}
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected x as [T, N, C], got tensor<3x5xf32>
func.func @rank(%x: tensor<3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected w of f32, got tensor<1x7x5xf64>
func.func @element(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf64>,
    %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf64>, tensor<1x7x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected x of f32 or f64, got tensor<2x3x5xf16>
func.func @elements(%x: tensor<2x3x5xf16>, %w: tensor<1x7x5xf32>,
    %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf16>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected a static K of at least 1, got x: tensor<2x3x5xf32>, w: tensor<1x?x5xf32>, r: tensor<1x?x?xf32>
func.func @open(%x: tensor<2x3x5xf32>, %w: tensor<1x?x5xf32>, %r: tensor<1x?x?xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x?x5xf32>, tensor<1x?x?xf32>)
    -> (tensor<2x3x?xf32>, tensor<1x3x?xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected bias as [D, K] = [1, 7], got [1, 14]
func.func @bias(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %b: tensor<1x14xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    bias(%b : tensor<1x14xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected h0 as [D, N, K] = [1, 3, 7], got [1, 2, 7]
func.func @state(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %h0: tensor<1x2x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    initial(%h0 : tensor<1x2x7xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected peepholes as [D, 3*K] = [1, 21], got [1, 28]
func.func @peepholes(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>, %p: tensor<1x28xf32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    peepholes(%p : tensor<1x28xf32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected lengths as [N] = [3], got [2]
func.func @lengths(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>, %n: tensor<2xi32>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    lengths(%n : tensor<2xi32>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.lstm': expected lengths of i32, got tensor<3xi64>
func.func @lengths_of_i64(%x: tensor<2x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>, %n: tensor<3xi64>) {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    lengths(%n : tensor<3xi64>)
    -> (tensor<2x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.rnn': expected y as [N, T, D*K] = [2, 3, 7], got [3, 2, 7]
func.func @layout(%x: tensor<2x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>) {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<2x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    {batch_first}
    -> (tensor<3x2x7xf32>, tensor<1x2x7xf32>)
  func.return
}

// -----

// CHECK: 'br.gru': expected y as [T, N, D*K] = [?, 3, 7], got [2, 4, 7]
func.func @dynamic(%x: tensor<?x3x5xf32>, %w: tensor<1x21x5xf32>,
    %r: tensor<1x21x7xf32>) {
  %y, %h = br.gru
    ins(%x, %w, %r : tensor<?x3x5xf32>, tensor<1x21x5xf32>, tensor<1x21x7xf32>)
    -> (tensor<2x4x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: 'br.gru_cell': expected w as [3*K, C] = [21, 5], got [28, 5]
func.func @cell(%x: tensor<3x5xf32>, %w: tensor<28x5xf32>, %r: tensor<21x7xf32>) {
  %h = br.gru_cell
    ins(%x, %w, %r : tensor<3x5xf32>, tensor<28x5xf32>, tensor<21x7xf32>)
    -> tensor<3x7xf32>
  func.return
}

// -----

// CHECK: 'br.lstm_cell': expected both initial states, h0 and c0, or neither
func.func @initial(%x: tensor<3x5xf32>, %w: tensor<28x5xf32>, %r: tensor<28x7xf32>,
    %h0: tensor<3x7xf32>) {
  %h, %c = "br.lstm_cell"(%x, %w, %r, %h0)
    <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0, 0>, gates = "iofc"}>
    : (tensor<3x5xf32>, tensor<28x5xf32>, tensor<28x7xf32>, tensor<3x7xf32>)
    -> (tensor<3x7xf32>, tensor<3x7xf32>)
  func.return
}
