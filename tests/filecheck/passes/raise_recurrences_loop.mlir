// RUN: br-opt %s -p generalise-linalg,raise-recurrences | filecheck %s

// ONNX's RNN as torch-mlir exports it: a loop over time, with what Python's indices mean
// written out in it.

// CHECK-LABEL: @main
// CHECK-NOT: scf.for
// CHECK: %[[R:.*]] = linalg.generic
// CHECK: tensor.expand_shape %[[R]]
// CHECK: %[[Y:.*]], %[[H:.*]] = br.rnn ins(%arg0, {{.*}} : tensor<7x3x5xf32>, tensor<1x4x5xf32>, tensor<1x4x4xf32>) bias({{.*}}) recurrent_bias({{.*}}) -> (tensor<7x3x4xf32>, tensor<1x3x4xf32>)
// CHECK-NEXT: %[[E:.*]] = tensor.expand_shape %[[Y]]
// CHECK-NEXT: func.return %[[E]], %[[H]]
#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
module {
  func.func @main(%arg0: tensor<7x3x5xf32>) -> (tensor<7x1x3x4xf32>, tensor<1x3x4xf32>) {
    %cst = arith.constant dense<0.000000e+00> : tensor<7x3x4xf32>
    %cst_0 = arith.constant dense<0.000000e+00> : tensor<3x4xf32>
    %c7_i64 = arith.constant 7 : i64
    %c0_i64 = arith.constant 0 : i64
    %cst_1 = arith.constant 0.000000e+00 : f32
    %cst_2 = arith.constant dense<[[6.756920e-02, 0.64419055, 0.320361197, -1.03923881], [-0.291282922, -0.229932487, -1.07256281, 0.235666066], [0.29404214, 0.358608067, 1.18915439, 1.46284223], [-1.50977254, -0.340310127, -1.70354462, 0.278126299]]> : tensor<4x4xf32>
    %cst_3 = arith.constant dense<[[0.0553649738, 0.412117392, -0.263788164, -0.46332413, 1.22975385], [-1.10536706, 1.03015518, 0.17681247, -0.804305672, -0.289981902], [-0.919993579, 0.675064504, 0.347901762, -0.556796193, -1.10221827], [0.301716089, 0.957385599, -0.113836348, 0.418352515, -0.376027137]]> : tensor<4x5xf32>
    %cst_4 = arith.constant dense<[-0.247908458, -1.42509019, -0.19127667, -0.019877011]> : tensor<4xf32>
    %cst_5 = arith.constant dense<[1.69056869, 0.622125208, -1.52909291, 2.02677917]> : tensor<4xf32>
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c7 = arith.constant 7 : index
    %0:2 = scf.for %arg1 = %c0 to %c7 step %c1 iter_args(%arg2 = %cst, %arg3 = %cst_0) -> (tensor<7x3x4xf32>, tensor<3x4xf32>) {
      %1 = arith.index_cast %arg1 : index to i64
      %2 = arith.cmpi slt, %1, %c0_i64 : i64
      %3 = arith.extui %2 : i1 to i64
      %4 = arith.muli %3, %c7_i64 : i64
      %5 = arith.addi %1, %4 : i64
      %6 = arith.addi %5, %c7_i64 : i64
      %7 = arith.cmpi sge, %5, %c0_i64 : i64
      %8 = arith.select %7, %5, %6 : i64
      %9 = arith.maxsi %8, %c0_i64 : i64
      %10 = arith.minsi %9, %c7_i64 : i64
      %11 = arith.index_cast %10 : i64 to index
      %extracted_slice = tensor.extract_slice %arg0[%11, 0, 0] [1, 3, 5] [1, 1, 1] : tensor<7x3x5xf32> to tensor<1x3x5xf32>
      %collapsed = tensor.collapse_shape %extracted_slice [[0, 1], [2]] : tensor<1x3x5xf32> into tensor<3x5xf32>
      %12 = tensor.empty() : tensor<5x4xf32>
      %transposed = linalg.transpose ins(%cst_3 : tensor<4x5xf32>) outs(%12 : tensor<5x4xf32>) permutation = [1, 0] 
      %13 = tensor.empty() : tensor<3x4xf32>
      %14 = linalg.fill ins(%cst_1 : f32) outs(%13 : tensor<3x4xf32>) -> tensor<3x4xf32>
      %15 = linalg.matmul ins(%collapsed, %transposed : tensor<3x5xf32>, tensor<5x4xf32>) outs(%14 : tensor<3x4xf32>) -> tensor<3x4xf32>
      %16 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%15, %cst_4 : tensor<3x4xf32>, tensor<4xf32>) outs(%13 : tensor<3x4xf32>) {
      ^bb0(%in: f32, %in_8: f32, %out: f32):
        %27 = arith.addf %in, %in_8 : f32
        linalg.yield %27 : f32
      } -> tensor<3x4xf32>
      %17 = linalg.matmul ins(%arg3, %cst_2 : tensor<3x4xf32>, tensor<4x4xf32>) outs(%14 : tensor<3x4xf32>) -> tensor<3x4xf32>
      %18 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%17, %cst_5 : tensor<3x4xf32>, tensor<4xf32>) outs(%13 : tensor<3x4xf32>) {
      ^bb0(%in: f32, %in_8: f32, %out: f32):
        %27 = arith.addf %in, %in_8 : f32
        linalg.yield %27 : f32
      } -> tensor<3x4xf32>
      %19 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%16, %18 : tensor<3x4xf32>, tensor<3x4xf32>) outs(%13 : tensor<3x4xf32>) {
      ^bb0(%in: f32, %in_8: f32, %out: f32):
        %27 = arith.addf %in, %in_8 : f32
        linalg.yield %27 : f32
      } -> tensor<3x4xf32>
      %20 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%19 : tensor<3x4xf32>) outs(%13 : tensor<3x4xf32>) {
      ^bb0(%in: f32, %out: f32):
        %27 = math.tanh %in : f32
        linalg.yield %27 : f32
      } -> tensor<3x4xf32>
      %expanded_7 = tensor.expand_shape %20 [[0, 1], [2]] output_shape [1, 3, 4] : tensor<3x4xf32> into tensor<1x3x4xf32>
      %21 = arith.addi %1, %c7_i64 : i64
      %22 = arith.cmpi sge, %1, %c0_i64 : i64
      %23 = arith.select %22, %1, %21 : i64
      %24 = arith.maxsi %23, %c0_i64 : i64
      %25 = arith.minsi %24, %c7_i64 : i64
      %26 = arith.index_cast %25 : i64 to index
      %inserted_slice = tensor.insert_slice %expanded_7 into %arg2[%26, 0, 0] [1, 3, 4] [1, 1, 1] : tensor<1x3x4xf32> into tensor<7x3x4xf32>
      scf.yield %inserted_slice, %20 : tensor<7x3x4xf32>, tensor<3x4xf32>
    }
    %expanded = tensor.expand_shape %0#1 [[0, 1], [2]] output_shape [1, 3, 4] : tensor<3x4xf32> into tensor<1x3x4xf32>
    %expanded_6 = tensor.expand_shape %0#0 [[0], [1, 2], [3]] output_shape [7, 1, 3, 4] : tensor<7x3x4xf32> into tensor<7x1x3x4xf32>
    return %expanded_6, %expanded : tensor<7x1x3x4xf32>, tensor<1x3x4xf32>
  }
}
