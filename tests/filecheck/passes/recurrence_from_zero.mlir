// RUN: br-opt %s -p lower-recurrent-ops --split-input-file | filecheck %s
// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=1},lower-recurrent-ops,bufferize,convert-recurrence-to-br' --split-input-file | filecheck %s --check-prefix=LOOPS

// A state of zeros, which is left out, a constant or filled, is known to be one. Then
// the first step multiplies nothing by R.

// CHECK-LABEL: @left_out
// CHECK:         br.recurrence {{.*}}from_zero
// LOOPS-LABEL: @left_out
// LOOPS:         %[[FIRST:.*]] = arith.cmpi eq
// LOOPS:         scf.if %[[FIRST]] {
// LOOPS-NOT:       br.batch_reduce_gemm
// LOOPS:         } else {
// LOOPS:           br.batch_reduce_gemm
func.func @left_out(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>)
    -> tensor<9x3x7xf32> {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<9x3x7xf32>
}

// -----

// CHECK-LABEL: @constant
// CHECK:         br.recurrence {{.*}}from_zero
func.func @constant(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>)
    -> tensor<9x3x7xf32> {
  %h0 = arith.constant dense<0.0> : tensor<1x3x7xf32>
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    initial(%h0 : tensor<1x3x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<9x3x7xf32>
}

// -----

// CHECK-LABEL: @filled
// CHECK:         br.recurrence {{.*}}from_zero
func.func @filled(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>)
    -> tensor<9x3x7xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x3x7xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x3x7xf32>) -> tensor<1x3x7xf32>
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    initial(%h0 : tensor<1x3x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<9x3x7xf32>
}

// -----

// CHECK-LABEL: @argument
// CHECK-NOT:     from_zero
// LOOPS-LABEL: @argument
// LOOPS-NOT:     scf.if
// LOOPS:         br.batch_reduce_gemm
func.func @argument(%x: tensor<9x3x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>,
    %h0: tensor<1x3x7xf32>) -> tensor<9x3x7xf32> {
  %y, %h = br.rnn
    ins(%x, %w, %r : tensor<9x3x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    initial(%h0 : tensor<1x3x7xf32>)
    -> (tensor<9x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<9x3x7xf32>
}
