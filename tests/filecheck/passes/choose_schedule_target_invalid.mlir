// RUN: not br-opt %s -p choose-schedule 2>&1 | filecheck %s

// CHECK: choose_schedule_target_invalid.mlir: expected br.target to be a #br.target<...>, got "x86-64-v3"
module attributes {br.target = "x86-64-v3"} {}
