// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v3 threads=2}' -t llvmir | filecheck %s

// Two threads: GOMP_parallel runs the rows.

// CHECK: define void @main(
// CHECK: call void @GOMP_parallel(ptr @{{.*}}, ptr %{{.*}}, i32 2, i32 0)
func.func @main(%a: tensor<512x64xf32>, %b: tensor<64x64xf32>, %c: tensor<512x64xf32>)
    -> tensor<512x64xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<512x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<512x64xf32>) -> tensor<512x64xf32>
  func.return %0 : tensor<512x64xf32>
}
