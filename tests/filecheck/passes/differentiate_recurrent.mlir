// RUN: br-opt %s -p 'differentiate{entry=lstm wrt=1}' | filecheck %s
// RUN: br-opt %s -p 'differentiate{entry=lstm wrt=1 save=false}' | filecheck %s --check-prefix=AGAIN

// The walk back in time is one operation. Saved are y, the gates and c of each step.
// CHECK-LABEL: func.func @lstm(
// CHECK:         br.lstm ins({{.*}}) {gates = "ifco"} -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
// CHECK-LABEL: func.func @lstm_forward(
// CHECK:         %[[Y:.*]], %[[H:.*]], %[[C:.*]], %[[S:.*]] = br.lstm ins
// CHECK:         func.return %[[H]], %[[Y]], %[[S]] : tensor<1x3x7xf32>, tensor<9x3x7xf32>, tensor<1x9x3x35xf32>
// CHECK-LABEL: func.func @lstm_backward(
// CHECK-SAME:    %[[Y:[^ ]*]]: tensor<9x3x7xf32>, %[[S:[^ ]*]]: tensor<1x9x3x35xf32>, %[[DH:[^ ]*]]: tensor<1x3x7xf32>)
// CHECK:         %{{.*}}, %[[DW:.*]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = br.lstm_backward ins
// CHECK-SAME:    saved(%[[Y]], %[[S]] : tensor<9x3x7xf32>, tensor<1x9x3x35xf32>) dh(%[[DH]] : tensor<1x3x7xf32>)
// CHECK-NOT:     br.lstm
// CHECK:         func.return %[[DW]]

// AGAIN-NOT:   @lstm_forward
// AGAIN-LABEL: func.func @lstm_backward(
// AGAIN:         br.lstm ins
// AGAIN:         br.lstm_backward ins
func.func @lstm(%x: tensor<9x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> tensor<1x3x7xf32> {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {gates = "ifco"}
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return %h : tensor<1x3x7xf32>
}
