// RUN: br-opt %s -p lower-recurrent-ops,hoist-load-time,bufferize,outline-nests,canonicalize,cse | filecheck %s

// The number of steps stays open. What one layer hands to the next lies behind the fixed
// part of the arena, 64 bytes for each step: two are alive together, and the third takes
// the place of the first. The last layer writes the result.

// CHECK-LABEL: func.func @layers(%x: memref<?x2x8xf32>
// CHECK-SAME: %[[D:\d+]]: memref<?x2x4xf32> {br.result}, %[[ARENA:\d+]]: memref<?xi8> {br.arena = array<i64: [[FIXED:\d+]], 128>}
// CHECK: %[[T:\d+]] = memref.dim %x, %{{.*}} : memref<?x2x8xf32>
// CHECK: %[[AT:\d+]] = arith.constant [[FIXED]] : index
// CHECK-NEXT: %[[A:\d+]] = memref.view %[[ARENA]][%[[AT]]][%[[T]]] : memref<?xi8> to memref<?x2x4xf32>
// CHECK: func.call @br_recurrence_{{.*}}(%x, {{.*}}, %[[A]], %{{\d+}})
// CHECK: %[[EACH:\d+]] = arith.constant 64 : index
// CHECK-NEXT: %[[ALL:\d+]] = arith.muli %[[T]], %[[EACH]] : index
// CHECK-NEXT: %[[NEXT:\d+]] = arith.addi %[[ALL]], %[[AT]] : index
// CHECK-NEXT: %[[B:\d+]] = memref.view %[[ARENA]][%[[NEXT]]][%[[T]]] : memref<?xi8> to memref<?x2x4xf32>
// CHECK: func.call @[[LAYER:\w+]](%[[A]], {{.*}}, %[[B]], %{{\d+}})
// CHECK: func.call @[[LAYER]](%[[B]], {{.*}}, %[[A]], %{{\d+}})
// CHECK: func.call @[[LAYER]](%[[A]], {{.*}}, %[[D]], %{{\d+}})
func.func @layers(%x: tensor<?x2x8xf32>, %w: tensor<1x4x8xf32> {br.bound = 1 : i64},
                  %r: tensor<1x4x4xf32> {br.bound = 2 : i64}) -> tensor<?x2x4xf32> {
  %a, %ha = br.rnn ins(%x, %w, %r : tensor<?x2x8xf32>, tensor<1x4x8xf32>, tensor<1x4x4xf32>)
    -> (tensor<?x2x4xf32>, tensor<1x2x4xf32>)
  %b, %hb = br.rnn ins(%a, %r, %r : tensor<?x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4x4xf32>)
    -> (tensor<?x2x4xf32>, tensor<1x2x4xf32>)
  %c, %hc = br.rnn ins(%b, %r, %r : tensor<?x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4x4xf32>)
    -> (tensor<?x2x4xf32>, tensor<1x2x4xf32>)
  %d, %hd = br.rnn ins(%c, %r, %r : tensor<?x2x4xf32>, tensor<1x4x4xf32>, tensor<1x4x4xf32>)
    -> (tensor<?x2x4xf32>, tensor<1x2x4xf32>)
  func.return %d : tensor<?x2x4xf32>
}

// What is no part of a recurrence's output is copied: an argument, and a second result.

// CHECK-LABEL: func.func @copies(%x: memref<2x?x8xf32>
// CHECK-SAME: %[[X:\d+]]: memref<2x?x8xf32> {br.result}, %[[Y:\d+]]: memref<2x?x4xf32> {br.result}, %[[Z:\d+]]: memref<2x?x4xf32> {br.result}
// CHECK: memref.copy %x, %[[X]] : memref<2x?x8xf32> to memref<2x?x8xf32>
// CHECK-NEXT: memref.copy %[[Y]], %[[Z]] : memref<2x?x4xf32> to memref<2x?x4xf32>
func.func @copies(%x: tensor<2x?x8xf32>, %w: tensor<1x4x8xf32> {br.bound = 1 : i64},
                  %r: tensor<1x4x4xf32> {br.bound = 2 : i64})
    -> (tensor<2x?x8xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>) {
  %y, %h = br.rnn ins(%x, %w, %r : tensor<2x?x8xf32>, tensor<1x4x8xf32>, tensor<1x4x4xf32>)
    {batch_first} -> (tensor<2x?x4xf32>, tensor<1x2x4xf32>)
  func.return %x, %y, %y : tensor<2x?x8xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>
}
