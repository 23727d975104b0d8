// RUN: br-opt %s -p canonicalize | filecheck %s

// The fold of a comparison of equal operands is one of scalars: on vectors it would
// make an i1 out of a vector<8xi1>.

// CHECK-LABEL: @equal
// CHECK: arith.cmpi eq, %{{.*}}, %{{.*}} : vector<8xi32>
// CHECK: arith.constant true
func.func @equal(%v: vector<8xi32>, %s: i32) -> (vector<8xi1>, i1) {
  %0 = arith.cmpi eq, %v, %v : vector<8xi32>
  %1 = arith.cmpi eq, %s, %s : i32
  func.return %0, %1 : vector<8xi1>, i1
}
