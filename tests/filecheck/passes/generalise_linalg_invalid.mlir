// RUN: not br-opt %s -p generalise-linalg 2>&1 | filecheck %s

// CHECK: generalise_linalg_invalid.mlir:7:3: 'linalg.softmax': expected a softmax of floats, got i32
// CHECK-SAME: cast the input first
func.func @integers(%x: memref<3x4xi32>) {
  // the place is that of the operation
  linalg.softmax dimension(1) ins(%x : memref<3x4xi32>) outs(%x : memref<3x4xi32>)
  func.return
}
