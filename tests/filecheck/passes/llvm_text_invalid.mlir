// RUN: not br-opt %s -t llvmir 2>&1 | filecheck %s

// LLVM takes an intrinsic that it does not know for an external function.
// CHECK: llvm_text_invalid.mlir:5:1: 'llvm.func': LLVM IR: expected the name of a function, or of an intrinsic out of passes/llvm/intrinsics.py that has no body, got @llvm.nonsense
llvm.func @llvm.nonsense(f32) -> f32
