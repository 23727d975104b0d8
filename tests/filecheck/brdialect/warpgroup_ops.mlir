// RUN: br-opt %s | br-opt | filecheck %s

// CHECK-LABEL: @kernel
func.func @kernel(%i: index, %c: vector<8xf32>)
    attributes {br.grid = 1 : i64, br.threads = 128 : i64, br.shared = 16384 : i64} {
  %a = br.shared_memory {offset = 0 : i64} : memref<4096xbf16, 3 : i32>
  %b = br.shared_memory {offset = 8192 : i64} : memref<4096xbf16, 3 : i32>
  // CHECK: br.proxy_fence
  br.proxy_fence
  // CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = br.warpgroup_mma %{{.*}}[%{{.*}}], %{{.*}}[%{{.*}}], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {kind = "bf16", b_across} : memref<4096xbf16, 3 : i32>, memref<4096xbf16, 3 : i32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
  %0, %1, %2, %3 = br.warpgroup_mma %a[%i], %b[%i], %c, %c, %c, %c
    {kind = "bf16", b_across}
    : memref<4096xbf16, 3 : i32>, memref<4096xbf16, 3 : i32>,
      vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
    -> vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
  // CHECK: %{{.*}}, %{{.*}} = br.warpgroup_wait %{{.*}}, %{{.*}} {pending = 1 : i64} : vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>
  %4, %5 = br.warpgroup_wait %0, %1 {pending = 1 : i64} : vector<8xf32>, vector<8xf32>
    -> vector<8xf32>, vector<8xf32>
  func.return
}
