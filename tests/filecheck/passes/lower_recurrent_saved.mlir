// RUN: br-opt %s -p lower-recurrent-ops --split-input-file | filecheck %s

// What gradients need: behind the states the cell yields the gates, since their slopes
// follow from them.

// CHECK-LABEL: @gates
// CHECK:       br.recurrence
// CHECK:       ^{{.*}}(%[[I:.*]]: f32, %[[O:.*]]: f32, %[[F:.*]]: f32, %[[G:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK:         %[[TANH:.*]] = math.tanh %[[G]]
// CHECK:         br.yield %{{.*}}, %[[C:.*]], %{{.*}}, %{{.*}}, %{{.*}}, %[[TANH]] : f32, f32, f32, f32, f32, f32
func.func @gates(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> tensor<1x9x3x35xf32> {
  %y, %h, %c, %saved = br.lstm
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x9x3x35xf32>)
  func.return %saved : tensor<1x9x3x35xf32>
}

// -----

// Within and beyond `clip` slopes differ: only the sums tell.

// CHECK-LABEL: @sums
// CHECK:       br.recurrence
// CHECK:       ^{{.*}}(%[[I:.*]]: f32, %[[O:.*]]: f32, %[[F:.*]]: f32, %[[G:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK:         br.yield %{{.*}}, %{{.*}}, %[[I]], %[[O]], %[[F]], %[[G]] : f32, f32, f32, f32, f32, f32
func.func @sums(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> tensor<1x9x3x35xf32> {
  %y, %h, %c, %saved = br.lstm
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {clip = 3.0 : f64}
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>, tensor<1x9x3x35xf32>)
  func.return %saved : tensor<1x9x3x35xf32>
}
