// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

func.func @steps(%image: memref<5x8xf32>) {
  // CHECK: 'br.padded_view': expected as many sizes as starts, and 3 steps for each, got 1, 1 and 2
  %0 = br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x5x8xf32, strided<[8, 8, 1]>>
  func.return
}

// -----

func.func @elements(%image: memref<5x8xf32>) {
  // CHECK: 'br.padded_view': expected elements f32, got f16
  %0 = br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x5x8xf16, strided<[8, 8, 1]>>
  func.return
}

// -----

func.func @sizes(%image: memref<5x8xf32>) {
  // CHECK: 'br.padded_view': expected sizes and strides that are known, got memref<3x?x8xf32, strided<[8, 8, 1]>>
  %0 = br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x?x8xf32, strided<[8, 8, 1]>>
  func.return
}

// -----

func.func @offset(%image: memref<5x8xf32>) {
  // CHECK: 'br.padded_view': expected an offset where the result's type does not know it, and none where it does, got memref<3x5x8xf32, strided<[8, 8, 1], offset: ?>>
  %0 = br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8 : i64}
    : memref<5x8xf32> to memref<3x5x8xf32, strided<[8, 8, 1], offset: ?>>
  func.return
}
