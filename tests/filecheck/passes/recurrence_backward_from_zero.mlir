// RUN: br-opt %s -p lower-recurrent-ops --split-input-file | filecheck %s

// From a state of zeros R multiplies nothing in the first step: its gradient is a sum
// over the 8 x 3 rows of the other ones. Nobody asks for the gradient of the state.

// CHECK-LABEL: @left_out
// CHECK:         br.recurrence_backward {{.*}}drops_h
// CHECK:         br.contract ins(%{{.*}}, %{{.*}} : tensor<1x1x24x8xf32>, tensor<1x24x8xf32>)
func.func @left_out(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x7xf32>) -> tensor<1x7x7xf32> {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.rnn_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x7xf32>) dy(%y : tensor<9x3x7xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>, tensor<1x7xf32>,
        tensor<1x7xf32>, tensor<1x3x7xf32>)
  func.return %dr : tensor<1x7x7xf32>
}

// -----

// CHECK-LABEL: @given
// CHECK:         br.recurrence_backward
// CHECK-NOT:     drops_h
// CHECK:         br.contract ins(%{{.*}}, %{{.*}} : tensor<1x1x27x8xf32>, tensor<1x27x8xf32>)
func.func @given(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %h0: tensor<1x3x7xf32>, %y: tensor<9x3x7xf32>, %saved: tensor<1x9x3x7xf32>)
    -> (tensor<1x7x7xf32>, tensor<1x3x7xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.rnn_backward
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    initial(%h0 : tensor<1x3x7xf32>)
    saved(%y, %saved : tensor<9x3x7xf32>, tensor<1x9x3x7xf32>) dy(%y : tensor<9x3x7xf32>)
    -> (tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>, tensor<1x7xf32>,
        tensor<1x7xf32>, tensor<1x3x7xf32>)
  func.return %dr, %dh0 : tensor<1x7x7xf32>, tensor<1x3x7xf32>
}
