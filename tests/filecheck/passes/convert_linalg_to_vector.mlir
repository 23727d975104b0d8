// RUN: br-opt %s -p convert-linalg-to-vector | filecheck %s

#flat = affine_map<(d0) -> (d0)>
#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>
#column = affine_map<(d0, d1) -> (d0)>

// The two loops are one of 39 = 4 * 8 + 7: whole vectors in a loop, then 7 lanes.
// CHECK-LABEL: func.func @elementwise
// CHECK-DAG:     [[VIEW:%.*]] = memref.reinterpret_cast %x to offset: [0], sizes: [39], strides: [1]
// CHECK:         scf.for [[I:%.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK-NEXT:      [[V:%.*]] = vector.load [[VIEW]][[[I]]]
// CHECK-NEXT:      [[W:%.*]] = arith.addf [[V]], [[V]] : vector<8xf32>
// CHECK-NEXT:      vector.store [[W]], %{{.*}}[[[I]]]
// CHECK-NEXT:    }
// CHECK:         [[MASK:%.*]] = arith.constant dense<[true, true, true, true, true, true, true, false]> : vector<8xi1>
// CHECK-NEXT:    vector.maskedload [[VIEW]][%{{.*}}], [[MASK]], %{{.*}} : {{.*}}
// CHECK:         [[MASK_OUT:%.*]] = arith.constant dense<[true, true, true, true, true, true, true, false]> : vector<8xi1>
// CHECK-NEXT:    vector.maskedstore %{{.*}}[%{{.*}}], [[MASK_OUT]], %{{.*}}
// CHECK-NEXT:    func.return
func.func @elementwise(%x: memref<3x13xf32>, %y: memref<3x13xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
  ins(%x : memref<3x13xf32>) outs(%y : memref<3x13xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = arith.addf %a, %a : f32
    linalg.yield %r : f32
  }
  func.return
}

// A row that is broadcast has stride 0 along the outer loop.
// CHECK-LABEL: func.func @bias
// CHECK:         memref.reinterpret_cast %b to offset: [0], sizes: [3, 16], strides: [0, 1]
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             arith.addf %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-NOT:     masked
func.func @bias(%x: memref<3x16xf32>, %b: memref<16xf32>, %y: memref<3x16xf32>) {
  linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
  ins(%x, %b : memref<3x16xf32>, memref<16xf32>) outs(%y : memref<3x16xf32>) {
  ^bb0(%a: f32, %c: f32, %out: f32):
    %r = arith.addf %a, %c : f32
    linalg.yield %r : f32
  }
  func.return
}

// Over rows: five of them side by side, a vector accumulator in a register for each, and
// one vector.reduction for each at the end.
// CHECK-LABEL: func.func @sum_of_rows
// CHECK:         arith.constant dense<-0.000000e+00> : vector<8xf32>
// CHECK:         scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}) ->
// CHECK-COUNT-5:   vector.load
// CHECK:         vector.reduction <add>, %{{.*}} fastmath<reassoc> : vector<8xf32> into f32
// CHECK-NEXT:    arith.addf
// CHECK-NEXT:    memref.store
// CHECK-COUNT-4: vector.reduction <add>
func.func @sum_of_rows(%x: memref<5x64xf32>, %y: memref<5xf32>) {
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["parallel", "reduction"]}
  ins(%x : memref<5x64xf32>) outs(%y : memref<5xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = arith.addf %a, %out : f32
    linalg.yield %r : f32
  }
  func.return
}

// Over columns: the parallel loop is contiguous, so each lane has its own sum.
// CHECK-LABEL: func.func @sum_of_columns
// CHECK:         [[START:%.*]] = vector.load
// CHECK:         scf.for {{.*}} iter_args(
// CHECK-NOT:     vector.reduction
func.func @sum_of_columns(%x: memref<5x64xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["reduction", "parallel"]}
  ins(%x : memref<5x64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = arith.addf %a, %out : f32
    linalg.yield %r : f32
  }
  func.return
}

// A transpose: eight loads along the input, three stages of shuffles, eight stores.
// CHECK-LABEL: func.func @transpose
// CHECK-COUNT-8: vector.load
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: vector.store
func.func @transpose(%x: memref<16x24xf32>, %y: memref<24x16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, #id],
                  iterator_types = ["parallel", "parallel"]}
  ins(%x : memref<16x24xf32>) outs(%y : memref<24x16xf32>) {
  ^bb0(%a: f32, %out: f32):
    linalg.yield %a : f32
  }
  func.return
}

// Integer division could trap in a lane that is masked off: scalar code.
// CHECK-LABEL: func.func @division
// CHECK:         arith.divsi %{{.*}}, %{{.*}} : i32
// CHECK-NOT:     vector
// CHECK:         func.return
func.func @division(%x: memref<9xi32>, %y: memref<9xi32>) {
  linalg.generic {indexing_maps = [#flat, #flat, #flat], iterator_types = ["parallel"]}
  ins(%x, %y : memref<9xi32>, memref<9xi32>) outs(%y : memref<9xi32>) {
  ^bb0(%a: i32, %b: i32, %out: i32):
    %r = arith.divsi %a, %b : i32
    linalg.yield %r : i32
  }
  func.return
}

// CHECK-LABEL: func.func @fill
// CHECK:         [[C:%.*]] = vector.broadcast %c : f32 to vector<8xf32>
// CHECK:         vector.store [[C]], %{{.*}} : memref<8xf32>, vector<8xf32>
func.func @fill(%c: f32, %y: memref<2x4xf32>) {
  linalg.fill ins(%c : f32) outs(%y : memref<2x4xf32>)
  func.return
}

// Pooling with stride 2: two loads, the second masked, thinned out by a shuffle.
// CHECK-LABEL: func.func @pooling
// CHECK:         memref.reinterpret_cast %x to offset: [0], sizes: [2, 15], strides: [1, 1]
// CHECK:         scf.for
// CHECK:           [[A:%.*]] = vector.load
// CHECK:           arith.constant dense<[true, true, true, true, true, true, true, false]>
// CHECK-NEXT:      [[B:%.*]] = vector.maskedload
// CHECK-NEXT:      vector.shuffle [[A]], [[B]] [0, 2, 4, 6, 8, 10, 12, 14]
// CHECK-NEXT:      arith.maximumf
func.func @pooling(%x: memref<16xf32>, %w: memref<2xf32>, %y: memref<8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 * 2 + d1)>,
                                   affine_map<(d0, d1) -> (d1)>,
                                   affine_map<(d0, d1) -> (d0)>],
                  iterator_types = ["parallel", "reduction"]}
  ins(%x, %w : memref<16xf32>, memref<2xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %r = arith.maximumf %a, %out : f32
    linalg.yield %r : f32
  }
  func.return
}
