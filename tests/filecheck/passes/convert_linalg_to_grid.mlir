// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},convert-linalg-to-grid' | filecheck %s

// Element-wise: a thread for each of 39 elements, one loop where operands lie as one.
// CHECK-LABEL: @bias(
// CHECK-SAME: attributes {br.grid = 1 : i64, br.threads = 256 : i64, br.shared = 0 : i64}
// CHECK: br.block_id
// CHECK: br.thread_id
// CHECK: %[[L:.*]] = arith.constant 39 : index
// CHECK: arith.cmpi ult, %{{.*}}, %[[L]] : index
// CHECK: scf.if
// CHECK: memref.load
// CHECK: memref.load
// CHECK: arith.addf %{{.*}} : f32
// CHECK: memref.store
func.func private @bias(%x: memref<3x13xf32>, %b: memref<13xf32>, %y: memref<3x13xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>,
                                   affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
    ins(%x, %b : memref<3x13xf32>, memref<13xf32>) outs(%y : memref<3x13xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %r = arith.addf %p, %q : f32
    linalg.yield %r : f32
  }
  func.return
}

// A reduction: a thread for each of 512 results runs the loop over 7.
// CHECK-LABEL: @sum(
// CHECK-SAME: br.grid = 2 : i64
// CHECK: scf.for %{{.*}} -> (f32) {
// CHECK: arith.addf
// CHECK-NOT: linalg
func.func private @sum(%x: memref<512x7xf32>, %y: memref<512xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
    ins(%x : memref<512x7xf32>) outs(%y : memref<512xf32>) {
  ^bb0(%p: f32, %o: f32):
    %r = arith.addf %o, %p : f32
    linalg.yield %r : f32
  }
  func.return
}

// A long one: a warp for each of 64 results, 8 warps a block; 31 steps of 32 lanes and
// one of 8.
// CHECK-LABEL: @long_sum(
// CHECK-SAME: br.grid = 8 : i64
// CHECK: scf.for %{{.*}} -> (f32) {
// CHECK: arith.cmpi ult
// CHECK: arith.addf
// CHECK: br.shuffle_xor %{{.*}} {mask = 16 : i64} : f32
// CHECK: br.shuffle_xor %{{.*}} {mask = 1 : i64} : f32
// CHECK: scf.if
// CHECK: memref.store
// CHECK-NOT: linalg
func.func private @long_sum(%x: memref<64x1000xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
    ins(%x : memref<64x1000xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%p: f32, %o: f32):
    %r = arith.addf %o, %p : f32
    linalg.yield %r : f32
  }
  func.return
}

// CHECK-LABEL: @fill(
// CHECK-SAME: br.grid = 4 : i64
func.func private @fill(%y: memref<1024xf32>) {
  %one = arith.constant 1.0 : f32
  linalg.fill ins(%one : f32) outs(%y : memref<1024xf32>)
  func.return
}

// A longer one: a block for each of 5 results; the sums of its 8 warps meet in 32 bytes
// of shared memory.
// CHECK-LABEL: @block_sum(
// CHECK-SAME: attributes {br.grid = 5 : i64, br.threads = 256 : i64, br.shared = 32 : i64}
// CHECK: %[[STEP:.*]] = arith.constant 256 : index
// CHECK: scf.for %{{.*}} step %[[STEP]]
// CHECK: br.shuffle_xor %{{.*}} {mask = 16 : i64} : f32
// CHECK: br.shuffle_xor %{{.*}} {mask = 1 : i64} : f32
// CHECK: br.shared_memory {offset = 0 : i64} : memref<8xf32, 3 : i32>
// CHECK: br.barrier
// CHECK: br.shuffle_xor %{{.*}} {mask = 4 : i64} : f32
// CHECK: br.shuffle_xor %{{.*}} {mask = 1 : i64} : f32
// CHECK: scf.if
// CHECK: memref.store
func.func private @block_sum(%x: memref<5x4096xf32>, %y: memref<5xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
    ins(%x : memref<5x4096xf32>) outs(%y : memref<5xf32>) {
  ^bb0(%p: f32, %o: f32):
    %r = arith.addf %o, %p : f32
    linalg.yield %r : f32
  }
  func.return
}
