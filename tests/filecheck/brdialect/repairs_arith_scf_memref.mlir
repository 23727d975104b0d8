// RUN: br-opt %s | br-opt | filecheck %s

// CHECK-LABEL: @vectors
// CHECK: arith.cmpf ogt, %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: arith.extsi %{{.*}} : vector<8xi8> to vector<8xi32>
// CHECK: arith.sitofp %{{.*}} : vector<8xi32> to vector<8xf32>
// CHECK: arith.index_cast %{{.*}} : vector<8xi32> to vector<8xindex>
func.func @vectors(%v: vector<8xf32>, %i: vector<8xi8>, %p: i1) {
  %0 = arith.cmpf ogt, %v, %v : vector<8xf32>
  %1 = arith.select %0, %v, %v : vector<8xi1>, vector<8xf32>
  %2 = arith.select %p, %v, %v : vector<8xf32>
  %3 = arith.extsi %i : vector<8xi8> to vector<8xi32>
  %4 = arith.sitofp %3 : vector<8xi32> to vector<8xf32>
  %5 = arith.index_cast %3 : vector<8xi32> to vector<8xindex>
  func.return
}

// CHECK-LABEL: @loops
// CHECK: scf.parallel (%{{.*}}, %{{.*}}) = (%{{.*}}, %{{.*}}) to (%{{.*}}, %{{.*}}) step (%{{.*}}, %{{.*}}) {
// CHECK: scf.parallel (%{{.*}}) = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) init (%{{.*}}) -> (f32) {
func.func @loops(%n: index, %s: f32) {
  scf.parallel (%i, %j) = (%n, %n) to (%n, %n) step (%n, %n) {
    scf.reduce
  }
  %0 = scf.parallel (%i) = (%n) to (%n) step (%n) init (%s) -> f32 {
    scf.reduce(%s : f32) {
    ^bb0(%l: f32, %r: f32):
      %q = arith.addf %l, %r : f32
      scf.reduce.return %q : f32
    }
  }
  func.return
}

// CHECK-LABEL: @memory
// CHECK: memref.copy %{{.*}}, %{{.*}} : memref<4xf32> to memref<4xf32>
// CHECK: memref.cast %{{.*}} : memref<4xf32> to memref<?xf32>
func.func @memory(%m: memref<4xf32>) {
  memref.copy %m, %m : memref<4xf32> to memref<4xf32>
  %0 = memref.cast %m : memref<4xf32> to memref<?xf32>
  func.return
}

// CHECK: memref.global "private" constant @weights : memref<2xf32> = dense<[1.000000e+00, 2.000000e+00]> {alignment = 64 : i64}
memref.global "private" constant @weights : memref<2xf32> = dense<[1.0, 2.0]> {alignment = 64 : i64}
// CHECK: memref.global @buffer : memref<2xf32> = uninitialized
memref.global @buffer : memref<2xf32> = uninitialized
// CHECK: memref.global "private" @elsewhere : memref<2xf32>
memref.global "private" @elsewhere : memref<2xf32>
