// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: 'br.shared_memory': expected the result in shared memory (space 3), got memref<4xf32>
func.func @plain() {
  %s = br.shared_memory {offset = 0 : i64} : memref<4xf32>
  func.return
}

// -----

// CHECK: 'br.async_copy': expected the source in global memory
func.func @both_shared(%i: index, %v: i1) {
  %s = br.shared_memory {offset = 0 : i64} : memref<4xf32, 3 : i32>
  br.async_copy %s[%i] to %s[%i] if %v {elements = 1 : i64}
    : memref<4xf32, 3 : i32> to memref<4xf32, 3 : i32>
  func.return
}

// -----

// CHECK: 'br.load_matrices': expected the source in shared memory (space 3), got memref<64xf16>
func.func @global(%a: memref<64xf16>, %i: index) {
  %m = br.load_matrices %a[%i] : memref<64xf16>
  func.return
}

// -----

// CHECK: 'br.mma': expected a kind out of tf32, bf16, f16, got int8
func.func @kind(%a: vector<4xi32>, %c: vector<8xf32>) {
  %r = br.mma %a, %a, %c {kind = "int8"}
  func.return
}

// -----

// CHECK: m of a and c sizes differ: 5 and 6
func.func @rows(%a: memref<2x5x8xf32>, %b: memref<8x16xf32>, %c: memref<2x6x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x5x8xf32>, memref<8x16xf32>)
    outs(%c : memref<2x6x16xf32>)
  func.return
}

// -----

// CHECK: expected no transposed operand where a has a matrix for each column or rows have several dimensions
func.func @transposed(%a: memref<2x5x8xf32>, %b: memref<16x8xf32>,
                      %c: memref<2x5x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<2x5x8xf32>, memref<16x8xf32>)
    outs(%c : memref<2x5x16xf32>) {transpose_b}
  func.return
}

// -----

// CHECK: expected finish to take a row, a column and elements of f32, got (f32)
func.func @finish(%a: memref<5x8xf32>, %b: memref<8x16xf32>, %c: memref<5x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<5x8xf32>, memref<8x16xf32>)
    outs(%c : memref<5x16xf32>)
    {finish, tile = #br.tile<"block=32x32x16 warp=16x16 stages=2">} epilogue {
  ^bb0(%x: f32):
    br.yield
  }
  func.return
}

// -----

// CHECK: expected columns in groups of 4 for finish, got 18
func.func @groups(%a: memref<5x8xf32>, %b: memref<8x18xf32>, %c: memref<5x18xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<5x8xf32>, memref<8x18xf32>)
    outs(%c : memref<5x18xf32>)
    {finish, tile = #br.tile<"block=32x32x16 warp=16x16 stages=2">} epilogue {
  ^bb0(%i: index, %j: index, %x: vector<4xf32>):
    br.yield
  }
  func.return
}

// -----

// CHECK: expected finish on memrefs, with a tile=, one row dimension and no extra operands
func.func @tile(%a: memref<5x8xf32>, %b: memref<8x16xf32>, %c: memref<5x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<5x8xf32>, memref<8x16xf32>)
    outs(%c : memref<5x16xf32>) {finish} epilogue {
  ^bb0(%i: index, %j: index, %x: f32):
    br.yield
  }
  func.return
}

// -----

// CHECK: expected f32 or i32, got f64
func.func @shuffled(%x: f64) {
  %y = br.shuffle_xor %x {mask = 1 : i64} : f64
  func.return
}

// -----

// CHECK: expected a mask from 1 to 31, got 32
func.func @masked(%x: f32) {
  %y = br.shuffle_xor %x {mask = 32 : i64} : f32
  func.return
}

// -----

// CHECK: expected 1 to 256 lines in a box, got 512
func.func @box(%x: memref<512x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, width = 64 : i64, lines = 512 : i64,
    pitch = 64 : i64, box = 512 : i64} : memref<512x64xbf16>
  func.return
}
