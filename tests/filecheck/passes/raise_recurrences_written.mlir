// RUN: br-opt %s -p generalise-linalg,raise-recurrences | filecheck %s

// The computation counts, not the operations that it is cut into.

#id = affine_map<(n, k) -> (n, k)>

// One operation for the whole cell, one product of both inputs side by side, the bias as
// what the product starts from, the gates in ONNX's order, sigmoid by tanh.
// CHECK-LABEL: @fused
// CHECK-DAG: %[[W:.*]] = tensor.extract_slice %w[0, 0] [16, 5]
// CHECK-DAG: %[[R:.*]] = tensor.extract_slice %w[0, 5] [16, 4]
// CHECK: br.lstm ins(%{{.*}} : tensor<1x3x5xf32>, tensor<1x16x5xf32>, tensor<1x16x4xf32>) bias(%{{.*}}) initial({{.*}}) -> (
// CHECK-NOT: linalg
func.func @fused(%x: tensor<3x5xf32>, %h: tensor<3x4xf32>, %c: tensor<3x4xf32>,
    %w: tensor<16x9xf32>, %b: tensor<16xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %half = arith.constant 0.5 : f32
  %xh = tensor.concat dim(1) %x, %h
    : (tensor<3x5xf32>, tensor<3x4xf32>) -> tensor<3x9xf32>
  %e0 = tensor.empty() : tensor<9x16xf32>
  %wt = linalg.transpose ins(%w : tensor<16x9xf32>) outs(%e0 : tensor<9x16xf32>)
    permutation = [1, 0]
  %e1 = tensor.empty() : tensor<3x16xf32>
  %bb = linalg.broadcast ins(%b : tensor<16xf32>) outs(%e1 : tensor<3x16xf32>)
    dimensions = [0]
  %z = linalg.matmul ins(%xh, %wt : tensor<3x9xf32>, tensor<9x16xf32>)
    outs(%bb : tensor<3x16xf32>) -> tensor<3x16xf32>
  %i = tensor.extract_slice %z[0, 0] [3, 4] [1, 1] : tensor<3x16xf32> to tensor<3x4xf32>
  %o = tensor.extract_slice %z[0, 4] [3, 4] [1, 1] : tensor<3x16xf32> to tensor<3x4xf32>
  %f = tensor.extract_slice %z[0, 8] [3, 4] [1, 1] : tensor<3x16xf32> to tensor<3x4xf32>
  %g = tensor.extract_slice %z[0, 12] [3, 4] [1, 1]
    : tensor<3x16xf32> to tensor<3x4xf32>
  %e2 = tensor.empty() : tensor<3x4xf32>
  %r:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id, #id, #id],
                         iterator_types = ["parallel", "parallel"]}
    ins(%i, %o, %f, %g, %c : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>,
        tensor<3x4xf32>, tensor<3x4xf32>)
    outs(%e2, %e2 : tensor<3x4xf32>, tensor<3x4xf32>) {
  ^bb0(%i0: f32, %o0: f32, %f0: f32, %g0: f32, %c0: f32, %out0: f32, %out1: f32):
    %i1 = arith.mulf %i0, %half : f32
    %i2 = math.tanh %i1 : f32
    %i3 = arith.mulf %half, %i2 : f32
    %i4 = arith.addf %i3, %half : f32
    %o1 = arith.mulf %o0, %half : f32
    %o2 = math.tanh %o1 : f32
    %o3 = arith.mulf %half, %o2 : f32
    %o4 = arith.addf %half, %o3 : f32
    %f1 = arith.mulf %half, %f0 : f32
    %f2 = math.tanh %f1 : f32
    %f3 = arith.mulf %f2, %half : f32
    %f4 = arith.addf %f3, %half : f32
    %g1 = math.tanh %g0 : f32
    %ig = arith.mulf %g1, %i4 : f32
    %fc = arith.mulf %c0, %f4 : f32
    %c1 = arith.addf %ig, %fc : f32
    %c2 = math.tanh %c1 : f32
    %h1 = arith.mulf %c2, %o4 : f32
    linalg.yield %h1, %c1 : f32, f32
  } -> (tensor<3x4xf32>, tensor<3x4xf32>)
  func.return %r#0, %r#1 : tensor<3x4xf32>, tensor<3x4xf32>
}

// A loop by scf.while from the last step to the first, sequences outermost in x and y.
// CHECK-LABEL: @while
// CHECK-NOT: scf.while
// CHECK: %[[Y:.*]], %[[H:.*]] = br.rnn ins(%x, {{.*}} : tensor<3x6x5xf32>, tensor<1x4x5xf32>, tensor<1x4x4xf32>) initial({{.*}}) {direction = "reverse", batch_first, activations = ["relu"]} -> (tensor<3x6x4xf32>, tensor<1x3x4xf32>)
// CHECK: func.return %[[Y]]
func.func @while(%x: tensor<3x6x5xf32>, %h: tensor<3x4xf32>, %w: tensor<5x4xf32>,
    %r: tensor<4x4xf32>) -> tensor<3x6x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<3x6x4xf32>
  %e1 = tensor.empty() : tensor<3x4xf32>
  %none = linalg.fill ins(%zero : f32) outs(%e1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %t0, %h0, %y0 = scf.while (%t = %c0, %s = %h, %y = %e0)
      : (index, tensor<3x4xf32>, tensor<3x6x4xf32>)
      -> (index, tensor<3x4xf32>, tensor<3x6x4xf32>) {
    %more = arith.cmpi slt, %t, %c6 : index
    scf.condition(%more) %t, %s, %y : index, tensor<3x4xf32>, tensor<3x6x4xf32>
  } do {
  ^bb0(%t: index, %s: tensor<3x4xf32>, %y: tensor<3x6x4xf32>):
    %back = arith.subi %c5, %t : index
    %xt = tensor.extract_slice %x[0, %back, 0] [3, 1, 5] [1, 1, 1]
      : tensor<3x6x5xf32> to tensor<3x5xf32>
    %a = linalg.matmul ins(%xt, %w : tensor<3x5xf32>, tensor<5x4xf32>)
      outs(%none : tensor<3x4xf32>) -> tensor<3x4xf32>
    %b = linalg.matmul ins(%s, %r : tensor<3x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<3x4xf32>) -> tensor<3x4xf32>
    %new = linalg.generic {indexing_maps = [#id, #id],
                           iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<3x4xf32>) outs(%e1 : tensor<3x4xf32>) {
    ^bb0(%in: f32, %out: f32):
      %max = arith.maximumf %zero, %in : f32
      linalg.yield %max : f32
    } -> tensor<3x4xf32>
    %all = tensor.insert_slice %new into %y[0, %back, 0] [3, 1, 4] [1, 1, 1]
      : tensor<3x4xf32> into tensor<3x6x4xf32>
    %next = arith.addi %t, %c1 : index
    scf.yield %next, %new, %all : index, tensor<3x4xf32>, tensor<3x6x4xf32>
  }
  func.return %y0 : tensor<3x6x4xf32>
}
