// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0}' 2>&1 | filecheck %s --check-prefix SCALAR
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0 loss=cross-entropy}' 2>&1 | filecheck %s --check-prefix LOGITS
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=1 loss=mean-squared-error}' 2>&1 | filecheck %s --check-prefix INTEGER
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0 loss=hinge}' 2>&1 | filecheck %s --check-prefix LOSS
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0 optimizer=lion}' 2>&1 | filecheck %s --check-prefix OPTIMIZER
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0 optimizer=adam momentum=0.9}' 2>&1 | filecheck %s --check-prefix SETTING
// RUN: not br-opt %s -p 'add-training-step{entry=rows parameters=0 momentum=1.0}' 2>&1 | filecheck %s --check-prefix MOMENTUM
// RUN: not br-opt %s -p 'add-training-step{entry=two parameters=0}' 2>&1 | filecheck %s --check-prefix RESULTS
// RUN: not br-opt %s -p 'add-training-step{entry=two parameters=0,0}' 2>&1 | filecheck %s --check-prefix TWICE
// RUN: not br-opt %s -p 'add-training-step{entry=mixed parameters=0,1 loss=mean-squared-error}' 2>&1 | filecheck %s --check-prefix MIXED

// LOSS: expected a loss out of cross-entropy, mean-squared-error, got 'hinge'
// OPTIMIZER: expected an optimizer out of sgd, adam, got 'lion'
// SETTING: expected settings of adam out of rate, beta1, beta2, epsilon, weight_decay, got 'momentum'
// MOMENTUM: momentum: expected a number from 0 to below 1, got 1.0

// SCALAR: add_training_step_invalid.mlir:[[# @LINE + 3]]:1: 'func.func': expected a loss of one number, a tensor without dimensions, got tensor<4xf32>; give loss= as one out of cross-entropy, mean-squared-error
// LOGITS: add_training_step_invalid.mlir:[[# @LINE + 2]]:1: 'func.func': expected a result of logits [examples, classes] for loss=cross-entropy, got tensor<4xf32>
// INTEGER: add_training_step_invalid.mlir:[[# @LINE + 1]]:1: 'func.func': expected wrt to name tensors of floats, got argument 1 of type tensor<4xi32>
func.func @rows(%x: tensor<4xf32>, %i: tensor<4xi32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// RESULTS: add_training_step_invalid.mlir:[[# @LINE + 2]]:1: 'func.func': expected one result, a tensor of floats, got tensor<f32>, tensor<f32>
// TWICE: add_training_step_invalid.mlir:[[# @LINE + 1]]:1: 'func.func': expected each parameter once, got 0, 0
func.func @two(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  func.return %x, %x : tensor<f32>, tensor<f32>
}

// MIXED: add_training_step_invalid.mlir:[[# @LINE + 1]]:1: 'func.func': expected parameters of f32, as the loss is, got argument 1 of type tensor<4xf64>
func.func @mixed(%x: tensor<4xf32>, %y: tensor<4xf64>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}
