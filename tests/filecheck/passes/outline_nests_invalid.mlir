// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},outline-nests' --verify-diagnostics --split-input-file | filecheck %s

// CHECK: 'linalg.fill': expected parts of arrays that begin at a known place, because the target is a GPU, got memref<8xf32, strided<[1], offset: ?>>; compile the loop for a CPU
func.func @main(%x: memref<4x8xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %r = memref.reinterpret_cast %x to offset: [%i], sizes: [8], strides: [1] : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    linalg.fill ins(%v : f32) outs(%r : memref<8xf32, strided<[1], offset: ?>>)
  }
  func.return
}

// -----

// CHECK: 'scf.parallel': expected no loop whose trips threads share (br.parallel), because the target is a GPU; compile it for a CPU
func.func @shared(%x: memref<4x8xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    linalg.fill ins(%v : f32) outs(%x : memref<4x8xf32>)
    scf.reduce
  }
  func.return
}
