// RUN: br-opt %s -p lower-recurrent-ops,hoist-load-time,bufferize,convert-recurrence-to-br,canonicalize,cse | filecheck %s

// R is put in panels once, when the model is loaded. A step back in time is one parallel
// loop: one product for all gates of the step before, then the derivative of the cell,
// for which the gates themselves are saved: only the tanh of c is computed again.
// The gradients of x and W are contractions over the 40 rows of all steps, that of R over
// the 32 of all but the first, which R multiplies by 0; they stand behind the loop over
// time, and their operands are as the steps have left them.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @lstm_load(
// CHECK:      linalg.generic
// CHECK-LABEL: func.func @lstm(
// CHECK-SAME:   %[[R:[^:]*]]: memref<6x6x4x16x16xf32> {br.packed}, %[[W:[^:]*]]: memref<4x6x16x24xf32> {br.packed}
// CHECK-NOT:  linalg.generic
// CHECK:      scf.parallel (%[[KB:.*]]) =
// CHECK:        scf.if
// CHECK:          memref.reinterpret_cast %[[R]]
// CHECK:          br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x4x8x16xf32, {{.*}}>, memref<6x4x16x16xf32,
// CHECK-NOT:      br.batch_reduce_gemm
// CHECK:        scf.if
// CHECK:          scf.for
// CHECK:            math.tanh
// CHECK-NOT:        math.tanh
// CHECK-NOT:  scf.parallel
// CHECK:      br.contract ins(%[[G:.*]], %[[W]] : memref<6x4x40x16xf32>, memref<4x6x16x24xf32>) outs(%{{.*}} : memref<40x24xf32>)
// CHECK:      br.contract ins(%[[G]], %{{.*}} : memref<6x4x40x16xf32>, memref<3x40x8xf32>) outs(%{{.*}} : memref<4x6x16x3x8xf32>)
// CHECK:      br.contract ins(%{{.*}}, %{{.*}} : memref<6x4x32x16xf32, strided<[2560, 640, 16, 1], offset: 128>>, memref<6x32x16xf32, strided<[640, 16, 1], offset: 128>>) outs(%{{.*}} : memref<4x6x16x6x16xf32>)
// CHECK-NOT:  br.contract
// CHECK:      func.return
func.func @lstm(%x: tensor<5x8x24xf32>, %w: tensor<1x384x24xf32> {br.bound = 1 : i64},
    %r: tensor<1x384x96xf32> {br.bound = 2 : i64}, %y: tensor<5x8x96xf32>,
    %saved: tensor<1x5x8x480xf32>, %dy: tensor<5x8x96xf32>)
    -> (tensor<5x8x24xf32>, tensor<1x384x24xf32>, tensor<1x384x96xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh0, %dc0, %dp = br.lstm_backward
    ins(%x, %w, %r : tensor<5x8x24xf32>, tensor<1x384x24xf32>, tensor<1x384x96xf32>)
    saved(%y, %saved : tensor<5x8x96xf32>, tensor<1x5x8x480xf32>)
    dy(%dy : tensor<5x8x96xf32>)
    -> (tensor<5x8x24xf32>, tensor<1x384x24xf32>, tensor<1x384x96xf32>,
        tensor<1x384xf32>, tensor<1x384xf32>, tensor<1x8x96xf32>, tensor<1x8x96xf32>,
        tensor<1x288xf32>)
  func.return %dx, %dw, %dr
    : tensor<5x8x24xf32>, tensor<1x384x24xf32>, tensor<1x384x96xf32>
}

// R of the candidate multiplies r * h': its gradient has to wait for all of the
// candidate's, and the reset gate's has to wait for that. What nobody asks for is not
// computed.
// CHECK-LABEL: func.func @gru(
// CHECK:      scf.parallel
// CHECK:        br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x2x8x16xf32, {{.*}}>, memref<6x2x16x16xf32,
// CHECK:      scf.parallel
// CHECK:        br.batch_reduce_gemm ins(%{{.*}}, %{{.*}} : memref<6x1x8x16xf32, {{.*}}>, memref<6x1x16x16xf32,
// CHECK-NOT:  br.batch_reduce_gemm
// CHECK:      br.contract
// CHECK-NOT:  br.contract
// CHECK:      func.return
func.func @gru(%x: tensor<5x8x24xf32>, %w: tensor<1x288x24xf32>,
    %r: tensor<1x288x96xf32>, %y: tensor<5x8x96xf32>, %saved: tensor<1x5x8x288xf32>,
    %dy: tensor<5x8x96xf32>) -> tensor<5x8x24xf32> {
  %dx, %dw, %dr, %db, %drb, %dh0 = br.gru_backward
    ins(%x, %w, %r : tensor<5x8x24xf32>, tensor<1x288x24xf32>, tensor<1x288x96xf32>)
    saved(%y, %saved : tensor<5x8x96xf32>, tensor<1x5x8x288xf32>)
    dy(%dy : tensor<5x8x96xf32>)
    -> (tensor<5x8x24xf32>, tensor<1x288x24xf32>, tensor<1x288x96xf32>,
        tensor<1x288xf32>, tensor<1x288xf32>, tensor<1x8x96xf32>)
  func.return %dx : tensor<5x8x24xf32>
}
}
