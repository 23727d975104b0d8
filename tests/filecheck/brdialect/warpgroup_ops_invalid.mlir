// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: 'br.warpgroup_mma': expected b in shared memory (space 3), got memref<64xf32>
func.func @global(%a: memref<64xf32, 3 : i32>, %b: memref<64xf32>, %i: index, %c: vector<8xf32>) {
  %r = br.warpgroup_mma %a[%i], %b[%i], %c {kind = "tf32"}
    : memref<64xf32, 3 : i32>, memref<64xf32>, vector<8xf32> -> vector<8xf32>
  func.return
}

// -----

// CHECK: 'br.warpgroup_mma': expected a kind out of tf32, bf16, f16, got int8
func.func @kind(%a: memref<64xf32, 3 : i32>, %i: index, %c: vector<8xf32>) {
  %r = br.warpgroup_mma %a[%i], %a[%i], %c {kind = "int8"}
    : memref<64xf32, 3 : i32>, memref<64xf32, 3 : i32>, vector<8xf32> -> vector<8xf32>
  func.return
}

// -----

// CHECK: 'br.warpgroup_mma': expected f32 to lie along the sum
func.func @across(%a: memref<64xf32, 3 : i32>, %i: index, %c: vector<8xf32>) {
  %r = br.warpgroup_mma %a[%i], %a[%i], %c {kind = "tf32", a_across}
    : memref<64xf32, 3 : i32>, memref<64xf32, 3 : i32>, vector<8xf32> -> vector<8xf32>
  func.return
}

// -----

// CHECK: 'br.warpgroup_mma': expected a multiple of 64 columns where b lies across the sum, got 16
func.func @columns(%a: memref<64xf16, 3 : i32>, %i: index, %c: vector<8xf32>) {
  %r = br.warpgroup_mma %a[%i], %a[%i], %c {kind = "f16", b_across}
    : memref<64xf16, 3 : i32>, memref<64xf16, 3 : i32>, vector<8xf32> -> vector<8xf32>
  func.return
}

// -----

// CHECK: 'br.warpgroup_mma': expected 16 to 256 columns, got 0
func.func @none(%a: memref<64xf16, 3 : i32>, %i: index) {
  br.warpgroup_mma %a[%i], %a[%i], {kind = "f16"}
    : memref<64xf16, 3 : i32>, memref<64xf16, 3 : i32>, ->
  func.return
}
