// RUN: br-opt %s -p bufferize,outline-nests,outline-parallel | filecheck %s
// RUN: br-opt %s -p bufferize | filecheck %s --check-prefix BUFFER

// A loop whose trips threads share: each has its own memory for what it computes on the
// way, and writes its part of the result in place.

#id = affine_map<(i, j) -> (i, j)>

builtin.module attributes {br.target = #br.target<"x86-64-v4", threads = 2>} {

// BUFFER-LABEL: func.func @f(%x: memref<4x16xf32>, %0: memref<4x16xf32> {br.result}, %1: memref<128xi8> {br.arena}) {
// BUFFER:         %[[ALL:\d+]] = memref.view %1[%{{.*}}][] : memref<128xi8> to memref<128xi8>
// BUFFER-NEXT:    scf.parallel (%i) = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) {
// BUFFER:           %[[X:\d+]] = memref.reinterpret_cast %x to offset: [%{{.*}}], sizes: [1, 16]
// BUFFER:           %[[SIZE:\d+]] = arith.constant 64 : index
// BUFFER-NEXT:      %[[AT:\d+]] = arith.muli %i, %[[SIZE]]
// BUFFER-NEXT:      %[[T:\d+]] = memref.view %[[ALL]][%[[AT]]][] : memref<128xi8> to memref<1x16xf32>
// BUFFER-NEXT:      linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[T]] :
// BUFFER:           %[[Y:\d+]] = memref.reinterpret_cast %0
// BUFFER:           linalg.generic {{.*}} ins(%[[T]] : {{.*}}) outs(%[[Y]] :
// BUFFER:           scf.reduce

// The loop is one nest, which the team runs.
// CHECK-LABEL: func.func @f
// CHECK:         func.call @br_shared_0(%x, %{{.*}}, %0)
// CHECK-NOT:     scf.parallel
// CHECK-LABEL: func.func private @br_shared_0
// CHECK:         br.parallel_call @br_shared_0_parallel_0({{.*}}) tasks {{.*}} threads 2
// CHECK-LABEL: func.func private @br_shared_0_parallel_0
// CHECK:         scf.for
func.func @f(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %e = tensor.empty() : tensor<4x16xf32>
  %y = scf.for %i = %zero to %two step %one iter_args(%c = %e) -> (tensor<4x16xf32>) {
    %xi = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
    %t = tensor.empty() : tensor<1x16xf32>
    %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%xi : tensor<1x16xf32>) outs(%t : tensor<1x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      %b = arith.mulf %a, %a : f32
      linalg.yield %b : f32
    } -> tensor<1x16xf32>
    %u = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, 15 - j)>, #id], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<1x16xf32>) outs(%t : tensor<1x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    } -> tensor<1x16xf32>
    %d = tensor.insert_slice %u into %c[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
    scf.yield %d : tensor<4x16xf32>
  } {br.parallel}
  return %y : tensor<4x16xf32>
}
}
