// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: expected saved as [D, T, N, S*K] = [1, 9, 3, 35], got [1, 9, 3, 28]
func.func @saved(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>) {
  %y, %h, %c, %saved = br.lstm
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x9x3x28xf32>)
  func.return
}

// -----

// CHECK: expected dy as [T, N, D*K] = [9, 3, 7], got [9, 3, 5]
func.func @dy(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x7xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.rnn_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x7xf32>) dy(%x : tensor<9x3x5xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>, tensor<1x7xf32>,
        tensor<1x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: expected dw as [D, K, C] = [1, 7, 5], got [1, 7, 7]
func.func @dw(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x7xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.rnn_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x7xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x7x7xf32>, tensor<1x7x7xf32>, tensor<1x7xf32>,
        tensor<1x7xf32>, tensor<1x3x7xf32>)
  func.return
}

// -----

// CHECK: expected both initial states, h0 and c0, or neither
func.func @initial(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>,
    %r: tensor<1x28x7xf32>, %s: tensor<1x3x7xf32>, %y: tensor<9x3x7xf32>,
    %saved: tensor<1x9x3x35xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh0, %dc0, %dp = "br.lstm_backward"(%x, %w, %r, %s, %y,
      %saved) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0>}>
    : (tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>, tensor<1x3x7xf32>,
       tensor<9x3x7xf32>, tensor<1x9x3x35xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>, tensor<1x28xf32>,
        tensor<1x28xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x21xf32>)
  func.return
}
