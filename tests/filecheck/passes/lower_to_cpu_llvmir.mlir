// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v3}' -t llvmir | filecheck %s

// LLVM IR: the accumulators are phis, the products fused multiply-adds of 8 lanes.

// CHECK: target triple = "x86_64-unknown-linux-gnu"
// CHECK: define void @kernel(ptr %{{.*}}, ptr %{{.*}}, ptr %{{.*}})
// CHECK: define internal void @br_kernel_0(ptr noalias %{{.*}}, ptr noalias %{{.*}}, ptr noalias %{{.*}})
// CHECK-COUNT-12: phi <8 x float>
// CHECK-COUNT-12: call <8 x float> @llvm.fma.v8f32(
// CHECK-NOT: alloca
func.func @kernel(%a: memref<28x64xf32>, %b: memref<64x64xf32>, %c: memref<28x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<28x64xf32>, memref<64x64xf32>)
    outs(%c : memref<28x64xf32>)
  func.return
}
