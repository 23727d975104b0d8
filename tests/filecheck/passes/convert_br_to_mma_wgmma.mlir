// RUN: br-opt %s -p convert-contract-to-grid,convert-br-to-mma | filecheck %s
// RUN: br-opt %s -p convert-contract-to-grid,convert-br-to-mma,lower-scf-to-cf,convert-to-llvm -t llvmir | filecheck %s --check-prefix=LLVM

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// Four warps multiply 64 rows by 64 columns; both slices are there for what reads behind
// the threads' backs. Products go on over the barrier.
module attributes {br.target = #br.target<"nvptx64-sm_90a">} {
// CHECK-LABEL: func.func private @product
// CHECK:         br.shared_memory {offset = 0 : i64} : memref<12288xbf16, 3 : i32>
// CHECK:         br.shared_memory {offset = 24576 : i64} : memref<12288xbf16, 3 : i32>
// CHECK:         scf.for
// CHECK-NEXT:      br.async_wait {pending = 0 : i64}
// CHECK-NEXT:      br.proxy_fence
// CHECK-NEXT:      br.barrier
// CHECK:           %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = br.warpgroup_mma {{.*}} {kind = "bf16", b_across} : memref<12288xbf16, 3 : i32>, memref<12288xbf16, 3 : i32>,
// CHECK:           scf.if
// CHECK:             br.async_copy
// CHECK:           br.async_commit
// CHECK-NEXT:      br.warpgroup_wait {{.*}} {pending = 1 : i64} :
// CHECK:         br.async_wait {pending = 0 : i64}
// CHECK-NEXT:    br.warpgroup_wait {{.*}} {pending = 0 : i64} :
// CHECK:         br.store_accumulators

// LLVM: call void asm sideeffect "fence.proxy.async.shared::cta;", "~{memory}"() convergent
// LLVM: call { float, {{.*}} } asm sideeffect "{\0A.reg .pred p;\0A.reg .b64 a, b;\0Asetp.eq.u32 p, 0, 0;\0Awgmma.fence.sync.aligned;\0Aadd.s64 a, $64, 0;\0Aadd.s64 b, $65, 0;\0Awgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {$0, {{.*}}, $31}, a, b, p, 1, 1, 0, 1;\0Aadd.s64 a, $64, 2;\0Aadd.s64 b, $65, 128;\0A
// LLVM-SAME: wgmma.commit_group.sync.aligned;\0A}", "=f,
// LLVM: asm sideeffect "wgmma.wait_group.sync.aligned 1;", "=f,
// LLVM: asm sideeffect "wgmma.wait_group.sync.aligned 0;", "=f,
func.func private @product(%a: memref<64x128xbf16>, %b: memref<128x64xbf16>, %c: memref<64x64xf32>) {
  br.contract ins(%a, %b : memref<64x128xbf16>, memref<128x64xbf16>) outs(%c : memref<64x64xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c | block=64x64x64 warp=16x64 stages=3 mma=wgmma">}
  func.return
}
}
