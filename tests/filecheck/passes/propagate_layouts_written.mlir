// RUN: br-opt %s -p generalise-linalg,normalise-contractions,propagate-layouts | filecheck %s

// The gradient of the weights of a linear layer: x^T dy is wanted as [K, C], which
// dy^T x is. It is written that way, and nobody reads it across.
// CHECK-LABEL: @update(
// CHECK: %[[G:[a-z0-9]+]] = br.contract ins(%dy, %x : tensor<9x7xf32>, tensor<9x5xf32>) outs(%{{.*}} : tensor<7x5xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d2, d0)>, affine_map<(d0, d1, d2) -> (d1, d0)>]
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}}} ins(%w, %[[G]] :
func.func @update(%x: tensor<9x5xf32>, %dy: tensor<9x7xf32>, %w: tensor<7x5xf32>,
    %t: tensor<5x9xf32>, %e: tensor<5x7xf32>) -> tensor<7x5xf32> {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %xt = linalg.transpose ins(%x : tensor<9x5xf32>) outs(%t : tensor<5x9xf32>)
    permutation = [1, 0]
  %product = linalg.matmul ins(%xt, %dy : tensor<5x9xf32>, tensor<9x7xf32>)
    outs(%g : tensor<5x7xf32>) -> tensor<5x7xf32>
  %gt = linalg.transpose ins(%product : tensor<5x7xf32>) outs(%w : tensor<7x5xf32>)
    permutation = [1, 0]
  %new = linalg.sub ins(%w, %gt : tensor<7x5xf32>, tensor<7x5xf32>)
    outs(%w : tensor<7x5xf32>) -> tensor<7x5xf32>
  func.return %new : tensor<7x5xf32>
}

// The same where the gradient itself is returned.
// CHECK-LABEL: @returned(
// CHECK: %[[G:[a-z0-9]+]] = br.contract ins(%dy, %x : {{.*}}) outs(%{{.*}} : tensor<7x5xf32>)
// CHECK-NEXT: func.return %[[G]]
func.func @returned(%x: tensor<9x5xf32>, %dy: tensor<9x7xf32>, %w: tensor<7x5xf32>,
    %t: tensor<5x9xf32>, %e: tensor<5x7xf32>) -> tensor<7x5xf32> {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %xt = linalg.transpose ins(%x : tensor<9x5xf32>) outs(%t : tensor<5x9xf32>)
    permutation = [1, 0]
  %product = linalg.matmul ins(%xt, %dy : tensor<5x9xf32>, tensor<9x7xf32>)
    outs(%g : tensor<5x7xf32>) -> tensor<5x7xf32>
  %gt = linalg.transpose ins(%product : tensor<5x7xf32>) outs(%w : tensor<7x5xf32>)
    permutation = [1, 0]
  func.return %gt : tensor<7x5xf32>
}

// The columns of x^T would not lie side by side: the copy stays.
// CHECK-LABEL: @across(
// CHECK: %[[G:[a-z0-9]+]] = br.contract ins(%x, %dy :
// CHECK: %[[T:[a-z0-9]+]] = linalg.generic {{.*}} ins(%[[G]] : tensor<5x7xf32>)
// CHECK: func.return %[[T]]
func.func @across(%x: tensor<5x9xf32>, %dy: tensor<9x7xf32>, %w: tensor<7x5xf32>,
    %e: tensor<5x7xf32>) -> tensor<7x5xf32> {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %product = linalg.matmul ins(%x, %dy : tensor<5x9xf32>, tensor<9x7xf32>)
    outs(%g : tensor<5x7xf32>) -> tensor<5x7xf32>
  %gt = linalg.transpose ins(%product : tensor<5x7xf32>) outs(%w : tensor<7x5xf32>)
    permutation = [1, 0]
  func.return %gt : tensor<7x5xf32>
}

// What it adds to would have to be transposed instead.
// CHECK-LABEL: @onto(
// CHECK: br.contract ins(%x, %dy : {{.*}}) outs(%g : tensor<5x7xf32>)
func.func @onto(%x: tensor<9x5xf32>, %dy: tensor<9x7xf32>, %w: tensor<7x5xf32>,
    %t: tensor<5x9xf32>, %g: tensor<5x7xf32>) -> tensor<7x5xf32> {
  %xt = linalg.transpose ins(%x : tensor<9x5xf32>) outs(%t : tensor<5x9xf32>)
    permutation = [1, 0]
  %product = linalg.matmul ins(%xt, %dy : tensor<5x9xf32>, tensor<9x7xf32>)
    outs(%g : tensor<5x7xf32>) -> tensor<5x7xf32>
  %gt = linalg.transpose ins(%product : tensor<5x7xf32>) outs(%w : tensor<7x5xf32>)
    permutation = [1, 0]
  func.return %gt : tensor<7x5xf32>
}

// Who else reads the product wants it as it is.
// CHECK-LABEL: @twice(
// CHECK: br.contract ins(%x, %dy : {{.*}}) outs(%{{.*}} : tensor<5x7xf32>)
func.func @twice(%x: tensor<9x5xf32>, %dy: tensor<9x7xf32>, %w: tensor<7x5xf32>,
    %t: tensor<5x9xf32>, %e: tensor<5x7xf32>) -> (tensor<7x5xf32>, tensor<5x7xf32>) {
  %zero = arith.constant 0.0 : f32
  %g = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %xt = linalg.transpose ins(%x : tensor<9x5xf32>) outs(%t : tensor<5x9xf32>)
    permutation = [1, 0]
  %product = linalg.matmul ins(%xt, %dy : tensor<5x9xf32>, tensor<9x7xf32>)
    outs(%g : tensor<5x7xf32>) -> tensor<5x7xf32>
  %gt = linalg.transpose ins(%product : tensor<5x7xf32>) outs(%w : tensor<7x5xf32>)
    permutation = [1, 0]
  func.return %gt, %product : tensor<7x5xf32>, tensor<5x7xf32>
}
