// RUN: br-opt %s -p lower-recurrent-ops,hoist-load-time,bufferize,convert-recurrence-to-br,canonicalize,cse | filecheck %s

// W x of a chunk of steps is one contraction outside of the loop over its steps. A step
// is one parallel loop: one product for each gate on panels that were packed when the
// model was loaded, then the cell on what these products have just written.
module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} {

// CHECK-LABEL: @lstm_load(
// CHECK:      linalg.generic
// CHECK-LABEL: func.func @lstm(
// CHECK-SAME:   %[[W:[^:]*]]: memref<6x4x8x16xf32> {br.packed}, %[[R:[^:]*]]: memref<6x4x96x16xf32> {br.packed}
// CHECK-NOT:  linalg.generic
// CHECK:      scf.for %[[S:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK:        br.contract ins(%{{.*}}, %[[W]] : memref<64x4x8xf32,
// CHECK:        scf.for %[[I:.*]] = %{{.*}} to
// CHECK-NOT:      br.contract
// CHECK:          scf.parallel (%[[KB:.*]]) =
// CHECK-COUNT-4:          br.batch_reduce_gemm
// CHECK-NOT:        br.batch_reduce_gemm
// CHECK:            scf.for
// CHECK:              math.tanh
// CHECK:              vector.store %{{.*}}, %[[Y:.*]][%{{.*}}, %{{.*}}, %{{.*}}] : memref<?x4x96xf32>
// CHECK-NOT:      scf.parallel
// The steps that fill no chunk of 64: chunks of 8, then single ones.
// CHECK:        br.contract ins(%{{.*}}, %[[W]] : memref<8x4x8xf32,
// CHECK:          scf.parallel
// CHECK:        br.contract ins(%{{.*}}, %[[W]] : memref<1x4x8xf32,
// CHECK:          scf.parallel
// CHECK:      func.return
func.func @lstm(%x: tensor<?x4x8xf32>, %w: tensor<1x384x8xf32> {br.bound = 1 : i64},
    %r: tensor<1x384x96xf32> {br.bound = 2 : i64}) -> tensor<?x4x96xf32> {
  %y, %h, %c = br.lstm
      ins(%x, %w, %r : tensor<?x4x8xf32>, tensor<1x384x8xf32>, tensor<1x384x96xf32>)
      -> (tensor<?x4x96xf32>, tensor<1x4x96xf32>, tensor<1x4x96xf32>)
  func.return %y : tensor<?x4x96xf32>
}

// The other form of a GRU needs R (r * h), which has to wait for all of r * h.
// CHECK-LABEL: func.func @gru(
// CHECK:      scf.parallel
// CHECK-COUNT-2:      br.batch_reduce_gemm
// CHECK:      scf.parallel
// CHECK:        br.batch_reduce_gemm
// CHECK-NOT:  br.batch_reduce_gemm
// CHECK:      func.return
func.func @gru(%x: tensor<3x8x8xf32>, %w: tensor<1x288x8xf32> {br.bound = 1 : i64},
    %r: tensor<1x288x96xf32> {br.bound = 2 : i64}) -> tensor<3x8x96xf32> {
  %y, %h = br.gru
      ins(%x, %w, %r : tensor<3x8x8xf32>, tensor<1x288x8xf32>, tensor<1x288x96xf32>)
      -> (tensor<3x8x96xf32>, tensor<1x8x96xf32>)
  func.return %y : tensor<3x8x96xf32>
}

// Each thread takes half of a large batch through all of time.
// CHECK-LABEL: func.func @groups(
// CHECK:      scf.parallel (%{{.*}}) = (%{{.*}}) to (%{{.*}}) step (%[[HALF:.*]]) {
// CHECK:        br.contract ins(%{{.*}} : memref<3x32x8xf32,
// CHECK:      func.return
func.func @groups(%x: tensor<3x64x8xf32>, %w: tensor<1x96x8xf32> {br.bound = 1 : i64},
    %r: tensor<1x96x96xf32> {br.bound = 2 : i64}) -> tensor<3x64x96xf32> {
  %y, %h = br.rnn
      ins(%x, %w, %r : tensor<3x64x8xf32>, tensor<1x96x8xf32>, tensor<1x96x96xf32>)
      -> (tensor<3x64x96xf32>, tensor<1x64x96xf32>)
  func.return %y : tensor<3x64x96xf32>
}

// Weights that outgrow the L2: each product asks for the panel that comes next. At the
// last gate that is gate 0 of the next panel of units, and at the end the last panel.
// CHECK-LABEL: func.func @ahead(
// CHECK:      br.contract {{.*}}prefetch=b
// CHECK:      scf.parallel
// CHECK-COUNT-3:  br.batch_reduce_gemm {{.*}} next(%{{.*}} : memref<8192xf32,
// CHECK-NOT:  br.batch_reduce_gemm
// CHECK:      func.return
func.func @ahead(%x: tensor<3x8x512xf32>, %w: tensor<1x1536x512xf32> {br.bound = 1 : i64},
    %r: tensor<1x1536x512xf32> {br.bound = 2 : i64}) -> tensor<3x8x512xf32> {
  %y, %h = br.gru
      ins(%x, %w, %r : tensor<3x8x512xf32>, tensor<1x1536x512xf32>, tensor<1x1536x512xf32>)
      -> (tensor<3x8x512xf32>, tensor<1x8x512xf32>)
  func.return %y : tensor<3x8x512xf32>
}

// One sequence is bound by memory, and reads what it reads without being asked.
// CHECK-LABEL: func.func @one(
// CHECK-NOT:  next(
// CHECK:      func.return
func.func @one(%x: tensor<3x1x512xf32>, %w: tensor<1x512x512xf32> {br.bound = 1 : i64},
    %r: tensor<1x512x512xf32> {br.bound = 2 : i64}) -> tensor<3x1x512xf32> {
  %y, %h = br.rnn
      ins(%x, %w, %r : tensor<3x1x512xf32>, tensor<1x512x512xf32>, tensor<1x512x512xf32>)
      -> (tensor<3x1x512xf32>, tensor<1x1x512xf32>)
  func.return %y : tensor<3x1x512xf32>
}

// Too little work for a team: plain loops.
// CHECK-LABEL: func.func @small(
// CHECK-NOT:  scf.parallel
// CHECK:      func.return
func.func @small(%x: tensor<3x2x8xf32>, %w: tensor<1x16x8xf32> {br.bound = 1 : i64},
    %r: tensor<1x16x16xf32> {br.bound = 2 : i64}) -> tensor<3x2x16xf32> {
  %y, %h = br.rnn
      ins(%x, %w, %r : tensor<3x2x8xf32>, tensor<1x16x8xf32>, tensor<1x16x16xf32>)
      -> (tensor<3x2x16xf32>, tensor<1x2x16xf32>)
  func.return %y : tensor<3x2x16xf32>
}
}
