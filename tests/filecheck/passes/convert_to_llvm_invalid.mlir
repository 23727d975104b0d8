// RUN: br-opt %s -p convert-to-llvm --split-input-file --verify-diagnostics | filecheck %s

// CHECK: 'linalg.fill': convert-to-llvm: expected an operation of func, cf, arith, memref, vector or llvm that has a lowering, got 'linalg.fill'; run bufferize, convert-linalg-to-br, convert-linalg-to-vector first
func.func @linalg(%a: memref<4xf32>, %x: f32) {
  linalg.fill ins(%x : f32) outs(%a : memref<4xf32>)
  func.return
}

// -----

// CHECK: 'scf.for': {{.*}}; run lower-scf-to-cf first, and outline-parallel before it
func.func @scf(%i: index) {
  scf.for %j = %i to %i step %i {
  }
  func.return
}

// -----

// CHECK: 'math.tanh': {{.*}}; run expand-math first
func.func @math(%x: f32) -> f32 {
  %0 = math.tanh %x : f32
  func.return %0 : f32
}

// -----

// CHECK: expected a strided layout, got memref<4x4xf32, affine_map<(d0, d1) -> (d1, d0)>>; write the layout as strided
func.func @layout(%a: memref<4x4xf32, affine_map<(i, j) -> (j, i)>>) {
  func.return
}

// -----

// CHECK: expected a memref in the default memory space, got memref<4xf32, 3 : i32>
func.func @space(%a: memref<4xf32, 3 : i32>) {
  func.return
}

// -----

// CHECK: expected in_bounds = [true]; use vector.maskedload or vector.maskedstore at edges
func.func @transfer(%a: memref<4xf32>, %i: index, %z: f32) {
  %x = vector.transfer_read %a[%i], %z : memref<4xf32>, vector<4xf32>
  func.return
}

// -----

// CHECK: 'memref.alloc': convert-to-llvm: expected an allocation without a layout
func.func @allocation() {
  %m = memref.alloc() : memref<4x4xf32, strided<[8, 1]>>
  func.return
}

// -----

// CHECK: 'memref.dim': convert-to-llvm: expected a constant dimension below 1
func.func @dim(%a: memref<?xf32>, %i: index) -> index {
  %n = memref.dim %a, %i : memref<?xf32>
  func.return %n : index
}

// -----

// CHECK: expected a cast between a type and its lowered form, got f32 to i32
func.func @cast(%x: f32) -> i32 {
  %y = builtin.unrealized_conversion_cast %x : f32 to i32
  func.return %y : i32
}

// -----

// CHECK: 'memref.alloca': convert-to-llvm: expected at most 1048576 bytes on the stack, got memref<262145xf32>; use memref.alloc
func.func @stack() {
  %m = memref.alloca() : memref<262145xf32>
  func.return
}

// -----

// CHECK: 'memref.global': convert-to-llvm: expected a global of at most 2147483647 bytes, got memref<536870912xf32>; pass it as an argument
memref.global "private" @huge : memref<536870912xf32> = uninitialized

// -----

// CHECK: expected {{.*}} 1-D fixed vectors of 1 to 4096 of these {{.*}} got vector<4097xf32>; split it
func.func @lanes(%a: vector<4097xf32>) {
  func.return
}
