// RUN: not br-opt %s -p 'set-target{target=pdp11}' 2>&1 | filecheck %s --check-prefix NAME
// RUN: not br-opt %s -p 'set-target{threads=0}' 2>&1 | filecheck %s --check-prefix THREADS

// NAME: set_target_invalid.mlir: expected a target out of x86-64-v3, x86-64-v4, aarch64, nvptx64-sm_80, nvptx64-sm_90a (or host, where the program runs), got 'pdp11'
// THREADS: set_target_invalid.mlir: expected at least 1 thread, got 0
func.func @nothing() {
  func.return
}
