// RUN: br-opt %s --split-input-file | br-opt --split-input-file | filecheck %s

// A target is a row of the table; only what differs from the row is printed.

// CHECK: attributes {br.target = #br.target<"x86-64-v3">}
module attributes {br.target = #br.target<"x86-64-v3">} {}

// -----

// CHECK: attributes {br.target = #br.target<"x86-64-v4", l2 = 2097152, threads = 8>}
module attributes {
  br.target = #br.target<"x86-64-v4", vector_bytes = 64, threads = 8, l2 = 2097152>
} {}

// -----

// CHECK: #br.target<"aarch64", cpu = "neoverse-n1">
module attributes {br.target = #br.target<"aarch64", cpu = "neoverse-n1">} {}

// -----

// A machine of no row says all of its fields.
// CHECK: #br.target<"mine", triple = "x86_64-unknown-linux-gnu", cpu = "znver3", features = "+avx2", vector_bytes = 32, vector_registers = 16, l1 = 32768, l2 = 524288, threads = 2, embedded_broadcast = false>
module attributes {
  br.target = #br.target<"mine", triple = "x86_64-unknown-linux-gnu", cpu = "znver3",
    features = "+avx2", vector_bytes = 32, vector_registers = 16, l1 = 32768,
    l2 = 524288, threads = 2>
} {}

// -----

// CHECK: attributes {br.target = #br.target<"nvptx64-sm_80", multiprocessors = 46, exact = true>}
module attributes {
  br.target = #br.target<"nvptx64-sm_80", shared = 166912, exact = true, multiprocessors = 46>
} {}
