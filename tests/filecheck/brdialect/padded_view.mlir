// RUN: br-opt %s | br-opt | filecheck %s

// CHECK-LABEL: @lines
// CHECK: br.padded_view %{{.*}} {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>, sizes = array<i64: 5>, shift = -8 : i64} : memref<5x8xf32> to memref<3x5x8xf32, strided<[8, 8, 1]>>
// CHECK: br.padded_view %{{.*}}[%{{.*}}] {{.*}} to memref<3x5x8xf32, strided<[8, 8, 1], offset: ?>>
func.func @lines(%image: memref<5x8xf32>, %at: index) {
  %0 = br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x5x8xf32, strided<[8, 8, 1]>>
  %1 = br.padded_view %image[%at] {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x5x8xf32, strided<[8, 8, 1], offset: ?>>
  func.return
}
