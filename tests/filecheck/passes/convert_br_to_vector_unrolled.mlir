// RUN: br-opt %s -p convert-br-to-vector | filecheck %s

// Four steps of k in one trip of its loop; those that are left over need none.
module attributes {br.target = #br.target<"x86-64-v3">} {

func.func @main(%a: memref<1x10xf32>, %b: memref<10x8xf32>, %c: memref<1x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<1x10xf32>, memref<10x8xf32>)
    outs(%c : memref<1x8xf32>)
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK:      %[[EIGHT:\d+]] = arith.constant 8 : index
// CHECK-NEXT: %[[FOUR:\d+]] = arith.constant 4 : index
// CHECK-NEXT: %[[SUM:\d+]] = scf.for %[[K:\d+]] = %{{.*}} to %[[EIGHT]] step %[[FOUR]]
// CHECK:        vector.load %{{.*}}[%[[K]],
// CHECK:        vector.fma
// CHECK:        %[[ONE:\d+]] = arith.constant 1 : index
// CHECK-NEXT:   %[[K1:\d+]] = arith.addi %[[K]], %[[ONE]] : index
// CHECK:        vector.fma
// CHECK:        vector.fma
// CHECK:        vector.fma
// CHECK-NEXT:   scf.yield
// CHECK-NEXT: }
// CHECK-NOT:  scf.for
// CHECK:      vector.fma %{{.*}}, %{{.*}}, %[[SUM]]
// CHECK:      vector.fma
// CHECK:      vector.store
