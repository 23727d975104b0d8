// RUN: br-opt %s -p bufferize --split-input-file --verify-diagnostics | filecheck %s

// CHECK: expected argument 0 with br.state = 1 to have the type of a result of that number, tensor<4xf32>; there are 1
func.func @beyond(%w: tensor<4xf32> {br.state = 1}) -> tensor<4xf32> {
  func.return %w : tensor<4xf32>
}

// -----

// CHECK: expected argument 0 with br.state = 0 to have the type of a result of that number, tensor<4xf32>; there are 1
func.func @other_type(%w: tensor<4xf32> {br.state = 0}, %v: tensor<5xf32>) -> tensor<5xf32> {
  func.return %v : tensor<5xf32>
}

// -----

// CHECK: expected one argument with br.state = 0
func.func @twice(%w: tensor<4xf32> {br.state = 0}, %v: tensor<4xf32> {br.state = 0}) -> tensor<4xf32> {
  func.return %w : tensor<4xf32>
}

// -----

// CHECK: expected br.state = NUMBER, got "w"
func.func @text(%w: tensor<4xf32> {br.state = "w"}) -> tensor<4xf32> {
  func.return %w : tensor<4xf32>
}

// -----

// CHECK: expected result 0, the next argument 0, to be computed, got another argument
func.func @exchanged(%w: tensor<4xf32> {br.state = 0}, %v: tensor<4xf32> {br.state = 1})
    -> (tensor<4xf32>, tensor<4xf32>) {
  func.return %v, %w : tensor<4xf32>, tensor<4xf32>
}
