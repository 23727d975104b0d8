// RUN: br-opt %s | br-opt | filecheck %s

// CHECK-LABEL: @main
func.func @main(%a: memref<64x128xbf16>) {
  // CHECK: %{{.*}} = br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 128, 64>, strides = array<i64: 128>, box = array<i64: 64, 64>} : memref<64x128xbf16>
  %map = br.tensor_map %a
    {offset = 0 : i64, sizes = array<i64: 128, 64>, strides = array<i64: 128>,
     box = array<i64: 64, 64>} : memref<64x128xbf16>

  // The same as an image of 8 x 8 pixels of 128 channels, through a window of 3 x 2.
  // CHECK: br.tensor_map %{{.*}} {offset = 0 : i64, sizes = array<i64: 128, 8, 8, 1>, strides = array<i64: 128, 1024, 8192>, box = array<i64: 64, 64>, lower = array<i64: 0, 0>, upper = array<i64: -1, -2>, steps = array<i64: 1, 1>} : memref<64x128xbf16>
  %window = br.tensor_map %a
    {offset = 0 : i64, sizes = array<i64: 128, 8, 8, 1>,
     strides = array<i64: 128, 1024, 8192>, box = array<i64: 64, 64>,
     lower = array<i64: 0, 0>, upper = array<i64: -1, -2>, steps = array<i64: 1, 1>}
    : memref<64x128xbf16>
  func.call @kernel(%map) : (memref<128xi8>) -> ()
  func.return
}

// CHECK-LABEL: @kernel
func.func private @kernel(%map: memref<128xi8>)
    attributes {br.grid = 1 : i64, br.threads = 128 : i64, br.shared = 8208 : i64} {
  %i = arith.constant 0 : index
  %parity = arith.constant 0 : i32
  %a = br.shared_memory {offset = 0 : i64} : memref<4096xbf16, 3 : i32>
  %barriers = br.shared_memory {offset = 8192 : i64} : memref<2xi64, 3 : i32>
  // CHECK: br.acquire_map %{{.*}}
  br.acquire_map %map
  // CHECK: br.mbarrier_init %{{.*}} : memref<2xi64, 3 : i32>
  br.mbarrier_init %barriers : memref<2xi64, 3 : i32>
  // CHECK: br.mbarrier_expect %{{.*}}[%{{.*}}] {bytes = 8192 : i64} : memref<2xi64, 3 : i32>
  br.mbarrier_expect %barriers[%i] {bytes = 8192 : i64} : memref<2xi64, 3 : i32>
  // CHECK: br.tensor_copy %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}] counted by %{{.*}}[%{{.*}}] {box = 64 : i64} : memref<4096xbf16, 3 : i32>, memref<2xi64, 3 : i32>
  br.tensor_copy %map[%i, %i] to %a[%i] counted by %barriers[%i] {box = 64 : i64}
    : memref<4096xbf16, 3 : i32>, memref<2xi64, 3 : i32>
  // CHECK: br.tensor_copy %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] offset[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}] counted by %{{.*}}[%{{.*}}] {box = 64 : i64}
  br.tensor_copy %map[%i, %i, %i, %i] offset [%i, %i] to %a[%i] counted by %barriers[%i]
    {box = 64 : i64} : memref<4096xbf16, 3 : i32>, memref<2xi64, 3 : i32>
  // CHECK: br.mbarrier_wait %{{.*}}[%{{.*}}], %{{.*}} : memref<2xi64, 3 : i32>
  br.mbarrier_wait %barriers[%i], %parity : memref<2xi64, 3 : i32>
  func.return
}
