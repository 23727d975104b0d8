// RUN: br-opt %s -p generalise-linalg,raise-recurrences | filecheck %s

// Two steps of nn.LSTM with initial states, as torch-mlir exports them: one op.

// CHECK-LABEL: @main
// CHECK-NOT: linalg
// CHECK: %[[W:.*]] = tensor.expand_shape %arg3 {{.*}} tensor<8x3xf32> into tensor<1x8x3xf32>
// CHECK-NEXT: %[[R:.*]] = tensor.expand_shape %arg4 {{.*}} tensor<8x2xf32> into tensor<1x8x2xf32>
// CHECK: %[[Y:.*]], %[[H:.*]], %[[C:.*]] = br.lstm ins(%arg0, %[[W]], %[[R]] : tensor<2x2x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>) bias({{.*}}) recurrent_bias({{.*}}) initial(%arg1, %arg2 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) {gates = "ifco"}
// CHECK-NEXT: func.return %[[Y]], %[[H]], %[[C]]
#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2) -> (d1, d2)>
module {
  func.func @main(%arg0: tensor<2x2x3xf32>, %arg1: tensor<1x2x2xf32>, %arg2: tensor<1x2x2xf32>, %arg3: tensor<8x3xf32>, %arg4: tensor<8x2xf32>, %arg5: tensor<8xf32>, %arg6: tensor<8xf32>) -> (tensor<2x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>) {
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %collapsed = tensor.collapse_shape %arg0 [[0, 1], [2]] : tensor<2x2x3xf32> into tensor<4x3xf32>
    %0 = tensor.empty() : tensor<3x8xf32>
    %transposed = linalg.transpose ins(%arg3 : tensor<8x3xf32>) outs(%0 : tensor<3x8xf32>) permutation = [1, 0] 
    %1 = tensor.empty() : tensor<4x8xf32>
    %2 = linalg.fill ins(%cst : f32) outs(%1 : tensor<4x8xf32>) -> tensor<4x8xf32>
    %3 = linalg.matmul ins(%collapsed, %transposed : tensor<4x3xf32>, tensor<3x8xf32>) outs(%2 : tensor<4x8xf32>) -> tensor<4x8xf32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%3, %arg5 : tensor<4x8xf32>, tensor<8xf32>) outs(%1 : tensor<4x8xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<4x8xf32>
    %expanded = tensor.expand_shape %4 [[0, 1], [2]] output_shape [2, 2, 8] : tensor<4x8xf32> into tensor<2x2x8xf32>
    %extracted_slice = tensor.extract_slice %expanded[0, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %extracted_slice_1 = tensor.extract_slice %expanded[1, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %collapsed_2 = tensor.collapse_shape %extracted_slice [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %collapsed_3 = tensor.collapse_shape %extracted_slice_1 [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %collapsed_4 = tensor.collapse_shape %arg1 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %5 = tensor.empty() : tensor<2x8xf32>
    %transposed_5 = linalg.transpose ins(%arg4 : tensor<8x2xf32>) outs(%5 : tensor<2x8xf32>) permutation = [1, 0] 
    %6 = linalg.fill ins(%cst : f32) outs(%5 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %7 = linalg.matmul ins(%collapsed_4, %transposed_5 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%6 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%7, %arg6 : tensor<2x8xf32>, tensor<8xf32>) outs(%5 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<2x8xf32>
    %expanded_6 = tensor.expand_shape %8 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %9 = tensor.empty() : tensor<1x2x8xf32>
    %10 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_6, %collapsed_2 : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%9 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_7 = tensor.extract_slice %10[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_8 = tensor.extract_slice %10[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_9 = tensor.extract_slice %10[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_10 = tensor.extract_slice %10[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %11 = tensor.empty() : tensor<1x2x2xf32>
    %12 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_7 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %13 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_8 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %14 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_9 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.tanh %in : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %15 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_10 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %16 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%13, %arg2 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %17 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%12, %14 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %18 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%16, %17 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %19 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%18 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.tanh %in : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %20 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%15, %19 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %collapsed_11 = tensor.collapse_shape %20 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %21 = linalg.matmul ins(%collapsed_11, %transposed_5 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%6 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %22 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%21, %arg6 : tensor<2x8xf32>, tensor<8xf32>) outs(%5 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<2x8xf32>
    %expanded_12 = tensor.expand_shape %22 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %23 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_12, %collapsed_3 : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%9 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_13 = tensor.extract_slice %23[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_14 = tensor.extract_slice %23[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_15 = tensor.extract_slice %23[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_16 = tensor.extract_slice %23[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %24 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_13 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %25 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_14 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %26 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_15 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.tanh %in : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %27 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_16 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.negf %in : f32
      %34 = math.exp %33 : f32
      %35 = arith.addf %34, %cst_0 : f32
      %36 = arith.divf %cst_0, %35 : f32
      linalg.yield %36 : f32
    } -> tensor<1x2x2xf32>
    %28 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%25, %18 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %29 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%24, %26 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %30 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%28, %29 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.addf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %31 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%30 : tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.tanh %in : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %32 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%27, %31 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%11 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_17: f32, %out: f32):
      %33 = arith.mulf %in, %in_17 : f32
      linalg.yield %33 : f32
    } -> tensor<1x2x2xf32>
    %concat = tensor.concat dim(0) %20, %32 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
    return %concat, %32, %30 : tensor<2x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>
  }
}
