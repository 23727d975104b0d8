// RUN: br-opt %s --split-input-file --parsing-diagnostics 2>&1 | filecheck %s

// CHECK: target_invalid.mlir:5
// CHECK: expected a field of a target (name, triple, cpu, features, vector_bytes, vector_registers, l1, l2, threads, embedded_broadcast, shared, multiprocessors, exact), got 'cores'
module attributes {br.target = #br.target<"x86-64-v3", cores = 2>} {}

// -----

// CHECK: 'mine' is no known target (x86-64-v3, x86-64-v4, aarch64, nvptx64-sm_80, nvptx64-sm_90a), so expected all of its fields, but triple, cpu, features, vector_registers, l1, l2 is missing
module attributes {br.target = #br.target<"mine", vector_bytes = 32>} {}

// -----

// CHECK: Expected integer literal
module attributes {br.target = #br.target<"x86-64-v3", threads = "two">} {}
