// RUN: br-opt %s -p bufferize --split-input-file | filecheck %s

// The matrix product reads %h, so it has a buffer of its own: its result is copied
// into that of %h, in which the next trip looks for it. The rows go to the result.
// CHECK-LABEL: @counted(%x: memref<2x3xf32>, %w: memref<3x3xf32>, %0: memref<2x3xf32> {br.result}, %1: memref<5x2x3xf32> {br.result}, %2: memref<64xi8> {br.arena})
// CHECK:       ins(%x : memref<2x3xf32>) outs(%0 : memref<2x3xf32>)
// CHECK:       scf.for %i = %c0 to %c5 step %c1 {
// CHECK:         [[NEW:%[0-9]+]] = memref.view %2
// CHECK-NEXT:    br.contract ins(%0, %w : {{.*}}) outs([[NEW]] :
// CHECK:         [[ROW:%[0-9]+]] = memref.reinterpret_cast %1 to offset: [{{.*}}], sizes: [2, 3]
// CHECK-NEXT:    linalg.generic {{.*}} ins([[NEW]] : {{.*}}) outs([[ROW]] :
// CHECK:         linalg.generic {{.*}} ins([[NEW]] : {{.*}}) outs(%0 :
// CHECK:         linalg.yield
// CHECK-NEXT:    }
// CHECK-NEXT:  }
// CHECK-NEXT:  func.return
func.func @counted(%x: tensor<2x3xf32>, %w: tensor<3x3xf32>) -> (tensor<2x3xf32>, tensor<5x2x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %rows = tensor.empty() : tensor<5x2x3xf32>
  %r:2 = scf.for %i = %c0 to %c5 step %c1 iter_args(%h = %x, %all = %rows) -> (tensor<2x3xf32>, tensor<5x2x3xf32>) {
    %e = tensor.empty() : tensor<2x3xf32>
    %y = br.contract ins(%h, %w : tensor<2x3xf32>, tensor<3x3xf32>) outs(%e : tensor<2x3xf32>) {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], beta = 0.0} -> tensor<2x3xf32>
    %more = tensor.insert_slice %y into %all[%i, 0, 0] [1, 2, 3] [1, 1, 1] : tensor<2x3xf32> into tensor<5x2x3xf32>
    scf.yield %y, %more : tensor<2x3xf32>, tensor<5x2x3xf32>
  }
  func.return %r#0, %r#1 : tensor<2x3xf32>, tensor<5x2x3xf32>
}

// -----

// Two that change places go through a third buffer.
// CHECK-LABEL: @swap
// CHECK:       ins(%x : {{.*}}) outs(%0 :
// CHECK:       ins(%y : {{.*}}) outs(%1 :
// CHECK:       scf.for
// CHECK-DAG:     ins(%0 : {{.*}}) outs([[A:%[0-9]+]] :
// CHECK-DAG:     ins(%1 : {{.*}}) outs([[B:%[0-9]+]] :
// CHECK-DAG:     ins([[A]] : {{.*}}) outs(%1 :
// CHECK-DAG:     ins([[B]] : {{.*}}) outs(%0 :
func.func @swap(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %r:2 = scf.for %i = %c0 to %c5 step %c1 iter_args(%a = %x, %b = %y) -> (tensor<4xf32>, tensor<4xf32>) {
    scf.yield %b, %a : tensor<4xf32>, tensor<4xf32>
  }
  func.return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// The state is computed in place: nothing is copied in the loop, which carries numbers
// alone.
// CHECK-LABEL: @conditional
// CHECK:       ins(%x : {{.*}}) outs(%0 :
// CHECK:       %{{.*}} = scf.while (%n = %c0) : (index) -> index {
// CHECK:         %{{.*}} = memref.load %0[%c0]
// CHECK-NOT:     linalg
// CHECK:         scf.condition(%more) %n : index
// CHECK:       } do {
// CHECK-NEXT:  ^bb{{.*}}(%{{.*}}: index):
// CHECK-NEXT:    linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%0 :
// CHECK-NOT:     linalg.generic
// CHECK:         scf.yield
func.func @conditional(%x: tensor<4xf32>, %limit: f32) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.while (%n = %c0, %h = %x) : (index, tensor<4xf32>) -> (index, tensor<4xf32>) {
    %first = tensor.extract %h[%c0] : tensor<4xf32>
    %more = arith.cmpf olt, %first, %limit : f32
    scf.condition(%more) %n, %h : index, tensor<4xf32>
  } do {
  ^bb0(%n: index, %h: tensor<4xf32>):
    %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%h : tensor<4xf32>) {
    ^bb1(%a: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    } -> tensor<4xf32>
    %m = arith.addi %n, %c1 : index
    scf.yield %m, %y : index, tensor<4xf32>
  }
  func.return %r#1 : tensor<4xf32>
}

// -----

// What a branch computes is computed where the result is wanted; what is there already
// is copied.
// CHECK-LABEL: @branch
// CHECK:       scf.if %c {
// CHECK-NEXT:    linalg.generic {{.*}} ins(%x : {{.*}}) outs(%0 :
// CHECK:           arith.addf
// CHECK:       } else {
// CHECK-NEXT:    linalg.generic {{.*}} ins(%x : {{.*}}) outs(%0 :
// CHECK-NEXT:    ^bb
// CHECK-NEXT:      linalg.yield
// CHECK-NEXT:    }
// CHECK-NEXT:  }
// CHECK-NEXT:  func.return
func.func @branch(%x: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  %r = scf.if %c -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb1(%a: f32, %o: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    } -> tensor<4xf32>
    scf.yield %y : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  func.return %r : tensor<4xf32>
}
