// RUN: br-opt %s -p outline-nests | filecheck %s

#id = affine_map<(i) -> (i)>

// Twice the same operation on other memory: one function, two calls. Another number in
// the body is another function. Constants are made in the function.
// CHECK-LABEL: @main(
// CHECK: %two = arith.constant 2.000000e+00 : f32
// CHECK: %three = arith.constant 3.000000e+00 : f32
// CHECK: func.call @br_generic_0(%x, %y) : (memref<8xf32>, memref<8xf32>) -> ()
// CHECK: func.call @br_generic_0(%y, %z) : (memref<8xf32>, memref<8xf32>) -> ()
// CHECK: func.call @br_generic_1(%z, %x) : (memref<8xf32>, memref<8xf32>) -> ()
func.func @main(%x: memref<8xf32>, %y: memref<8xf32>, %z: memref<8xf32>) {
  %two = arith.constant 2.0 : f32
  %three = arith.constant 3.0 : f32
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.mulf %in, %two : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%y : memref<8xf32>) outs(%z : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.mulf %in, %two : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%z : memref<8xf32>) outs(%x : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.mulf %in, %three : f32
    linalg.yield %s : f32
  }
  func.return
}

// Parts that lie elsewhere in their memory, two functions less: where a part begins is
// the caller's, and the strides are the same.
// CHECK-LABEL: @parts(
// CHECK: %[[P0:\d+]] = builtin.unrealized_conversion_cast %{{.*}} : memref<2x4xf32, strided<[8, 1], offset: 16>> to !llvm.ptr
// CHECK-NEXT: %[[V0:\d+]] = builtin.unrealized_conversion_cast %[[P0]] : !llvm.ptr to memref<2x4xf32, strided<[8, 1]>>
// CHECK-NEXT: func.call @[[FILL:br_fill_\d+]](%{{.*}}, %[[V0]])
// CHECK: %[[V1:\d+]] = builtin.unrealized_conversion_cast %{{.*}} : !llvm.ptr to memref<2x4xf32, strided<[8, 1]>>
// CHECK-NEXT: func.call @[[FILL]](%{{.*}}, %[[V1]])
// CHECK-NEXT: func.call @[[FILL]](%{{.*}}, %{{.*}})
func.func @parts(%x: memref<8x8xf32>, %s: f32) {
  %a = memref.subview %x[2, 0] [2, 4] [1, 1]
      : memref<8x8xf32> to memref<2x4xf32, strided<[8, 1], offset: 16>>
  %b = memref.subview %x[4, 4] [2, 4] [1, 1]
      : memref<8x8xf32> to memref<2x4xf32, strided<[8, 1], offset: 36>>
  %c = memref.subview %x[0, 0] [2, 4] [1, 1]
      : memref<8x8xf32> to memref<2x4xf32, strided<[8, 1]>>
  linalg.fill ins(%s : f32) outs(%a : memref<2x4xf32, strided<[8, 1], offset: 16>>)
  linalg.fill ins(%s : f32) outs(%b : memref<2x4xf32, strided<[8, 1], offset: 36>>)
  linalg.fill ins(%s : f32) outs(%c : memref<2x4xf32, strided<[8, 1]>>)
  func.return
}

// CHECK-LABEL: func.func private @br_generic_0(
// CHECK-SAME: %[[V0:\d+]]: memref<8xf32>, %[[V1:\d+]]: memref<8xf32>) {
// CHECK: %two = arith.constant 2.000000e+00 : f32
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]] : memref<8xf32>) outs(%[[V1]] : memref<8xf32>) {
// CHECK: %s = arith.mulf %in, %two : f32
// CHECK-LABEL: func.func private @br_generic_1(
// CHECK-SAME: %[[V0:\d+]]: memref<8xf32>, %[[V1:\d+]]: memref<8xf32>) {
// CHECK: %three = arith.constant 3.000000e+00 : f32
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]{{.*}}} ins(%[[V0]] : memref<8xf32>) outs(%[[V1]] : memref<8xf32>) {
// CHECK: %s = arith.mulf %in, %three : f32
