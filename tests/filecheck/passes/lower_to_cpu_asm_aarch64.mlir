// RUN: br-opt %s -p 'lower-to-cpu{target=aarch64}' -t asm | filecheck %s

// A port is a row of the table: the same on Armv8-A, in vectors of 4.

// CHECK: kernel:
// CHECK: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[{{[0-3]}}]
// CHECK-NOT: {{q[0-9]+.*\[sp}}
// CHECK: ret
func.func @kernel(%a: memref<28x64xf32>, %b: memref<64x64xf32>, %c: memref<28x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x64xf32>, memref<64x64xf32>)
    outs(%c : memref<28x64xf32>)
  func.return
}
