// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},lower-recurrent-ops,hoist-load-time,bufferize,outline-nests,convert-recurrence-to-grid' --split-input-file | filecheck %s

// The gates of a unit lie side by side: [7 units, 3 gates, 5 inputs, 1].
// CHECK-LABEL: func.func @main(
// CHECK:       func.call @br_recurrence_[[N:[0-9]+]](
// CHECK-LABEL: func.func private @br_recurrence_
// CHECK:         %[[GATES:.*]] = memref.view %{{.*}} to memref<6x3x24xf32>
// CHECK:         %[[HIDDEN:.*]] = memref.view %{{.*}} to memref<3x24xf32>
// CHECK:         %[[RESET:.*]] = memref.view %{{.*}} to memref<3x8xf32>
// CHECK:         func.call @br_recurrence_[[N]]_begin
// CHECK:         func.call @br_recurrence_[[N]]_inputs_6(%{{.*}}, %{{.*}}, %{{.*}}, %[[GATES]])
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step
// CHECK-NEXT:      func.call @br_recurrence_[[N]]_hidden(%[[H:.*]], %[[R:.*]], %[[HIDDEN]])
// CHECK-NEXT:      func.call @br_recurrence_[[N]]_reset(%[[GATES]], %[[HIDDEN]], %[[H]], %[[RESET]], %[[T]])
// CHECK-NEXT:      func.call @br_recurrence_[[N]]_candidate(%[[RESET]], %[[R]], %[[HIDDEN]])
// CHECK-NEXT:      func.call @br_recurrence_[[N]]_cell(%[[GATES]], %[[HIDDEN]], %[[H]], %{{.*}}, %[[T]], %[[T]])
// CHECK-NEXT:    }
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_begin(
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_inputs_6(
// CHECK:         br.contract ins({{.*}} : memref<6x3x5xf32, {{.*}}>, memref<21x5xf32, {{.*}}>) outs({{.*}} : memref<6x3x21xf32, strided<[72, 24, 1]>>)
// CHECK-SAME:      schedule = #br.schedule<" | m=b n=c k=d rows=a | block=
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_hidden(
// The gates z and r: the first two of each unit.
// CHECK:         br.contract ins({{.*}} : memref<3x7xf32>, memref<2x7x7xf32, strided<[7, 21, 1]>>) outs({{.*}} : memref<3x2x7xf32, strided<[24, 1, 3]>>)
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_reset(
// CHECK-SAME:    br.grid = 1 : i64, br.threads = 256
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_candidate(
// CHECK:         br.contract ins({{.*}} : memref<3x7xf32, strided<[8, 1]>>, memref<7x7xf32, strided<[21, 1], offset: 14>>) outs({{.*}} : memref<3x7xf32, strided<[24, 3], offset: 2>>)
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_cell(
// CHECK-SAME:    br.grid = 1 : i64, br.threads = 256
// CHECK:         math.exp
func.func @main(%x: tensor<6x3x5xf32>, %w: tensor<1x21x5xf32>, %r: tensor<1x21x7xf32>)
    -> tensor<6x3x7xf32> {
  %y, %h = br.gru ins(%x, %w, %r : tensor<6x3x5xf32>, tensor<1x21x5xf32>, tensor<1x21x7xf32>)
    {} -> (tensor<6x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<6x3x7xf32>
}

// -----

// A step of an LSTM is one kernel; h has two places in turn.
// CHECK-LABEL: func.func @lstm(
// CHECK-LABEL: func.func private @br_recurrence_
// CHECK:         %[[GATES:.*]] = memref.view %{{.*}} to memref<6x3x28xf32>
// CHECK:         %[[H:.*]] = memref.view %{{.*}} to memref<2x3x8xf32>
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step
// CHECK-NEXT:      func.call @br_recurrence_{{.*}}_step(%[[H]], %{{.*}}, %[[GATES]], %{{.*}}, %{{.*}}, %[[T]], %[[T]], %[[T]])
// CHECK-NEXT:    }
// CHECK-NEXT:    func.call @br_recurrence_{{.*}}_end(%[[H]], %{{.*}})
// CHECK-LABEL: func.func private @br_recurrence_{{.*}}_step(
// CHECK:         arith.remui
// CHECK:         br.batch_reduce_gemm ins({{.*}} : memref<3x7xf32, strided<[8, 1], offset: ?>>, memref<7x28xf32, strided<[1, 7]>>) outs({{.*}} : memref<3x28xf32, strided<[28, 1], offset: ?>>) {tile = #br.tile<"block=32x32x16 warp=16x16 stages=4">, finish} epilogue {
// CHECK-NEXT:    ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: vector<4xf32>):
// CHECK-COUNT-5:   math.tanh
// CHECK:           memref.store
// CHECK:           br.yield
func.func @lstm(%x: tensor<6x3x5xf32>, %w: tensor<1x28x5xf32>, %r: tensor<1x28x7xf32>)
    -> tensor<6x3x7xf32> {
  %y, %h, %c = br.lstm ins(%x, %w, %r : tensor<6x3x5xf32>, tensor<1x28x5xf32>, tensor<1x28x7xf32>)
    {} -> (tensor<6x3x7xf32>, tensor<1x3x7xf32>, tensor<1x3x7xf32>)
  func.return %y : tensor<6x3x7xf32>
}
