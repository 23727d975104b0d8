// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},differentiate{entry=rnn},lower-recurrent-ops,choose-schedule,bufferize,outline-nests,convert-recurrence-to-grid' | filecheck %s

// R is read as it is; a cell for each step and a product between two, since nobody asks
// for the gradient of the first state.
// CHECK-LABEL: func.func @rnn_backward(%x: memref<3x2x5xf32>, %w: {{.*}}, %r: memref<1x7x7xf32>, %y
// CHECK:       func.call @br_recurrence_backward_[[N:[0-9]+]](
// CHECK-LABEL: func.func private @br_recurrence_backward_
// CHECK-SAME:    %[[SAVED:[0-9]+]]: memref<3x2x7xf32>, %[[Y:[0-9]+]]: memref<3x2x7xf32>, %[[R:[0-9]+]]: memref<1x1x1x7x7xf32>
// CHECK:         %[[DH:.*]] = memref.view %{{.*}} to memref<1x2x7xf32>
// CHECK:         %[[SUMS:.*]] = memref.view %{{.*}} to memref<2x1x1x7xf32>
// CHECK:         func.call @br_recurrence_backward_[[N]]_begin(%{{.*}}, %[[DH]], %[[SUMS]])
// CHECK:         func.call @br_recurrence_backward_[[N]]_cell(%[[SAVED]], %[[Y]], %{{.*}}, %{{.*}}, %[[GATES:.*]], %{{.*}}, %[[DH]], %[[SUMS]], %{{.*}})
// CHECK:         scf.for
// CHECK:           func.call @br_recurrence_backward_[[N]]_product_0(%[[GATES]], %[[R]], %[[DH]], %{{.*}})
// CHECK:           func.call @br_recurrence_backward_[[N]]_cell(
// CHECK:         }
// CHECK-NEXT:    func.call @br_recurrence_backward_[[N]]_end(%[[DH]], %{{.*}})
// CHECK-NEXT:    func.call @br_recurrence_backward_[[N]]_sums(%[[SUMS]], %{{.*}})
// CHECK-LABEL: func.func private @br_recurrence_backward_{{.*}}_begin(
// CHECK-SAME:    br.grid = 1 : i64, br.threads = 256
// CHECK-LABEL: func.func private @br_recurrence_backward_{{.*}}_cell(
// CHECK-SAME:    br.grid = 1 : i64, br.threads = 256
// CHECK-NOT:     math.tanh
// CHECK:         math.fma
// CHECK-LABEL: func.func private @br_recurrence_backward_{{.*}}_product_0(
// CHECK:         br.contract ins({{.*}} : memref<1x2x7xf32, {{.*}}>, memref<1x7x7xf32, {{.*}}>) outs({{.*}} : memref<2x7xf32, {{.*}}>)
// CHECK-SAME:      beta = 0.0
// CHECK-LABEL: func.func private @br_recurrence_backward_{{.*}}_sums(
// CHECK:         scf.for
func.func @rnn(%x: tensor<3x2x5xf32>, %w: tensor<1x7x5xf32>, %r: tensor<1x7x7xf32>)
    -> tensor<3x2x7xf32> {
  %y, %h = br.rnn ins(%x, %w, %r : tensor<3x2x5xf32>, tensor<1x7x5xf32>, tensor<1x7x7xf32>)
    -> (tensor<3x2x7xf32>, tensor<1x2x7xf32>)
  func.return %y : tensor<3x2x7xf32>
}
