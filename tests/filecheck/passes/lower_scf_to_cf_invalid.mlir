// RUN: not br-opt %s -p lower-scf-to-cf 2>&1 | filecheck %s

// CHECK: lower_scf_to_cf_invalid.mlir:5:3: 'scf.parallel': lower-scf-to-cf: expected scf.for, if, while, index_switch or execute_region, got 'scf.parallel'; run outline-parallel first
func.func @parallel(%n: index) {
  scf.parallel (%i) = (%n) to (%n) step (%n) {
    scf.reduce
  }
  func.return
}
