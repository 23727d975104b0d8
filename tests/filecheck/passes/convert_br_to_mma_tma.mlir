// RUN: br-opt %s -p convert-contract-to-grid,convert-br-to-mma | filecheck %s
// RUN: br-opt %s -p convert-contract-to-grid,convert-br-to-mma,keep-kernels,lower-scf-to-cf,convert-to-llvm -t llvmir | filecheck %s --check-prefix=LLVM

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// One thread asks for boxes of both slices, by maps that the host makes.
module attributes {br.target = #br.target<"nvptx64-sm_90a">} {
// CHECK-LABEL: func.func @main
// CHECK:         %[[A:.*]] = br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 128, 64>, strides = array<i64: 128>, box = array<i64: 64, 64>} : memref<64x128xbf16>
// CHECK-NEXT:    %[[B:.*]] = br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 64, 128>, strides = array<i64: 64>, box = array<i64: 64, 64>} : memref<128x64xbf16>
// CHECK-NEXT:    func.call @product(%{{.*}}, %{{.*}}, %{{.*}}, %[[A]], %[[B]])
func.func @main(%a: memref<64x128xbf16>, %b: memref<128x64xbf16>, %c: memref<64x64xf32>) {
  func.call @product(%a, %b, %c) : (memref<64x128xbf16>, memref<128x64xbf16>, memref<64x64xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func private @product
// CHECK:         %[[BARRIERS:.*]] = br.shared_memory {offset = 49152 : i64} : memref<3xi64, 3 : i32>
// CHECK:         scf.if
// CHECK:           br.acquire_map
// CHECK-NEXT:      br.acquire_map
// CHECK-NEXT:      br.mbarrier_init %[[BARRIERS]]
// CHECK:         br.barrier
// CHECK:         br.mbarrier_expect {{.*}} {bytes = 16384 : i64}
// CHECK:         scf.for
// CHECK:           br.mbarrier_wait %[[BARRIERS]][%{{.*}}], %{{.*}} : memref<3xi64, 3 : i32>
// CHECK-NEXT:      br.barrier
// CHECK:           br.warpgroup_mma
// CHECK:           br.mbarrier_expect
// CHECK:           br.tensor_copy {{.*}} {box = 64 : i64}
// CHECK:           br.tensor_copy {{.*}} {box = 64 : i64}
// CHECK:           br.warpgroup_wait {{.*}} {pending = 1 : i64}

// LLVM: asm sideeffect "fence.proxy.tensormap::generic.acquire.sys [$0], 128;", "l,~{memory}"
// LLVM: asm sideeffect "mbarrier.init.shared::cta.b64 [$0+0], 1;\0A
// LLVM: asm sideeffect "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 16384;"
// LLVM: asm sideeffect "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4}], [$2];", "l,l,l,r,r,~{memory}"
// LLVM: asm sideeffect "{\0A.reg .pred p;\0Aagain:\0Ambarrier.try_wait.parity.shared::cta.b64 p, [$0], $1;\0A@!p bra again;\0A}", "l,r,~{memory}"
func.func private @product(%a: memref<64x128xbf16>, %b: memref<128x64xbf16>, %c: memref<64x64xf32>) {
  br.contract ins(%a, %b : memref<64x128xbf16>, memref<128x64xbf16>) outs(%c : memref<64x64xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=a n=b k=c | block=64x64x64 warp=16x64 stages=3 mma=wgmma copy=tma">}
  func.return
}

// A convolution: the image as pixels through a window, the filters as a batch of
// matrices. Slices of the sum are those of a tap.
// CHECK-LABEL: func.func @layer
// CHECK:         br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 64, 7, 9, 2>, strides = array<i64: 64, 448, 4032>, box = array<i64: 64, 64>, lower = array<i64: 0, 0>, upper = array<i64: -2, -2>, steps = array<i64: 1, 1>} : memref<2x9x7x64xbf16>
// CHECK-NEXT:    br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 64, 64, 3, 3>, strides = array<i64: 64, 4096, 12288>, box = array<i64: 64, 64, 1, 1>} : memref<3x3x64x64xbf16>
// CHECK-LABEL: func.func private @convolution
// CHECK:         br.tensor_copy %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] offset[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}] counted by %{{.*}}[%{{.*}}] {box = 64 : i64}
// CHECK:         br.tensor_copy %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] to
// CHECK-NOT:     br.async_copy
// LLVM: asm sideeffect "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5, $6}], [$2], {$7, $8};", "l,l,l,r,r,r,r,h,h,~{memory}"
// LLVM: asm sideeffect "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5, $6}], [$2];", "l,l,l,r,r,r,r,~{memory}"
func.func @layer(%a: memref<2x9x7x64xbf16>, %b: memref<3x3x64x64xbf16>, %c: memref<2x7x5x64xf32>) {
  func.call @convolution(%a, %b, %c) : (memref<2x9x7x64xbf16>, memref<3x3x64x64xbf16>, memref<2x7x5x64xf32>) -> ()
  func.return
}

func.func private @convolution(%a: memref<2x9x7x64xbf16>, %b: memref<3x3x64x64xbf16>, %c: memref<2x7x5x64xf32>) {
  br.contract ins(%a, %b : memref<2x9x7x64xbf16>, memref<3x3x64x64xbf16>) outs(%c : memref<2x7x5x64xf32>)
    {indexing_maps = [affine_map<(n, h, w, f, r, s, c) -> (n, h + r, w + s, c)>,
                      affine_map<(n, h, w, f, r, s, c) -> (r, s, c, f)>,
                      affine_map<(n, h, w, f, r, s, c) -> (n, h, w, f)>],
     iterator_types = [#parallel, #parallel, #parallel, #parallel,
                       #reduction, #reduction, #reduction], beta = 0.0 : f64,
     schedule = #br.schedule<"| m=c n=d k=g rows=a,b batch=e,f | block=64x64x64 warp=16x64 stages=3 mma=wgmma copy=tma">}
  func.return
}
}
