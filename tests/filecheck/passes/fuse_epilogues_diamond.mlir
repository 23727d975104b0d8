// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues | filecheck %s

// x * clip(x + 3, 0, 6) / 6: the product is read at two places of the chain, which is
// one reader once the chain is one op.
// CHECK-LABEL: @hard_swish
// CHECK: br.contract ins(%a, %b {{.*}} epilogue {
// CHECK-NEXT: ^bb0(%[[X:\d+]]: f32):
// CHECK-NEXT:   %[[S:\d+]] = arith.addf %[[X]], %{{.*}} : f32
// CHECK-NEXT:   %[[L:\d+]] = arith.maximumf %[[S]], %{{.*}} : f32
// CHECK-NEXT:   %[[C:\d+]] = arith.minimumf %[[L]], %{{.*}} : f32
// CHECK-NEXT:   %[[P:\d+]] = arith.mulf %[[X]], %[[C]] : f32
// CHECK-NEXT:   %[[Y:\d+]] = arith.divf %[[P]], %{{.*}} : f32
// CHECK-NEXT:   br.yield %[[Y]] : f32
// CHECK-NOT: linalg.generic
// CHECK: func.return
#id = affine_map<(i, j) -> (i, j)>
func.func @hard_swish(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %three = arith.constant 3.0 : f32
  %six = arith.constant 6.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
  %x = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
                     outs(%f : tensor<6x8xf32>) -> tensor<6x8xf32>
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %three : f32
    linalg.yield %0 : f32
  } -> tensor<6x8xf32>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    %1 = arith.minimumf %0, %six : f32
    linalg.yield %1 : f32
  } -> tensor<6x8xf32>
  %p = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %c : tensor<6x8xf32>, tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%in: f32, %clip: f32, %out: f32):
    %0 = arith.mulf %in, %clip : f32
    linalg.yield %0 : f32
  } -> tensor<6x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.divf %in, %six : f32
    linalg.yield %0 : f32
  } -> tensor<6x8xf32>
  func.return %y : tensor<6x8xf32>
}
