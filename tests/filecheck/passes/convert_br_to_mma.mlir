// RUN: br-opt %s -p 'convert-br-to-mma' | filecheck %s

// One block of 4 warps, each of which has one fragment of C: 32 x 32 of 40 steps, three
// slices of 16, the third of which is filled up with zeros.
module attributes {br.target = #br.target<"nvptx64-sm_80">} {
// CHECK-LABEL: @kernel(
// CHECK: br.thread_id
// CHECK: %[[A:.*]] = br.shared_memory {offset = 0 : i64} : memref<1024xf32, 3 : i32>
// CHECK: %[[B:.*]] = br.shared_memory {offset = 4096 : i64} : memref<1024xf32, 3 : i32>
// The first slice is on its way before the loop begins.
// CHECK: br.async_copy %{{.*}} to %[[A]]{{.*}} {elements = 4 : i64}
// CHECK: br.async_copy %{{.*}} to %[[B]]{{.*}} {elements = 2 : i64}
// CHECK: br.async_commit
// CHECK: scf.for %{{.*}} iter_args(%{{.*}}) -> (index, index, vector<8xf32>) {
// CHECK-NEXT: br.async_wait {pending = 0 : i64}
// CHECK-NEXT: br.barrier
// CHECK: scf.if
// CHECK: br.async_copy %{{.*}} to %[[A]]
// CHECK: br.async_copy %{{.*}} to %[[B]]
// CHECK: br.async_commit
// CHECK: scf.for %{{.*}} iter_args(%{{.*}}) -> (vector<8xf32>) {
// A lies along the sum, B across it.
// CHECK: br.load_matrices %[[A]]
// CHECK: br.round_tf32
// CHECK: memref.load %[[B]]
// CHECK: br.round_tf32
// CHECK: br.mma %{{.*}} {kind = "tf32"}
// CHECK: } {br.unroll}
// CHECK: br.async_wait {pending = 0 : i64}
// CHECK-NEXT: br.barrier
// CHECK: br.store_accumulators %{{.*}} {pitch = 40 : i64}
// CHECK-NEXT: br.barrier
// The epilogue, 16 bytes at a time; the 30 columns end in pairs.
// CHECK: arith.maximumf %{{.*}} : vector<2xf32>
// CHECK: vector.store %{{.*}} {alignment = 8 : i64}
// CHECK-NOT: br.batch_reduce_gemm
func.func private @kernel(%x: memref<32x40xf32>, %y: memref<40x30xf32>,
                          %z: memref<32x30xf32>)
    attributes {br.grid = 1 : i64, br.threads = 128 : i64, br.shared = 8192 : i64} {
  %zero = arith.constant 0.0 : f32
  %a = memref.assume_alignment %x, 16 : memref<32x40xf32>
  %b = memref.assume_alignment %y, 16 : memref<40x30xf32>
  %c = memref.assume_alignment %z, 16 : memref<32x30xf32>
  br.batch_reduce_gemm ins(%a, %b : memref<32x40xf32>, memref<40x30xf32>)
    outs(%c : memref<32x30xf32>)
    {beta = 0.0 : f64, tile = #br.tile<"block=32x32x16 warp=16x16 stages=2">}
    epilogue {
  ^bb0(%acc: f32):
    %r = arith.maximumf %acc, %zero : f32
    br.yield %r : f32
  }
  func.return
}
}
