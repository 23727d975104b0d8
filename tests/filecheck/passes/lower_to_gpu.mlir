// RUN: br-opt %s -p lower-to-gpu -t llvmir | filecheck %s
// RUN: br-opt %s -p 'lower-to-gpu{target=nvptx64-sm_90a}' -t ptx | filecheck %s --check-prefix=PTX

// From a product on tensors to LLVM IR, and to PTX.

// CHECK: target triple = "nvptx64-nvidia-cuda"
// CHECK: @br_shared_memory = external addrspace(3) global [0 x i8], align 1024
// CHECK: define ptx_kernel void @br_contract_0(ptr %{{.*}}, ptr %{{.*}}, ptr %{{.*}})
// CHECK: call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
// CHECK: call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %{{.*}}, ptr addrspace(1) %{{.*}})
// CHECK: call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
// CHECK: call { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %{{.*}})
// CHECK: call { float, float, float, float } @llvm.nvvm.mma.m16n8k8.row.col.tf32(
// CHECK: attributes #0 = { nounwind "target-cpu"="sm_80" "target-features"="+ptx70" "nvvm.maxntid"="128" }

// PTX: .target sm_90a
// PTX: .visible .entry br_contract_0(
// PTX: .maxntid 128
// PTX: cp.async.cg.shared.global
// PTX: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
func.func @main(%a: tensor<256x128xf32>, %b: tensor<128x256xf32>) -> tensor<256x256xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<256x256xf32>
  %c = linalg.fill ins(%zero : f32) outs(%e : tensor<256x256xf32>) -> tensor<256x256xf32>
  %r = linalg.matmul ins(%a, %b : tensor<256x128xf32>, tensor<128x256xf32>)
    outs(%c : tensor<256x256xf32>) -> tensor<256x256xf32>
  func.return %r : tensor<256x256xf32>
}
