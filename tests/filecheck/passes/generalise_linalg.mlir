// RUN: br-opt %s -p generalise-linalg | filecheck %s

// CHECK-LABEL: @matmul
// CHECK: linalg.fill
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(
// CHECK-NEXT: ^bb0(%[[A:.*]]: bf16, %[[B:.*]]: bf16, %[[C:.*]]: f32):
// CHECK-NEXT: %[[X:.*]] = arith.extf %[[A]] : bf16 to f32
// CHECK-NEXT: %[[Y:.*]] = arith.extf %[[B]] : bf16 to f32
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[X]], %[[Y]] : f32
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[C]], %[[P]] : f32
// CHECK-NEXT: linalg.yield %[[S]] : f32
// CHECK-NEXT: } -> tensor<3x5xf32>
func.func @matmul(%a: tensor<3x4xbf16>, %b: tensor<4x5xbf16>,
    %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  %1 = linalg.matmul ins(%a, %b : tensor<3x4xbf16>, tensor<4x5xbf16>)
    outs(%0 : tensor<3x5xf32>) -> tensor<3x5xf32>
  func.return %1 : tensor<3x5xf32>
}

// The maximum is that of the element and the accumulator; the window stays an operand.
// CHECK-LABEL: @max_pool
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, ((d2 * 2) + d4), ((d3 * 2) + d5))>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d4, d5)>,
// CHECK-SAME: ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32, %[[ACC:.*]]: f32):
// CHECK-NEXT: arith.maximumf %[[ACC]], %[[X]] : f32
func.func @max_pool(%x: memref<1x2x8x8xf32>, %w: memref<2x2xf32>,
    %y: memref<1x2x4x4xf32>) {
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>}
    ins(%x, %w : memref<1x2x8x8xf32>, memref<2x2xf32>)
    outs(%y : memref<1x2x4x4xf32>)
  func.return
}

// CHECK-LABEL: @softmax
// CHECK-NOT: linalg.softmax
// CHECK: arith.maximumf
// CHECK: arith.subf
// CHECK-NEXT: math.exp
// CHECK: arith.addf
// CHECK: arith.divf
func.func @softmax(%x: tensor<3x4xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = linalg.softmax dimension(1) ins(%x : tensor<3x4xf32>)
    outs(%y : tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return %0 : tensor<3x4xf32>
}

// Of a dynamic size, on buffers: the temporaries are as long as the kept dimension.
// CHECK-LABEL: @softmax_dynamic
// CHECK: %[[N:.*]] = memref.dim %{{.*}}, %{{.*}} : memref<?x4xf32>
// CHECK: %[[MAX:.*]] = memref.alloc(%[[N]]) {{.*}} : memref<?xf32>
// CHECK: memref.dealloc %[[MAX]]
func.func @softmax_dynamic(%x: memref<?x4xf32>) {
  linalg.softmax dimension(1) ins(%x : memref<?x4xf32>) outs(%x : memref<?x4xf32>)
  func.return
}

// CHECK-LABEL: @shapes
// CHECK: indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>]
// CHECK: indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>]
// CHECK: indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]
// CHECK-NOT: linalg.transpose
// CHECK-NOT: linalg.broadcast
// CHECK-NOT: linalg.reduce
func.func @shapes(%a: tensor<3x4xf32>, %t: tensor<4x3xf32>, %v: tensor<3xf32>) {
  %0 = linalg.transpose ins(%a : tensor<3x4xf32>) outs(%t : tensor<4x3xf32>)
    permutation = [1, 0]
  %1 = linalg.broadcast ins(%v : tensor<3xf32>) outs(%a : tensor<3x4xf32>)
    dimensions = [1]
  %2 = linalg.reduce { arith.addf } ins(%a : tensor<3x4xf32>)
    outs(%v : tensor<3xf32>) dimensions = [1]
  func.return
}

// A loop without a trip leaves its destination as it is.
// CHECK-LABEL: @no_columns
// CHECK-NEXT: func.return %c : tensor<3x0xf32>
func.func @no_columns(%a: tensor<3x4xf32>, %b: tensor<4x0xf32>,
    %c: tensor<3x0xf32>) -> tensor<3x0xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<3x4xf32>, tensor<4x0xf32>)
    outs(%c : tensor<3x0xf32>) -> tensor<3x0xf32>
  func.return %0 : tensor<3x0xf32>
}

// CHECK-LABEL: @no_sum
// CHECK-NEXT: func.return %c : tensor<3x5xf32>
func.func @no_sum(%a: tensor<3x0xf32>, %b: tensor<0x5xf32>,
    %c: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<3x0xf32>, tensor<0x5xf32>)
    outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  func.return %0 : tensor<3x5xf32>
}
