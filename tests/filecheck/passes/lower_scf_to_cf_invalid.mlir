// RUN: br-opt %s -p lower-scf-to-cf --split-input-file --verify-diagnostics | filecheck %s

// CHECK: lower_scf_to_cf_invalid.mlir:5:3: 'scf.parallel': lower-scf-to-cf: expected scf.for, if, while, index_switch or execute_region, got 'scf.parallel'; run outline-parallel first
func.func @parallel(%n: index) {
  scf.parallel (%i) = (%n) to (%n) step (%n) {
    scf.reduce
  }
  func.return
}

// -----

// CHECK: lower_scf_to_cf_invalid.mlir:16:3: 'scf.for': expected a step of at least 1, got 0; it never ends
func.func @standing(%n: index) {
  %step = arith.constant 0 : index
  scf.for %i = %n to %n step %step {
  }
  func.return
}
