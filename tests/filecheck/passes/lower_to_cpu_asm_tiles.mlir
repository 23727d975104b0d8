// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v3}' -t asm | filecheck %s --check-prefix=V3
// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v4}' -t asm | filecheck %s --check-prefix=V4

// The register blocks that fill all registers do not spill: 4 x 3 of 16 registers for
// images of 7 pixels, 7 x 3 and 13 x 2 of 32 for weights that come from behind the L2.

// V3: br_kernel_0:
// V3-NOT: {{ymm.*\(%rsp|\(%rsp.*ymm}}
// V3: retq
// V4: br_kernel_0:
// V4-NOT: {{zmm.*\(%rsp|\(%rsp.*zmm}}
// V4: retq
func.func @seven(%a: memref<7x64xf32>, %b: memref<64x48xf32>, %c: memref<7x48xf32>,
                 %n: memref<500xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<7x64xf32>, memref<64x48xf32>)
    outs(%c : memref<7x48xf32>) next(%n : memref<500xf32>)
  func.return
}

// V4: br_kernel_1:
// V4-NOT: {{zmm.*\(%rsp|\(%rsp.*zmm}}
// V4: retq
func.func @thirteen(%a: memref<13x64xf32>, %b: memref<64x32xf32>,
                    %c: memref<13x32xf32>, %n: memref<500xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<13x64xf32>, memref<64x32xf32>)
    outs(%c : memref<13x32xf32>) next(%n : memref<500xf32>)
    {register_block = array<i64: 13, 2>}
  func.return
}
