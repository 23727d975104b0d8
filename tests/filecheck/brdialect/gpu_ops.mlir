// RUN: br-opt %s | br-opt | filecheck %s

// What the threads of a block can ask for.

// CHECK-LABEL: @kernel
// CHECK-SAME: attributes {br.grid = 4 : i64, br.threads = 128 : i64, br.shared = 256 : i64}
func.func @kernel(%a: memref<64xf32>)
    attributes {br.grid = 4 : i64, br.threads = 128 : i64, br.shared = 256 : i64} {
  // CHECK: %[[T:.*]] = br.thread_id
  %t = br.thread_id
  // CHECK: br.block_id
  %b = br.block_id
  // CHECK: %[[S:.*]] = br.shared_memory {offset = 0 : i64} : memref<64xf32, 3 : i32>
  %s = br.shared_memory {offset = 0 : i64} : memref<64xf32, 3 : i32>
  %v = arith.constant true
  // CHECK: br.async_copy %{{.*}}[%[[T]]] to %[[S]][%[[T]]] if %{{.*}} {elements = 4 : i64} : memref<64xf32> to memref<64xf32, 3 : i32>
  br.async_copy %a[%t] to %s[%t] if %v {elements = 4 : i64}
    : memref<64xf32> to memref<64xf32, 3 : i32>
  // CHECK: br.async_commit
  br.async_commit
  // CHECK: br.async_wait {pending = 0 : i64}
  br.async_wait {pending = 0 : i64}
  // CHECK: br.barrier
  br.barrier
  // CHECK: %[[M:.*]] = br.load_matrices %[[S]][%[[T]]] {transpose} : memref<64xf32, 3 : i32>
  %m = br.load_matrices %s[%t] {transpose} : memref<64xf32, 3 : i32>
  // CHECK: %[[R:.*]] = br.round_tf32 %[[M]]
  %r = br.round_tf32 %m
  %zero = arith.constant dense<0.0> : vector<8xf32>
  // CHECK: %[[C:.*]] = br.mma %[[R]], %[[M]], %{{.*}} {kind = "tf32"}
  %c = br.mma %r, %m, %zero {kind = "tf32"}
  // CHECK: br.store_accumulators %[[C]], %[[S]][%[[T]]] {pitch = 40 : i64} : memref<64xf32, 3 : i32>
  br.store_accumulators %c, %s[%t] {pitch = 40 : i64} : memref<64xf32, 3 : i32>
  %one = arith.constant 1.0 : f32
  // CHECK: %{{.*}} = br.shuffle_xor %{{.*}} {mask = 16 : i64} : f32
  %x = br.shuffle_xor %one {mask = 16 : i64} : f32
  func.return
}

// Rows of a matrix that several dimensions count, and the block's tile.
// CHECK-LABEL: @rows
// CHECK: br.batch_reduce_gemm
// CHECK-SAME: tile = #br.tile<"block=32x32x16 warp=16x16 stages=2">
func.func @rows(%a: memref<3x2x5x7x8xf32>, %b: memref<3x8x16xf32>,
                %c: memref<2x5x7x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<3x2x5x7x8xf32>, memref<3x8x16xf32>)
    outs(%c : memref<2x5x7x16xf32>)
    {tile = #br.tile<"block=32x32x16 warp=16x16 stages=2">}
  func.return
}
