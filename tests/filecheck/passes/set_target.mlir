// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=2}' | filecheck %s
// RUN: br-opt %s -p lower-to-cpu --print-between-passes \
// RUN:   | filecheck %s --check-prefix STEPS

// CHECK: builtin.module attributes {br.target = #br.target<"x86-64-v4", threads = 2>}

// The pipeline shows itself step by step.
// STEPS: IR after set-target
// STEPS: IR after bufferize
// STEPS: IR after lower-scf-to-cf
func.func @nothing() {
  func.return
}
