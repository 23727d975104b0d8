// RUN: br-opt %s | br-opt | filecheck %s

// CHECK-LABEL: @main
func.func @main(%a: memref<64x128xbf16>) {
  // CHECK: %{{.*}} = br.tensor_map %{{.*}} {offset = 0 : i64, width = 128 : i64, lines = 64 : i64, pitch = 128 : i64, box = 64 : i64} : memref<64x128xbf16>
  %map = br.tensor_map %a
    {offset = 0 : i64, width = 128 : i64, lines = 64 : i64, pitch = 128 : i64,
     box = 64 : i64} : memref<64x128xbf16>
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
  // CHECK: br.mbarrier_wait %{{.*}}[%{{.*}}], %{{.*}} : memref<2xi64, 3 : i32>
  br.mbarrier_wait %barriers[%i], %parity : memref<2xi64, 3 : i32>
  func.return
}
