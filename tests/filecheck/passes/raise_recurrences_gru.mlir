// RUN: br-opt %s -p generalise-linalg,raise-recurrences | filecheck %s

// nn.GRU in both directions, as torch-mlir exports it: its input is reversed by a gather.
// Without initial states these are constants of 0, which the op leaves out.

// CHECK-LABEL: @main
// CHECK-NOT: linalg
// CHECK: %[[Y:.*]], %[[H:.*]] = br.gru ins(%arg0, {{.*}} : tensor<2x2x3xf32>, tensor<2x6x3xf32>, tensor<2x6x2xf32>) bias({{.*}}) recurrent_bias({{.*}}) {{[{]}}gates = "rzh", direction = "bidirectional", linear_before_reset}
// CHECK-NEXT: func.return %[[Y]], %[[H]]
#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2) -> (d1, d2)>
module {
  func.func @main(%arg0: tensor<2x2x3xf32>, %arg1: tensor<6x3xf32>, %arg2: tensor<6x2xf32>, %arg3: tensor<6xf32>, %arg4: tensor<6xf32>, %arg5: tensor<6x3xf32>, %arg6: tensor<6x2xf32>, %arg7: tensor<6xf32>, %arg8: tensor<6xf32>) -> (tensor<2x2x4xf32>, tensor<2x2x2xf32>) {
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<2x2xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<1x2x2xf32>
    %c1 = arith.constant 1 : index
    %collapsed = tensor.collapse_shape %arg0 [[0, 1], [2]] : tensor<2x2x3xf32> into tensor<4x3xf32>
    %0 = tensor.empty() : tensor<3x6xf32>
    %transposed = linalg.transpose ins(%arg1 : tensor<6x3xf32>) outs(%0 : tensor<3x6xf32>) permutation = [1, 0] 
    %1 = tensor.empty() : tensor<4x6xf32>
    %2 = linalg.fill ins(%cst : f32) outs(%1 : tensor<4x6xf32>) -> tensor<4x6xf32>
    %3 = linalg.matmul ins(%collapsed, %transposed : tensor<4x3xf32>, tensor<3x6xf32>) outs(%2 : tensor<4x6xf32>) -> tensor<4x6xf32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%3, %arg3 : tensor<4x6xf32>, tensor<6xf32>) outs(%1 : tensor<4x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<4x6xf32>
    %expanded = tensor.expand_shape %4 [[0, 1], [2]] output_shape [2, 2, 6] : tensor<4x6xf32> into tensor<2x2x6xf32>
    %extracted_slice = tensor.extract_slice %expanded[0, 0, 0] [1, 2, 6] [1, 1, 1] : tensor<2x2x6xf32> to tensor<1x2x6xf32>
    %extracted_slice_3 = tensor.extract_slice %expanded[1, 0, 0] [1, 2, 6] [1, 1, 1] : tensor<2x2x6xf32> to tensor<1x2x6xf32>
    %collapsed_4 = tensor.collapse_shape %extracted_slice [[0, 1], [2]] : tensor<1x2x6xf32> into tensor<2x6xf32>
    %collapsed_5 = tensor.collapse_shape %extracted_slice_3 [[0, 1], [2]] : tensor<1x2x6xf32> into tensor<2x6xf32>
    %extracted_slice_6 = tensor.extract_slice %collapsed_4[0, 0] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_7 = tensor.extract_slice %collapsed_4[0, 2] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_8 = tensor.extract_slice %collapsed_4[0, 4] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %5 = tensor.empty() : tensor<2x6xf32>
    %transposed_9 = linalg.transpose ins(%arg2 : tensor<6x2xf32>) outs(%5 : tensor<2x6xf32>) permutation = [1, 0] 
    %6 = linalg.fill ins(%cst : f32) outs(%5 : tensor<2x6xf32>) -> tensor<2x6xf32>
    %7 = linalg.matmul ins(%cst_1, %transposed_9 : tensor<2x2xf32>, tensor<2x6xf32>) outs(%6 : tensor<2x6xf32>) -> tensor<2x6xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%7, %arg4 : tensor<2x6xf32>, tensor<6xf32>) outs(%5 : tensor<2x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<2x6xf32>
    %expanded_10 = tensor.expand_shape %8 [[0, 1], [2]] output_shape [1, 2, 6] : tensor<2x6xf32> into tensor<1x2x6xf32>
    %extracted_slice_11 = tensor.extract_slice %expanded_10[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_12 = tensor.extract_slice %expanded_10[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_13 = tensor.extract_slice %expanded_10[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %9 = tensor.empty() : tensor<1x2x2xf32>
    %10 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_11, %extracted_slice_6 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %11 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%10 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %12 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_12, %extracted_slice_7 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %13 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%12 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %14 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_13, %11 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %15 = linalg.generic {indexing_maps = [#map3, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_8, %14 : tensor<2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %16 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%15 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = math.tanh %in : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %17 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%cst_2, %16 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.subf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %18 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%17, %13 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %19 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%18, %16 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %extracted_slice_14 = tensor.extract_slice %collapsed_5[0, 0] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_15 = tensor.extract_slice %collapsed_5[0, 2] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_16 = tensor.extract_slice %collapsed_5[0, 4] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %collapsed_17 = tensor.collapse_shape %19 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %20 = linalg.matmul ins(%collapsed_17, %transposed_9 : tensor<2x2xf32>, tensor<2x6xf32>) outs(%6 : tensor<2x6xf32>) -> tensor<2x6xf32>
    %21 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%20, %arg4 : tensor<2x6xf32>, tensor<6xf32>) outs(%5 : tensor<2x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<2x6xf32>
    %expanded_18 = tensor.expand_shape %21 [[0, 1], [2]] output_shape [1, 2, 6] : tensor<2x6xf32> into tensor<1x2x6xf32>
    %extracted_slice_19 = tensor.extract_slice %expanded_18[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_20 = tensor.extract_slice %expanded_18[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_21 = tensor.extract_slice %expanded_18[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %22 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_19, %extracted_slice_14 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %23 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%22 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %24 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_20, %extracted_slice_15 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %25 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%24 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %26 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_21, %23 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %27 = linalg.generic {indexing_maps = [#map3, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_16, %26 : tensor<2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %28 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%27 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = math.tanh %in : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %29 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%19, %28 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.subf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %30 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%29, %25 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %31 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%30, %28 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %concat = tensor.concat dim(0) %19, %31 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
    %collapsed_22 = tensor.collapse_shape %31 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %transposed_23 = linalg.transpose ins(%arg5 : tensor<6x3xf32>) outs(%0 : tensor<3x6xf32>) permutation = [1, 0] 
    %32 = linalg.matmul ins(%collapsed, %transposed_23 : tensor<4x3xf32>, tensor<3x6xf32>) outs(%2 : tensor<4x6xf32>) -> tensor<4x6xf32>
    %33 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%32, %arg7 : tensor<4x6xf32>, tensor<6xf32>) outs(%1 : tensor<4x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<4x6xf32>
    %expanded_24 = tensor.expand_shape %33 [[0, 1], [2]] output_shape [2, 2, 6] : tensor<4x6xf32> into tensor<2x2x6xf32>
    %34 = tensor.empty() : tensor<2x2x6xf32>
    %35 = linalg.fill ins(%cst : f32) outs(%34 : tensor<2x2x6xf32>) -> tensor<2x2x6xf32>
    %36 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_24 : tensor<2x2x6xf32>) outs(%35 : tensor<2x2x6xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = linalg.index 0 : index
      %62 = linalg.index 1 : index
      %63 = linalg.index 2 : index
      %64 = arith.subi %c1, %61 : index
      %extracted = tensor.extract %expanded_24[%64, %62, %63] : tensor<2x2x6xf32>
      linalg.yield %extracted : f32
    } -> tensor<2x2x6xf32>
    %extracted_slice_25 = tensor.extract_slice %36[0, 0, 0] [1, 2, 6] [1, 1, 1] : tensor<2x2x6xf32> to tensor<1x2x6xf32>
    %extracted_slice_26 = tensor.extract_slice %36[1, 0, 0] [1, 2, 6] [1, 1, 1] : tensor<2x2x6xf32> to tensor<1x2x6xf32>
    %collapsed_27 = tensor.collapse_shape %extracted_slice_25 [[0, 1], [2]] : tensor<1x2x6xf32> into tensor<2x6xf32>
    %collapsed_28 = tensor.collapse_shape %extracted_slice_26 [[0, 1], [2]] : tensor<1x2x6xf32> into tensor<2x6xf32>
    %extracted_slice_29 = tensor.extract_slice %collapsed_27[0, 0] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_30 = tensor.extract_slice %collapsed_27[0, 2] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_31 = tensor.extract_slice %collapsed_27[0, 4] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %transposed_32 = linalg.transpose ins(%arg6 : tensor<6x2xf32>) outs(%5 : tensor<2x6xf32>) permutation = [1, 0] 
    %37 = linalg.matmul ins(%cst_1, %transposed_32 : tensor<2x2xf32>, tensor<2x6xf32>) outs(%6 : tensor<2x6xf32>) -> tensor<2x6xf32>
    %38 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%37, %arg8 : tensor<2x6xf32>, tensor<6xf32>) outs(%5 : tensor<2x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<2x6xf32>
    %expanded_33 = tensor.expand_shape %38 [[0, 1], [2]] output_shape [1, 2, 6] : tensor<2x6xf32> into tensor<1x2x6xf32>
    %extracted_slice_34 = tensor.extract_slice %expanded_33[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_35 = tensor.extract_slice %expanded_33[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_36 = tensor.extract_slice %expanded_33[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %39 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_34, %extracted_slice_29 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %40 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%39 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %41 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_35, %extracted_slice_30 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %42 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%41 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %43 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_36, %40 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %44 = linalg.generic {indexing_maps = [#map3, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_31, %43 : tensor<2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %45 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%44 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = math.tanh %in : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %46 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%cst_2, %45 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.subf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %47 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46, %42 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %48 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%47, %45 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %extracted_slice_37 = tensor.extract_slice %collapsed_28[0, 0] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_38 = tensor.extract_slice %collapsed_28[0, 2] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %extracted_slice_39 = tensor.extract_slice %collapsed_28[0, 4] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
    %collapsed_40 = tensor.collapse_shape %48 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %49 = linalg.matmul ins(%collapsed_40, %transposed_32 : tensor<2x2xf32>, tensor<2x6xf32>) outs(%6 : tensor<2x6xf32>) -> tensor<2x6xf32>
    %50 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%49, %arg8 : tensor<2x6xf32>, tensor<6xf32>) outs(%5 : tensor<2x6xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<2x6xf32>
    %expanded_41 = tensor.expand_shape %50 [[0, 1], [2]] output_shape [1, 2, 6] : tensor<2x6xf32> into tensor<1x2x6xf32>
    %extracted_slice_42 = tensor.extract_slice %expanded_41[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_43 = tensor.extract_slice %expanded_41[0, 0, 2] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %extracted_slice_44 = tensor.extract_slice %expanded_41[0, 0, 4] [1, 2, 2] [1, 1, 1] : tensor<1x2x6xf32> to tensor<1x2x2xf32>
    %51 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_42, %extracted_slice_37 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %52 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%51 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %53 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_43, %extracted_slice_38 : tensor<1x2x2xf32>, tensor<2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %54 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%53 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = arith.negf %in : f32
      %62 = math.exp %61 : f32
      %63 = arith.addf %62, %cst_0 : f32
      %64 = arith.divf %cst_0, %63 : f32
      linalg.yield %64 : f32
    } -> tensor<1x2x2xf32>
    %55 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_44, %52 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %56 = linalg.generic {indexing_maps = [#map3, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%extracted_slice_39, %55 : tensor<2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %57 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%56 : tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %61 = math.tanh %in : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %58 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%48, %57 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.subf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %59 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%58, %54 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.mulf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %60 = linalg.generic {indexing_maps = [#map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel"]} ins(%59, %57 : tensor<1x2x2xf32>, tensor<1x2x2xf32>) outs(%9 : tensor<1x2x2xf32>) {
    ^bb0(%in: f32, %in_50: f32, %out: f32):
      %61 = arith.addf %in, %in_50 : f32
      linalg.yield %61 : f32
    } -> tensor<1x2x2xf32>
    %concat_45 = tensor.concat dim(0) %60, %48 : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
    %collapsed_46 = tensor.collapse_shape %60 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
    %concat_47 = tensor.concat dim(2) %concat, %concat_45 : (tensor<2x2x2xf32>, tensor<2x2x2xf32>) -> tensor<2x2x4xf32>
    %concat_48 = tensor.concat dim(0) %collapsed_22, %collapsed_46 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
    %expanded_49 = tensor.expand_shape %concat_48 [[0, 1], [2]] output_shape [2, 2, 2] : tensor<4x2xf32> into tensor<2x2x2xf32>
    return %concat_47, %expanded_49 : tensor<2x2x4xf32>, tensor<2x2x2xf32>
  }
}
