// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=2},share-reductions' \
// RUN:   | filecheck %s
// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=1},share-reductions' \
// RUN:   | filecheck %s --check-prefix ONE

#pixels = affine_map<(n, h, w, c) -> (n, h, w, c)>
#channel = affine_map<(n, h, w, c) -> (c)>

// Two sums over x are one sweep over it, in which each image has sums of its own; these
// are added up. The third waits for the first.
// CHECK-LABEL: func.func @statistics
// CHECK:         %[[P:.*]], %[[Q:.*]] = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3)>], iterator_types = ["parallel", "reduction", "reduction", "parallel"]} ins(%x, %y : {{.*}}) outs({{.*}} : tensor<4x64xf32>, tensor<4x64xf32>)
// CHECK:         %[[S:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<4x64xf32>) outs({{.*}} : tensor<64xf32>)
// CHECK:         %[[T:.*]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<4x64xf32>) outs({{.*}} : tensor<64xf32>)
// CHECK:         linalg.generic {{.*}} ins(%x, %[[S]] : {{.*}}) outs({{.*}} : tensor<4x64xf32>)
// On one thread there is nothing to share.
// ONE-LABEL: func.func @statistics
// ONE:         %[[P:.*]], %[[Q:.*]] = linalg.generic {{.*}} ins(%x, %y : {{.*}}) outs({{.*}} : tensor<64xf32>, tensor<64xf32>)
// ONE:         linalg.generic {{.*}} ins(%x, %[[P]] : {{.*}}) outs({{.*}} : tensor<64xf32>)
func.func @statistics(%x: tensor<4x16x16x64xf32>, %y: tensor<4x16x16x64xf32>)
    -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<64xf32>) -> tensor<64xf32>
  %s = linalg.generic {indexing_maps = [#pixels, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x : tensor<4x16x16x64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  %f = tensor.empty() : tensor<64xf32>
  %start = linalg.fill ins(%zero : f32) outs(%f : tensor<64xf32>) -> tensor<64xf32>
  %t = linalg.generic {indexing_maps = [#pixels, #pixels, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x, %y : tensor<4x16x16x64xf32>, tensor<4x16x16x64xf32>)
      outs(%start : tensor<64xf32>) {
  ^bb0(%in: f32, %other: f32, %out: f32):
    %0 = arith.mulf %in, %other : f32
    %1 = arith.addf %0, %out : f32
    linalg.yield %1 : f32
  } -> tensor<64xf32>
  %u = linalg.generic {indexing_maps = [#pixels, #channel, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x, %s : tensor<4x16x16x64xf32>, tensor<64xf32>)
      outs(%init : tensor<64xf32>) {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %0 = arith.subf %in, %mean : f32
    %1 = arith.addf %0, %out : f32
    linalg.yield %1 : f32
  } -> tensor<64xf32>
  func.return %s, %t, %u : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}

// A sum that starts from something, and a maximum, stay.
// CHECK-LABEL: func.func @others
// CHECK-NOT:     tensor<4x64xf32>
// CHECK:         return
func.func @others(%x: tensor<4x16x16x64xf32>, %init: tensor<64xf32>)
    -> (tensor<64xf32>, tensor<64xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<64xf32>) -> tensor<64xf32>
  %s = linalg.generic {indexing_maps = [#pixels, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x : tensor<4x16x16x64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  %t = linalg.generic {indexing_maps = [#pixels, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x : tensor<4x16x16x64xf32>) outs(%zeros : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  func.return %s, %t : tensor<64xf32>, tensor<64xf32>
}

// Of many channels, too, each image has its own sums, if it lies behind the one before:
// where threads shared channels they would fetch half of each image from each other.
// CHECK-LABEL: func.func @many_channels
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "reduction", "parallel"]} ins(%x : {{.*}}) outs({{.*}} : tensor<4x2048xf32>)
func.func @many_channels(%x: tensor<4x7x7x2048xf32>) -> tensor<2048xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2048xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2048xf32>) -> tensor<2048xf32>
  %s = linalg.generic {indexing_maps = [#pixels, #channel],
      iterator_types = ["reduction", "reduction", "reduction", "parallel"]}
      ins(%x : tensor<4x7x7x2048xf32>) outs(%zeros : tensor<2048xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<2048xf32>
  func.return %s : tensor<2048xf32>
}

// Few numbers for each sum, or a sum inside: threads share what is not summed up.
// CHECK-LABEL: func.func @inside
// CHECK:         linalg.generic {{.*}} ins(%x : {{.*}}) outs({{.*}} : tensor<2048xf32>)
// CHECK:         linalg.generic {{.*}} ins(%y : {{.*}}) outs({{.*}} : tensor<2048xf32>)
func.func @inside(%x: tensor<2048x4x16xf32>, %y: tensor<4x4x2048xf32>)
    -> (tensor<2048xf32>, tensor<2048xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2048xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2048xf32>) -> tensor<2048xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(c, n, p) -> (c, n, p)>,
      affine_map<(c, n, p) -> (c)>],
      iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : tensor<2048x4x16xf32>) outs(%zeros : tensor<2048xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<2048xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(n, p, c) -> (n, p, c)>,
      affine_map<(n, p, c) -> (c)>],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%y : tensor<4x4x2048xf32>) outs(%zeros : tensor<2048xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<2048xf32>
  func.return %s, %t : tensor<2048xf32>, tensor<2048xf32>
}
