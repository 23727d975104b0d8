// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// A tensor without dimensions is reshaped without groups.

// CHECK-LABEL: func.func @scalars
func.func @scalars(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: tensor.expand_shape %x [] output_shape [1, 1] : tensor<f32> into tensor<1x1xf32>
  %y = tensor.expand_shape %x [] output_shape [1, 1]
      : tensor<f32> into tensor<1x1xf32>
  // CHECK: tensor.collapse_shape %y [] : tensor<1x1xf32> into tensor<f32>
  %z = tensor.collapse_shape %y [] : tensor<1x1xf32> into tensor<f32>
  func.return %z : tensor<f32>
}

// -----

func.func @two(%x: tensor<2x1xf32>) -> tensor<f32> {
  // CHECK: expected sizes of 1 without groups, got tensor<2x1xf32>
  %y = tensor.collapse_shape %x [] : tensor<2x1xf32> into tensor<f32>
  func.return %y : tensor<f32>
}

// -----

func.func @no_groups(%x: tensor<2x1xf32>) -> tensor<2xf32> {
  // CHECK: expected groups of the dimensions 0 to 1 in order, got []
  %y = tensor.collapse_shape %x [] : tensor<2x1xf32> into tensor<2xf32>
  func.return %y : tensor<2xf32>
}

// -----

func.func @missing(%x: tensor<2x1xf32>) -> tensor<2x1xf32> {
  // CHECK: expected a group for each dimension of tensor<2x1xf32>, got 1
  %y = tensor.expand_shape %x [[0, 1]] output_shape [2, 1]
      : tensor<2x1xf32> into tensor<2x1xf32>
  func.return %y : tensor<2x1xf32>
}

// -----

func.func @sizes(%x: tensor<6xf32>) -> tensor<2x4xf32> {
  // CHECK: expected a size of 8 from the dimensions [0, 1] of tensor<2x4xf32>, got tensor<6xf32>
  %y = tensor.expand_shape %x [[0, 1]] output_shape [2, 4]
      : tensor<6xf32> into tensor<2x4xf32>
  func.return %y : tensor<2x4xf32>
}

// -----

func.func @other_sizes(%x: tensor<6xf32>) -> tensor<2x3xf32> {
  // CHECK: expected a result of sizes [3, 2], got tensor<2x3xf32>
  %y = tensor.expand_shape %x [[0, 1]] output_shape [3, 2]
      : tensor<6xf32> into tensor<2x3xf32>
  func.return %y : tensor<2x3xf32>
}
