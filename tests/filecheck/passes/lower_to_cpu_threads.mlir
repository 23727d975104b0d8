// RUN: br-opt %s -p 'lower-to-cpu{target=x86-64-v3 threads=2}' -t llvmir | filecheck %s

// Two threads: GOMP_parallel runs the rows.

// CHECK: define void @main(
// CHECK: call void @GOMP_parallel(ptr @{{.*}}, ptr %{{.*}}, i32 2, i32 0)

// Each begins with its own half of the tasks, and goes on with what the other has not
// begun.
// CHECK: define internal void @{{.*}}_team(ptr %[[CONTEXT:.*]])
// CHECK: %[[SELF:.*]] = sext i32
// CHECK: %[[THREADS:.*]] = sext i32
// CHECK: %[[TURN:.*]] = phi i64 [ 0, %entry ]
// CHECK: %[[SUM:.*]] = add i64 %[[SELF]], %[[TURN]]
// CHECK: urem i64 %[[SUM]], %[[THREADS]]
// CHECK: atomicrmw add ptr %{{.*}}, i64 %{{.*}} monotonic
// CHECK: call void @{{.*}}_parallel_0(
func.func @main(%a: tensor<512x64xf32>, %b: tensor<64x64xf32>, %c: tensor<512x64xf32>)
    -> tensor<512x64xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<512x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<512x64xf32>) -> tensor<512x64xf32>
  func.return %0 : tensor<512x64xf32>
}
