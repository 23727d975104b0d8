// RUN: br-opt %s -p generalise-linalg,raise-recurrences | filecheck %s

// Two layers with batch_first: transposes of input and output are gone, y of the first
// layer is x of the second.

// CHECK-LABEL: @main
// CHECK-NOT: linalg
// CHECK: %[[Y:.*]], %[[H0:.*]], %[[C0:.*]] = br.lstm ins(%arg0, {{.*}} {gates = "ifco", batch_first}
// CHECK-NOT: linalg
// CHECK: %[[Z:.*]], %[[H1:.*]], %[[C1:.*]] = br.lstm ins(%[[Y]], {{.*}} {gates = "ifco", batch_first}
// CHECK-NOT: linalg
// CHECK: func.return %[[Z]]
#map = affine_map<(d0, d1, d2) -> (d1, d2)>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map2 = affine_map<(d0, d1, d2) -> (d2)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
#map4 = affine_map<(d0, d1) -> (d1)>
module {
  func.func @main(%arg0: tensor<2x2x3xf32>, %arg1: tensor<8x3xf32>, %arg2: tensor<8x2xf32>, %arg3: tensor<8xf32>, %arg4: tensor<8xf32>, %arg5: tensor<8x2xf32>, %arg6: tensor<8x2xf32>, %arg7: tensor<8xf32>, %arg8: tensor<8xf32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2x2x2xf32>) {
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<2x2xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<1x2x2xf32>
    %0 = tensor.empty() : tensor<2x2x3xf32>
    %transposed = linalg.transpose ins(%arg0 : tensor<2x2x3xf32>) outs(%0 : tensor<2x2x3xf32>) permutation = [1, 0, 2] 
    %1 = tensor.empty() : tensor<3x8xf32>
    %transposed_3 = linalg.transpose ins(%arg1 : tensor<8x3xf32>) outs(%1 : tensor<3x8xf32>) permutation = [1, 0] 
    %2 = tensor.empty() : tensor<2x3x8xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%transposed_3 : tensor<3x8xf32>) outs(%2 : tensor<2x3x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x3x8xf32>
    %4 = tensor.empty() : tensor<2x2x8xf32>
    %5 = linalg.fill ins(%cst : f32) outs(%4 : tensor<2x2x8xf32>) -> tensor<2x2x8xf32>
    %6 = linalg.batch_matmul ins(%transposed, %3 : tensor<2x2x3xf32>, tensor<2x3x8xf32>) outs(%5 : tensor<2x2x8xf32>) -> tensor<2x2x8xf32>
    %7 = linalg.generic {indexing_maps = [#map1, #map2, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%6, %arg3 : tensor<2x2x8xf32>, tensor<8xf32>) outs(%4 : tensor<2x2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<2x2x8xf32>
    %extracted_slice = tensor.extract_slice %7[0, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %extracted_slice_4 = tensor.extract_slice %7[1, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %collapsed = tensor.collapse_shape %extracted_slice [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %collapsed_5 = tensor.collapse_shape %extracted_slice_4 [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %8 = tensor.empty() : tensor<2x8xf32>
    %transposed_6 = linalg.transpose ins(%arg2 : tensor<8x2xf32>) outs(%8 : tensor<2x8xf32>) permutation = [1, 0] 
    %9 = linalg.fill ins(%cst : f32) outs(%8 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %10 = linalg.matmul ins(%cst_1, %transposed_6 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%9 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %11 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%10, %arg4 : tensor<2x8xf32>, tensor<8xf32>) outs(%8 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<2x8xf32>
    %expanded = tensor.expand_shape %11 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %12 = tensor.empty() : tensor<1x2x8xf32>
    %13 = linalg.generic {indexing_maps = [#map1, #map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded, %collapsed : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%12 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_7 = tensor.extract_slice %13[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_8 = tensor.extract_slice %13[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_9 = tensor.extract_slice %13[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_10 = tensor.extract_slice %13[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %14 = tensor.empty() : tensor<1x2x2xf32>
    %15 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_7 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %16 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_8 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %17 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_9 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %18 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_10 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %19 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%16, %cst_2 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %20 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%15, %17 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %21 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%19, %20 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %22 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%21 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %23 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%18, %22 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %collapsed_11 = tensor.collapse_shape %23 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %24 = linalg.matmul ins(%collapsed_11, %transposed_6 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%9 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %25 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%24, %arg4 : tensor<2x8xf32>, tensor<8xf32>) outs(%8 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<2x8xf32>
    %expanded_12 = tensor.expand_shape %25 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %26 = linalg.generic {indexing_maps = [#map1, #map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_12, %collapsed_5 : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%12 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_13 = tensor.extract_slice %26[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_14 = tensor.extract_slice %26[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_15 = tensor.extract_slice %26[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_16 = tensor.extract_slice %26[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %27 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_13 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %28 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_14 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %29 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_15 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %30 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_16 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %31 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%28, %21 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %32 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%27, %29 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %33 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%31, %32 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %34 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%33 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %35 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%30, %34 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %concat = tensor.concat dim(0) %23, %35 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
    %collapsed_17 = tensor.collapse_shape %35 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %collapsed_18 = tensor.collapse_shape %33 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %collapsed_19 = tensor.collapse_shape %concat [[0, 1], [2]] : tensor<2x2x2xf32> into tensor<4x2xf32>
    %transposed_20 = linalg.transpose ins(%arg5 : tensor<8x2xf32>) outs(%8 : tensor<2x8xf32>) permutation = [1, 0] 
    %36 = tensor.empty() : tensor<4x8xf32>
    %37 = linalg.fill ins(%cst : f32) outs(%36 : tensor<4x8xf32>) -> tensor<4x8xf32>
    %38 = linalg.matmul ins(%collapsed_19, %transposed_20 : tensor<4x2xf32>, tensor<2x8xf32>) outs(%37 : tensor<4x8xf32>) -> tensor<4x8xf32>
    %39 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%38, %arg7 : tensor<4x8xf32>, tensor<8xf32>) outs(%36 : tensor<4x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<4x8xf32>
    %expanded_21 = tensor.expand_shape %39 [[0, 1], [2]] output_shape [2, 2, 8] : tensor<4x8xf32> into tensor<2x2x8xf32>
    %extracted_slice_22 = tensor.extract_slice %expanded_21[0, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %extracted_slice_23 = tensor.extract_slice %expanded_21[1, 0, 0] [1, 2, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<1x2x8xf32>
    %collapsed_24 = tensor.collapse_shape %extracted_slice_22 [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %collapsed_25 = tensor.collapse_shape %extracted_slice_23 [[0, 1], [2]] : tensor<1x2x8xf32> into tensor<2x8xf32>
    %transposed_26 = linalg.transpose ins(%arg6 : tensor<8x2xf32>) outs(%8 : tensor<2x8xf32>) permutation = [1, 0] 
    %40 = linalg.matmul ins(%cst_1, %transposed_26 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%9 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %41 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%40, %arg8 : tensor<2x8xf32>, tensor<8xf32>) outs(%8 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<2x8xf32>
    %expanded_27 = tensor.expand_shape %41 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %42 = linalg.generic {indexing_maps = [#map1, #map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_27, %collapsed_24 : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%12 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_28 = tensor.extract_slice %42[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_29 = tensor.extract_slice %42[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_30 = tensor.extract_slice %42[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_31 = tensor.extract_slice %42[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %43 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_28 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %44 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_29 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %45 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_30 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %46 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_31 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %47 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%44, %cst_2 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %48 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%43, %45 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %49 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%47, %48 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %50 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%49 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %51 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46, %50 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %collapsed_32 = tensor.collapse_shape %51 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %52 = linalg.matmul ins(%collapsed_32, %transposed_26 : tensor<2x2xf32>, tensor<2x8xf32>) outs(%9 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %53 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%52, %arg8 : tensor<2x8xf32>, tensor<8xf32>) outs(%8 : tensor<2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<2x8xf32>
    %expanded_33 = tensor.expand_shape %53 [[0, 1], [2]] output_shape [1, 2, 8] : tensor<2x8xf32> into tensor<1x2x8xf32>
    %54 = linalg.generic {indexing_maps = [#map1, #map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_33, %collapsed_25 : tensor<1x2x8xf32>, tensor<2x8xf32>) outs(%12 : tensor<1x2x8xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x8xf32>
    %extracted_slice_34 = tensor.extract_slice %54[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_35 = tensor.extract_slice %54[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_36 = tensor.extract_slice %54[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %extracted_slice_37 = tensor.extract_slice %54[0, 0, 6] [1, 2, 2] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x2x2xf32>
    %55 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_34 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %56 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_35 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %57 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_36 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %58 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_37 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = arith.negf %in : f32
      %66 = math.exp %65 : f32
      %67 = arith.addf %66, %cst_0 : f32
      %68 = arith.divf %cst_0, %67 : f32
      linalg.yield %68 : f32
    } -> tensor<1x2x2xf32>
    %59 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%56, %49 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %60 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55, %57 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %61 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%59, %60 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.addf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %62 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61 : tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %65 = math.tanh %in : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %63 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%58, %62 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%14 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_46: f32, %out: f32):
      %65 = arith.mulf %in, %in_46 : f32
      linalg.yield %65 : f32
    } -> tensor<1x2x2xf32>
    %concat_38 = tensor.concat dim(0) %51, %63 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
    %collapsed_39 = tensor.collapse_shape %63 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %collapsed_40 = tensor.collapse_shape %61 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %64 = tensor.empty() : tensor<2x2x2xf32>
    %transposed_41 = linalg.transpose ins(%concat_38 : tensor<2x2x2xf32>) outs(%64 : tensor<2x2x2xf32>) permutation = [1, 0, 2] 
    %concat_42 = tensor.concat dim(0) %collapsed_17, %collapsed_39 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
    %expanded_43 = tensor.expand_shape %concat_42 [[0, 1], [2]] output_shape [2, 2, 2] : tensor<4x2xf32> into tensor<2x2x2xf32>
    %concat_44 = tensor.concat dim(0) %collapsed_18, %collapsed_40 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
    %expanded_45 = tensor.expand_shape %concat_44 [[0, 1], [2]] output_shape [2, 2, 2] : tensor<4x2xf32> into tensor<2x2x2xf32>
    return %transposed_41, %expanded_43, %expanded_45 : tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2x2x2xf32>
  }
}
