// RUN: br-opt %s -p bufferize --split-input-file --verify-diagnostics | filecheck %s

// CHECK: bufferize_invalid.mlir:5:3: 'test.op': expected linalg, br or tensor ops on tensors, got one that has no bufferization; supported are linalg.generic, linalg.fill, br.contract, arith.constant, scf.for, scf.while, scf.if and tensor.pad
func.func @unknown(%x: tensor<4xf32>) -> tensor<2xf32> {
  %y = "test.op"(%x) : (tensor<4xf32>) -> tensor<2xf32>
  func.return %y : tensor<2xf32>
}

// -----

// CHECK: 'func.func': expected static sizes, got tensor<?x?xf32>; give the shapes of the arguments (br-run --input=SHAPExf32)
func.func @two_open_sizes(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  func.return %x : tensor<?x?xf32>
}

// -----

// CHECK: 'linalg.fill': expected static sizes, got tensor<?xf32>; give the shapes of the arguments (br-run --input=SHAPExf32)
func.func @no_recurrence(%x: tensor<?xf32>, %y: f32) -> tensor<?xf32> {
  %z = linalg.fill ins(%y : f32) outs(%x : tensor<?xf32>) -> tensor<?xf32>
  func.return %z : tensor<?xf32>
}

// -----

// CHECK: 'tensor.expand_shape': expected static sizes, got tensor<?xf32>
func.func @view(%x: tensor<?xf32>) -> tensor<?x1xf32> {
  %0 = arith.constant 0 : index
  %n = tensor.dim %x, %0 : tensor<?xf32>
  %y = tensor.expand_shape %x [[0, 1]] output_shape [%n, 1] : tensor<?xf32> into tensor<?x1xf32>
  func.return %y : tensor<?x1xf32>
}

// -----

// CHECK: 'func.func': expected an argument with the number of steps, got (tensor<1xf32>, index)
func.func @no_steps(%x: tensor<1xf32>, %n: index) -> tensor<1xf32> {
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = tensor.extract %e[%n] : tensor<?xf32>
  func.return %x : tensor<1xf32>
}

// -----

// CHECK: 'func.func': expected one block, got branches between blocks
func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^bb1
^bb1:
  func.return %x : tensor<4xf32>
}

// -----

// CHECK: 'func.return': expected tensor results, got f32
func.func @scalar(%x: tensor<4xf32>, %y: f32) -> f32 {
  func.return %y : f32
}

// -----

// CHECK: 'tensor.pad': expected constant padding by static amounts
func.func @pad(%x: tensor<4xf32>) -> tensor<6xf32> {
  %y = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    %j = arith.index_cast %i : index to i32
    %z = arith.sitofp %j : i32 to f32
    tensor.yield %z : f32
  } : tensor<4xf32> to tensor<6xf32>
  func.return %y : tensor<6xf32>
}

// -----

// CHECK: 'tensor.pad': expected padding of at least 0, got -1
func.func @negative(%x: tensor<4xf32>) -> tensor<3xf32> {
  %zero = arith.constant 0.0 : f32
  %y = tensor.pad %x low[-1] high[0] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<4xf32> to tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

// CHECK: 'scf.execute_region': expected linalg, br or tensor ops on tensors, got one that has no bufferization
func.func @region(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = "scf.execute_region"() ({
    scf.yield %x : tensor<4xf32>
  }) : () -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

// CHECK: 'scf.index_switch': expected an op that has a bufferization
func.func @switch(%x: tensor<4xf32>, %i: index) -> tensor<4xf32> {
  "scf.index_switch"(%i) <{cases = array<i64>}> ({
    %y = tensor.extract %x[%i] : tensor<4xf32>
    scf.yield
  }) : (index) -> ()
  func.return %x : tensor<4xf32>
}

// -----

// CHECK: 'scf.for': expected trips that write what the loop carries in its place
func.func @shared_anew(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %y = scf.for %i = %zero to %two step %one iter_args(%c = %x) -> (tensor<4xf32>) {
    scf.yield %x : tensor<4xf32>
  } {br.parallel}
  func.return %y : tensor<4xf32>
}

// -----

// CHECK: 'scf.for': expected trips 0 to a known number, got [1, 2, 1]
func.func @shared_from_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %f = arith.constant 1.0 : f32
  %y = scf.for %i = %one to %two step %one iter_args(%c = %x) -> (tensor<4xf32>) {
    %d = tensor.insert %f into %c[%i] : tensor<4xf32>
    scf.yield %d : tensor<4xf32>
  } {br.parallel}
  func.return %y : tensor<4xf32>
}
