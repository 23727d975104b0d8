// RUN: br-opt %s -p convert-br-to-vector | filecheck %s

// Four steps of k in one trip of its loop, and those that are left over: LLVM writes
// both out.
module attributes {br.target = #br.target<"x86-64-v3">} {

func.func @main(%a: memref<1x10xf32>, %b: memref<10x8xf32>, %c: memref<1x8xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<1x10xf32>, memref<10x8xf32>)
    outs(%c : memref<1x8xf32>)
  func.return
}
}

// CHECK-LABEL func.func private @br_kernel_0(
// CHECK:      %[[EIGHT:\d+]] = arith.constant 8 : index
// CHECK-NEXT: %[[FOUR:\d+]] = arith.constant 4 : index
// CHECK-NEXT: %[[SUM:\d+]] = scf.for %[[K:\d+]] = %{{.*}} to %[[EIGHT]] step %[[FOUR]]
// CHECK:        %[[TRIP:\d+]] = arith.constant 4 : index
// CHECK:        %[[FOUR_STEPS:\d+]] = scf.for %[[STEP:\d+]] = %{{.*}} to %[[TRIP]]
// CHECK-NEXT:     %[[AT:\d+]] = arith.addi %[[K]], %[[STEP]] : index
// CHECK:          vector.load %{{.*}}[%[[AT]],
// CHECK:          vector.fma
// CHECK-NEXT:     scf.yield
// CHECK-NEXT:   } {br.unroll}
// CHECK-NEXT:   scf.yield %[[FOUR_STEPS]]
// CHECK-NEXT: }
// CHECK:      %[[TWO:\d+]] = arith.constant 2 : index
// CHECK:      scf.for %{{.*}} to %[[TWO]] step %{{.*}} iter_args(%{{.*}} = %[[SUM]])
// CHECK:        vector.fma
// CHECK:      } {br.unroll}
// CHECK:      vector.store
