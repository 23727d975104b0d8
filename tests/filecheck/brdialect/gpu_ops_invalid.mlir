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

// CHECK: expected one of f16, bf16, f32, f64, i16, i32, i64, got i8
func.func @shuffled(%x: i8) {
  %y = br.shuffle_xor %x {mask = 1 : i64} : i8
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
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 512>,
    strides = array<i64: 64>, box = array<i64: 64, 512>} : memref<512x64xbf16>
  func.return
}

// -----

// CHECK: expected strides at multiples of 16 bytes below 2^40, got 136
func.func @stride(%x: memref<8x68xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8>,
    strides = array<i64: 68>, box = array<i64: 64, 8>} : memref<8x68xbf16>
  func.return
}

// -----

// CHECK: expected lines of 128 bytes in a box, got (64, 8) elements of 4
func.func @line(%x: memref<8x64xf32>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8>,
    strides = array<i64: 64>, box = array<i64: 64, 8>} : memref<8x64xf32>
  func.return
}

// -----

// CHECK: expected each stride to be a multiple of the one before, past the end of its dimension, got (64, 64) of (64, 8, 4)
func.func @overlap(%x: memref<12x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8, 4>,
    strides = array<i64: 64, 64>, box = array<i64: 64, 8, 1>} : memref<12x64xbf16>
  func.return
}

// -----

// CHECK: expected 3 to 5 dimensions, got 2
func.func @dimensions(%x: memref<8x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8>,
    strides = array<i64: 64>, box = array<i64: 64, 8>, lower = array<i64>,
    upper = array<i64>, steps = array<i64>} : memref<8x64xbf16>
  func.return
}

// -----

// CHECK: expected lower, upper and steps together
func.func @half_a_window(%x: memref<8x8x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8, 8>,
    strides = array<i64: 64, 512>, box = array<i64: 64, 8>, lower = array<i64: 0>}
    : memref<8x8x64xbf16>
  func.return
}

// -----

// CHECK: expected corners from -128 to 127 of 4 dimensions, got (0, 0) and (-200, 0)
func.func @corner(%x: memref<8x300x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 300, 8, 1>,
    strides = array<i64: 64, 19200, 153600>, box = array<i64: 64, 8>,
    lower = array<i64: 0, 0>, upper = array<i64: -200, 0>, steps = array<i64: 1, 1>}
    : memref<8x300x64xbf16>
  func.return
}

// -----

// CHECK: expected pixels between the corners
func.func @no_pixels(%x: memref<8x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 8, 1>,
    strides = array<i64: 64, 512>, box = array<i64: 64, 8>, lower = array<i64: 0>,
    upper = array<i64: -8>, steps = array<i64: 1>} : memref<8x64xbf16>
  func.return
}

// -----

// CHECK: expected steps from 1 to 8, got (9,)
func.func @step(%x: memref<80x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 80, 1>,
    strides = array<i64: 64, 5120>, box = array<i64: 64, 8>, lower = array<i64: 0>,
    upper = array<i64: 0>, steps = array<i64: 9>} : memref<80x64xbf16>
  func.return
}

// -----

// CHECK: expected channels and 1 to 1024 pixels, got (64, 1025)
func.func @pixels(%x: memref<80x64xbf16>) {
  %y = br.tensor_map %x {offset = 0 : i64, sizes = array<i64: 64, 80, 1>,
    strides = array<i64: 64, 5120>, box = array<i64: 64, 1025>, lower = array<i64: 0>,
    upper = array<i64: 0>, steps = array<i64: 1>} : memref<80x64xbf16>
  func.return
}

// -----

// CHECK: expected an offset for all but two of 4 coordinates, got 1
func.func @offsets(%map: memref<128xi8>, %i: index) {
  %a = br.shared_memory {offset = 0 : i64} : memref<4096xbf16, 3 : i32>
  %barriers = br.shared_memory {offset = 8192 : i64} : memref<2xi64, 3 : i32>
  br.tensor_copy %map[%i, %i, %i, %i] offset [%i] to %a[%i] counted by %barriers[%i]
    {box = 64 : i64} : memref<4096xbf16, 3 : i32>, memref<2xi64, 3 : i32>
  func.return
}
