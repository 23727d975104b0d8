// RUN: not br-opt %s -p 'differentiate{entry=nothing}' 2>&1 | filecheck %s --check-prefix MISSING
// RUN: not br-opt %s -p 'differentiate{entry=integers wrt=1}' 2>&1 | filecheck %s --check-prefix INTEGER
// RUN: not br-opt %s -p 'differentiate{entry=integers wrt=0,2}' 2>&1 | filecheck %s --check-prefix ARGUMENT
// RUN: not br-opt %s -p 'differentiate{entry=open}' 2>&1 | filecheck %s --check-prefix OPEN
// RUN: not br-opt %s -p 'differentiate{entry=product}' 2>&1 | filecheck %s --check-prefix PRODUCT
// RUN: not br-opt %s -p 'differentiate{entry=conditional}' 2>&1 | filecheck %s --check-prefix CONDITIONAL
// RUN: not br-opt %s -p 'differentiate{entry=bitcast}' 2>&1 | filecheck %s --check-prefix BITCAST
// RUN: not br-opt %s -p 'differentiate{entry=element}' 2>&1 | filecheck %s --check-prefix ELEMENT
// RUN: not br-opt %s -p 'differentiate{entry=gather}' 2>&1 | filecheck %s --check-prefix GATHER
// RUN: not br-opt %s -p 'differentiate{entry=diagonal}' 2>&1 | filecheck %s --check-prefix DIAGONAL

#same = affine_map<(m) -> (m)>
#none = affine_map<(m) -> ()>
#twice = affine_map<(m) -> (m, m)>

// MISSING: differentiate: expected entry to be a function out of integers, open, product, conditional, bitcast, element, gather, diagonal, got 'nothing'

// INTEGER: differentiate_invalid.mlir:[[# @LINE + 2]]:1: 'func.func': expected wrt to name tensors of floats, got argument 1 of type tensor<4xi32>
// ARGUMENT: differentiate_invalid.mlir:[[# @LINE + 1]]:1: 'func.func': expected wrt to name arguments out of 0 to 1, got 2
func.func @integers(%x: tensor<4xf32>, %y: tensor<4xi32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// OPEN: differentiate_invalid.mlir:[[# @LINE + 1]]:1: 'func.func': expected static sizes to differentiate, got tensor<?xf32>; write the sizes into the arguments' types
func.func @open(%x: tensor<?xf32>) -> tensor<?xf32> {
  func.return %x : tensor<?xf32>
}

func.func @product(%x: tensor<4xf32>, %one: tensor<f32>) -> tensor<f32> {
  // PRODUCT: differentiate_invalid.mlir:[[# @LINE + 1]]:3: 'linalg.generic': expected a sum, or a maximum or minimum that starts from a constant
  %y = linalg.generic {indexing_maps = [#same, #none], iterator_types = ["reduction"]}
      ins(%x : tensor<4xf32>) outs(%one : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %p = arith.mulf %in, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  func.return %y : tensor<f32>
}

func.func @conditional(%x: tensor<4xf32>, %one: tensor<f32>) -> tensor<f32> {
  // CONDITIONAL: differentiate_invalid.mlir:[[# @LINE + 1]]:3: 'linalg.generic': expected what a reduction adds up not to depend on the sum so far
  %y = linalg.generic {indexing_maps = [#same, #none], iterator_types = ["reduction"]}
      ins(%x : tensor<4xf32>) outs(%one : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %more = arith.cmpf ogt, %in, %out : f32
    %none = arith.constant 0.0 : f32
    %term = arith.select %more, %in, %none : f32
    %sum = arith.addf %out, %term : f32
    linalg.yield %sum : f32
  } -> tensor<f32>
  func.return %y : tensor<f32>
}

func.func @bitcast(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    // BITCAST: differentiate_invalid.mlir:[[# @LINE + 1]]:5: 'arith.bitcast': expected an operation with a derivative
    %p = arith.bitcast %in : f32 to f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

func.func @element(%x: tensor<4xf32>) -> tensor<4xf32> {
  %first = arith.constant 0 : index
  // ELEMENT: differentiate_invalid.mlir:[[# @LINE + 1]]:3: 'tensor.extract': expected an operation with a gradient, got tensor.extract
  %scalar = tensor.extract %x[%first] : tensor<4xf32>
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.fill ins(%scalar : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

func.func @gather(%x: tensor<4xf32>) -> tensor<4xf32> {
  %empty = tensor.empty() : tensor<4xf32>
  // GATHER: differentiate_invalid.mlir:[[# @LINE + 1]]:3: 'linalg.generic': expected a body that reads what is differentiated through its arguments
  %y = linalg.generic {indexing_maps = [#same], iterator_types = ["parallel"]}
      outs(%empty : tensor<4xf32>) {
  ^bb0(%out: f32):
    %first = arith.constant 0 : index
    %in = tensor.extract %x[%first] : tensor<4xf32>
    linalg.yield %in : f32
  } -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

func.func @diagonal(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %empty = tensor.empty() : tensor<4xf32>
  // DIAGONAL: differentiate_invalid.mlir:[[# @LINE + 1]]:3: 'linalg.generic': expected each iterator in one dimension of an operand to differentiate
  %y = linalg.generic {indexing_maps = [#twice, #same], iterator_types = ["parallel"]}
      ins(%x : tensor<4x4xf32>) outs(%empty : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}
