// RUN: br-opt %s -p raise-recurrences | filecheck %s

// What is no recurrence stays: what is looked up at places that nothing is known of,
// and what runs on memory.

#row = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @looked_up
// CHECK:         tensor.extract %{{.*}} : tensor<1x5x3xf32>
func.func @looked_up(%a: tensor<5x3xf32>, %x: tensor<7xf32>) -> tensor<7xf32> {
  %c5 = arith.constant 5 : index
  %zero = arith.constant 0 : index
  %t = tensor.expand_shape %a [[0, 1], [2]] output_shape [1, 5, 3]
      : tensor<5x3xf32> into tensor<1x5x3xf32>
  %e = tensor.empty() : tensor<7xf32>
  %y = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
      ins(%x : tensor<7xf32>) outs(%e : tensor<7xf32>) {
  ^bb0(%in: f32, %out: f32):
    %i = linalg.index 0 : index
    %j = arith.remui %i, %c5 : index
    %found = tensor.extract %t[%zero, %j, %zero] : tensor<1x5x3xf32>
    %sum = arith.addf %found, %in : f32
    linalg.yield %sum : f32
  } -> tensor<7xf32>
  func.return %y : tensor<7xf32>
}

// CHECK-LABEL: func.func @on_memory
// CHECK:         arith.addf
func.func @on_memory(%x: memref<7xf32>, %y: memref<7xf32>) {
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
      ins(%x : memref<7xf32>) outs(%y : memref<7xf32>) {
  ^bb0(%in: f32, %out: f32):
    %sum = arith.addf %in, %out : f32
    linalg.yield %sum : f32
  }
  func.return
}
