// RUN: br-opt %s -p lower-to-cpu | filecheck %s

// The whole pipeline: nothing but the llvm dialect is left.

// CHECK-NOT: {{ (linalg|tensor|memref|scf|vector|arith|math|br)[.][a-z_]+}}
// CHECK: llvm.func @main({{.*}}!llvm.ptr{{.*}})
// CHECK-NOT: {{ (linalg|tensor|memref|scf|vector|arith|math|br)[.][a-z_]+}}
func.func @main(%a: tensor<6x4xf32>, %b: tensor<4x16xf32>, %bias: tensor<16xf32>)
    -> tensor<6x16xf32> {
  %e = tensor.empty() : tensor<6x16xf32>
  %c = linalg.broadcast ins(%bias : tensor<16xf32>) outs(%e : tensor<6x16xf32>)
    dimensions = [0]
  %0 = linalg.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x16xf32>)
    outs(%c : tensor<6x16xf32>) -> tensor<6x16xf32>
  %1 = linalg.tanh ins(%0 : tensor<6x16xf32>) outs(%e : tensor<6x16xf32>)
    -> tensor<6x16xf32>
  func.return %1 : tensor<6x16xf32>
}
