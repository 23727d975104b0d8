// RUN: br-opt %s -p time-nests --split-input-file | filecheck %s

#id = affine_map<(i) -> (i)>

// One reading before the first nest and one behind each; the clock stands before the
// arena. What takes no time, such as a view, counts with the nest behind it.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %x: memref<8xf32>, %y: memref<8xf32> {br.result}, %[[CLOCK:\d+]]: memref<4xi64> {br.clock}, %arena: memref<64xi8> {br.arena})
// CHECK-NEXT: %[[T0:\d+]] = func.call @llvm.readcyclecounter() : () -> i64
// CHECK-NEXT: %[[I0:\d+]] = arith.constant 0 : index
// CHECK-NEXT: memref.store %[[T0]], %[[CLOCK]]
// CHECK-NEXT: func.call @half
// CHECK-NEXT: %[[T1:\d+]] = func.call @llvm.readcyclecounter() : () -> i64
// CHECK-NEXT: %[[I1:\d+]] = arith.constant 1 : index
// CHECK-NEXT: memref.store %[[T1]], %[[CLOCK]]
// CHECK-NEXT: arith.constant 0 : index
// CHECK-NEXT: memref.view
// CHECK-NEXT: memref.copy
// CHECK-NEXT: func.call @llvm.readcyclecounter() : () -> i64
// CHECK: func.call @half
// CHECK-NEXT: %[[T3:\d+]] = func.call @llvm.readcyclecounter() : () -> i64
// CHECK-NEXT: %[[I3:\d+]] = arith.constant 3 : index
// CHECK-NEXT: memref.store %[[T3]], %[[CLOCK]]
// CHECK-NEXT: func.return
func.func @main(%x: memref<8xf32>, %y: memref<8xf32> {br.result},
                %arena: memref<64xi8> {br.arena}) {
  func.call @half(%x, %y) : (memref<8xf32>, memref<8xf32>) -> ()
  %zero = arith.constant 0 : index
  %v = memref.view %arena[%zero][] : memref<64xi8> to memref<8xf32>
  memref.copy %y, %v : memref<8xf32> to memref<8xf32>
  func.call @half(%v, %y) : (memref<8xf32>, memref<8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func private @half
// CHECK-NOT: func.call @llvm
func.func private @half(%x: memref<8xf32>, %y: memref<8xf32>) {
  %two = arith.constant 2.0 : f32
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.divf %in, %two : f32
    linalg.yield %s : f32
  }
  func.return
}
// CHECK: func.func private @llvm.readcyclecounter() -> i64

// -----

// Nothing to time is still one reading; without an arena the clock is the last.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %x: memref<8xf32>, %[[CLOCK:\d+]]: memref<1xi64> {br.clock})
// CHECK: memref.store %{{.*}}, %[[CLOCK]]
// CHECK-NOT: memref.store
func.func @main(%x: memref<8xf32>) {
  func.return
}
