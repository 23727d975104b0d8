// RUN: br-opt %s -p outline-parallel --split-input-file --verify-diagnostics \
// RUN:   | filecheck %s

// CHECK: outline_parallel_invalid.mlir:9:3: 'scf.parallel': expected no reduction in a parallel loop
func.func @reduction(%x: memref<8xf32>, %y: f32) {
  %0 = arith.constant 0 : index
  %1 = arith.constant 1 : index
  %8 = arith.constant 8 : index
  %r = scf.parallel (%i) = (%0) to (%8) step (%1) init (%y) -> f32 {
    %z = memref.load %x[%i] : memref<8xf32>
    scf.reduce(%z : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  func.return
}

// -----

// CHECK: 'scf.parallel': expected steps of at least 1, got 0
func.func @step(%x: memref<8xf32>, %y: f32) {
  %0 = arith.constant 0 : index
  %8 = arith.constant 8 : index
  scf.parallel (%i) = (%0) to (%8) step (%0) {
    memref.store %y, %x[%i] : memref<8xf32>
    scf.reduce
  }
  func.return
}
