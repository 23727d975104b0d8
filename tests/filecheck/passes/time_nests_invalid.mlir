// RUN: br-opt %s -p time-nests --split-input-file --verify-diagnostics | filecheck %s

// CHECK: 'builtin.module': expected a function @main, got @other
func.func @other(%x: memref<8xf32>) {
  func.return
}

// -----

// CHECK: 'func.func': expected one block to profile, got branches between blocks
func.func @main(%x: memref<8xf32>) {
  cf.br ^end
^end:
  func.return
}
