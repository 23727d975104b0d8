// RUN: br-opt %s -p lower-recurrent-ops | filecheck %s

// The weights go into panels with the gates of some units side by side, the biases are
// added up, and the equations become the cell.
module attributes {br.target = #br.target<"x86-64-v3">} {

// CHECK-LABEL: @lstm(
// CHECK:      tensor.pad %{{.*}} low[0, 0] high[0, 3]
// CHECK:      %[[W:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x4x7x16xf32>)
// CHECK:      %[[R:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x4x13x16xf32>)
// CHECK:      %[[SCRATCH:.*]] = tensor.empty() : tensor<{{.*}}xi8>
// CHECK:      br.recurrence ins(%x, %[[W]], %[[R]], %{{.*}} : {{.*}}) initial(
// CHECK-SAME:   scratch(%[[SCRATCH]] :
// CHECK-SAME:   {chunk = 5 : i64, rows = 3 : i64, depth = 13 : i64, groups = 1 : i64, offset = 0 : i64, from_zero} cell {
// CHECK-NEXT: ^bb0(%[[I:.*]]: f32, %[[F:.*]]: f32, %[[G:.*]]: f32, %[[O:.*]]: f32, %[[H:.*]]: f32, %[[C:.*]]: f32):
// CHECK:        math.fma %{{.*}}, %[[C]], %{{.*}} : f32
// CHECK:        br.yield %{{.*}}, %{{.*}} : f32, f32
func.func @lstm(%x: tensor<5x3x7xf32>, %w: tensor<1x52x7xf32>, %r: tensor<1x52x13xf32>,
    %b: tensor<1x52xf32>, %rb: tensor<1x52xf32>) -> tensor<5x3x13xf32> {
  %y, %h, %c = br.lstm
      ins(%x, %w, %r : tensor<5x3x7xf32>, tensor<1x52x7xf32>, tensor<1x52x13xf32>)
      bias(%b : tensor<1x52xf32>) recurrent_bias(%rb : tensor<1x52xf32>)
      {gates = "ifco"}
      -> (tensor<5x3x13xf32>, tensor<1x3x13xf32>, tensor<1x3x13xf32>)
  func.return %y : tensor<5x3x13xf32>
}

// Both directions write into one y, the second behind the first.
// CHECK-LABEL: @bidirectional(
// CHECK:      %[[Y:.*]], %{{.*}} = br.recurrence ins(%x,
// CHECK-SAME:   offset = 0 : i64, from_zero} cell
// CHECK:      br.recurrence ins(%x,
// CHECK-SAME:   outs(%[[Y]],
// CHECK-SAME:   offset = 16 : i64, reverse, from_zero} cell
func.func @bidirectional(%x: tensor<5x3x7xf32>, %w: tensor<2x16x7xf32>,
    %r: tensor<2x16x16xf32>) -> tensor<5x3x32xf32> {
  %y, %h = br.rnn
      ins(%x, %w, %r : tensor<5x3x7xf32>, tensor<2x16x7xf32>, tensor<2x16x16xf32>)
      {direction = "bidirectional"} -> (tensor<5x3x32xf32>, tensor<2x3x16xf32>)
  func.return %y : tensor<5x3x32xf32>
}

// Before the candidate gate multiplies h, the reset gate does.
// CHECK-LABEL: @gru(
// CHECK:      br.recurrence
// CHECK-SAME:   candidate = 2 : i64, from_zero} cell {
// CHECK:      } reset {
// CHECK:        br.yield %{{.*}} : f32
func.func @gru(%x: tensor<5x3x7xf32>, %w: tensor<1x48x7xf32>, %r: tensor<1x48x16xf32>)
    -> tensor<5x3x16xf32> {
  %y, %h = br.gru
      ins(%x, %w, %r : tensor<5x3x7xf32>, tensor<1x48x7xf32>, tensor<1x48x16xf32>)
      -> (tensor<5x3x16xf32>, tensor<1x3x16xf32>)
  func.return %y : tensor<5x3x16xf32>
}

// Or the product stands apart, to be multiplied afterwards.
// CHECK-LABEL: @gru_linear(
// CHECK:      br.recurrence
// CHECK-SAME:   columns(%{{.*}} : tensor<1x1x16xf32>)
// CHECK-SAME:   candidate = 2 : i64, apart, from_zero} cell {
// CHECK-NOT:  reset
func.func @gru_linear(%x: tensor<5x3x7xf32>, %w: tensor<1x48x7xf32>,
    %r: tensor<1x48x16xf32>, %rb: tensor<1x48xf32>) -> tensor<5x3x16xf32> {
  %y, %h = br.gru
      ins(%x, %w, %r : tensor<5x3x7xf32>, tensor<1x48x7xf32>, tensor<1x48x16xf32>)
      recurrent_bias(%rb : tensor<1x48xf32>)
      {gates = "rzh", linear_before_reset}
      -> (tensor<5x3x16xf32>, tensor<1x3x16xf32>)
  func.return %y : tensor<5x3x16xf32>
}

// CHECK-LABEL: @cell(
// CHECK:      br.recurrence {{.*}} {chunk = 1 : i64,
func.func @cell(%x: tensor<3x7xf32>, %w: tensor<16x7xf32>, %r: tensor<16x16xf32>)
    -> tensor<3x16xf32> {
  %h = br.rnn_cell ins(%x, %w, %r : tensor<3x7xf32>, tensor<16x7xf32>, tensor<16x16xf32>)
      -> tensor<3x16xf32>
  func.return %h : tensor<3x16xf32>
}

// No steps: the states stay.
// CHECK-LABEL: @no_steps(
// CHECK-NOT:  br.recurrence
// CHECK:      func.return %{{.*}}, %h0 :
func.func @no_steps(%x: tensor<0x3x7xf32>, %w: tensor<1x16x7xf32>,
    %r: tensor<1x16x16xf32>, %h0: tensor<1x3x16xf32>)
    -> (tensor<0x3x16xf32>, tensor<1x3x16xf32>) {
  %y, %h = br.rnn
      ins(%x, %w, %r : tensor<0x3x7xf32>, tensor<1x16x7xf32>, tensor<1x16x16xf32>)
      initial(%h0 : tensor<1x3x16xf32>)
      -> (tensor<0x3x16xf32>, tensor<1x3x16xf32>)
  func.return %y, %h : tensor<0x3x16xf32>, tensor<1x3x16xf32>
}
}
