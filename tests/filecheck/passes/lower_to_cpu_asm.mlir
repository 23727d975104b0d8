// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v3}' -t asm | filecheck %s

// The 28x64x64 kernel on AVX2. Nothing is spilled: no vector goes to or comes from the
// stack. The loop over k has the 12 multiply-adds of the 6 x 2 block four times, and one
// counter for all of them.

// CHECK: br_kernel_0:
// CHECK-NOT: {{ymm.*\(%rsp|\(%rsp.*ymm}}
// CHECK: {{\.LBB1_3}}:
// CHECK-COUNT-48: vfmadd231ps {{.*}}%ymm
// CHECK-NOT: vfmadd231ps
// CHECK: jb .LBB1_3
// CHECK-NOT: {{ymm.*\(%rsp|\(%rsp.*ymm}}
// CHECK: retq
func.func @kernel(%a: memref<28x64xf32>, %b: memref<64x64xf32>, %c: memref<28x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x64xf32>, memref<64x64xf32>)
    outs(%c : memref<28x64xf32>)
  func.return
}
