// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},keep-kernels' | filecheck %s

// CHECK-NOT: @main
// CHECK: func.func @k(%{{.*}}) attributes {br.grid = 1 : i64, br.threads = 32 : i64, br.shared = 0 : i64}
func.func @main(%x: memref<4xf32>) {
  func.call @k(%x) : (memref<4xf32>) -> ()
  func.return
}
func.func private @k(%x: memref<4xf32>)
    attributes {br.grid = 1 : i64, br.threads = 32 : i64, br.shared = 0 : i64} {
  func.return
}
