// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v4}' -t asm | filecheck %s

// The same on AVX-512: vectors of 16, and still nothing spilled.

// CHECK: kernel:
// CHECK-NOT: {{zmm.*\(%rsp|\(%rsp.*zmm}}
// CHECK: vfmadd231ps {{.*}}zmm
// CHECK-NOT: {{zmm.*\(%rsp|\(%rsp.*zmm}}
// CHECK: ret
func.func @kernel(%a: memref<28x64xf32>, %b: memref<64x64xf32>, %c: memref<28x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x64xf32>, memref<64x64xf32>)
    outs(%c : memref<28x64xf32>)
  func.return
}
